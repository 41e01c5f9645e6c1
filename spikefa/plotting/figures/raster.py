"""Rasters of all layers in the last activity recording."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.activity import raster_figure
from spikefa.plotting.figures import figures


@figures.register("raster")
def raster(run: Run) -> Figure:
    """Draw the rasters of all layers in the last activity recording."""
    return raster_figure(run.recordings()[-1])
