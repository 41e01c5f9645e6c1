"""Receptive fields of the first layer."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.figures import figures
from spikefa.plotting.figures._panels import styled_panels
from spikefa.plotting.panels import plot_receptive_fields


@figures.register("receptive_fields")
def receptive_fields(run: Run) -> Figure:
    """Draw the incoming weights of some units of the first layer, at the last checkpoint, each as an image."""
    network = run.trained_network()
    first = next(p for p in network.projections if p.pre is network.input)
    with styled_panels(run, 1, (4.2, 3.8)) as figure:
        W, shape = first.W, run.dataset().shape
        if first.weights.shared:  # the windows of all maps, one below the other
            maps, side, _, units = W.shape
            W, shape = W.reshape(-1, units), (maps * side, side)
        plot_receptive_fields(W, shape, ax=figure.axes[0])
    return figure
