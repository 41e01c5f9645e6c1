"""Pathways: the feedback populations and projections that carry the error down. One short file each.

``pathways["alignment"](network, ...)`` adds one by its name; `pathways` lists all, also those of other distributions.
"""

from __future__ import annotations

from collections.abc import Callable

from spikefa._registry import Registry

#: Name -> function that adds the pathway to a network with layers and returns its feedback projections.
pathways: Registry[Callable[..., list]] = Registry("pathway", "spikefa.pathways")
