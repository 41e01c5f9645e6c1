"""The confusion matrix of the test images."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.class_panels import plot_confusion
from spikefa.plotting.figures import figures
from spikefa.plotting.figures._panels import responses_of, styled_panels


@figures.register("confusion")
def confusion(run: Run) -> Figure:
    """Draw how many test images of each class were answered as each class, at the last checkpoint."""
    found = responses_of(run)
    with styled_panels(run, 1, (3.6, 3.2)) as figure:
        plot_confusion(found.labels, found.predictions, ax=figure.axes[0])
    return figure
