"""Distribution of the units' mean outputs."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.distributions import plot_distributions
from spikefa.plotting.figures import figures
from spikefa.plotting.figures._panels import responses_of, styled_panels


@figures.register("rates")
def rates(run: Run) -> Figure:
    """Draw histograms of the units' mean outputs over test images, a line a layer, at the last checkpoint."""
    found = responses_of(run)
    means = {layer: own.mean(axis=0) for layer, own in found.rates.items()}
    with styled_panels(run, 1, (4.2, 2.6)) as figure:
        plot_distributions(means, label="Mean output of a unit (a step)", ax=figure.axes[0])
    return figure
