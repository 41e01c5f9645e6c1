"""Tuning of every layer's units by class."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.class_panels import plot_tuning
from spikefa.plotting.figures import figures
from spikefa.plotting.figures._panels import responses_of, styled_panels


@figures.register("tuning")
def tuning(run: Run) -> Figure:
    """Draw each unit's mean output to the test images of each class, at the last checkpoint."""
    found = responses_of(run)
    with styled_panels(run, len(found.rates), (2.4, 3.0)) as figure:
        for ax, (layer, rates) in zip(list(figure.axes), found.rates.items(), strict=True):
            plot_tuning(rates, found.labels, ax=ax)
            ax.set_title(layer)
    return figure
