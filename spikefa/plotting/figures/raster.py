"""Rasters of all layers in the last activity recording."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.activity import raster_figure
from spikefa.plotting.figures import figures
from spikefa.plotting.run_title import run_title


@figures.register("raster")
def raster(run: Run) -> Figure:
    """Draw the rasters of all layers in the last activity recording."""
    return raster_figure(run.recordings()[-1], title=run_title(run))
