"""Figures of a run directory, one short file a figure, named after it.

``figures["raster"](run)`` draws one; `spikefa.plotting.of_runs.save_figure` writes it to a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spikefa._registry import Registry

#: Name -> function of a `Run` that returns a matplotlib figure. Other distributions add figures by entry points of the
#: group ``spikefa.figures``. Listing the names does not import matplotlib.
figures: Registry[Callable[..., Any]] = Registry(
    "figure", "spikefa.plotting.figures", group="spikefa.figures", separator="_", aliases={"figure4": "activity"}
)
