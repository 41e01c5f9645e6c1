"""Time course of every layer's mean output by class."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.class_panels import plot_psth
from spikefa.plotting.figures import figures
from spikefa.plotting.figures._panels import responses_of, styled_panels


@figures.register("psth")
def psth(run: Run) -> Figure:
    """Draw each layer's mean output after the onset of test images, by class, at the last checkpoint."""
    found = responses_of(run)
    with styled_panels(run, len(found.psth), (2.4, 2.2)) as figure:
        for ax, (layer, course) in zip(list(figure.axes), found.psth.items(), strict=True):
            plot_psth(course, found.dt, ax=ax)
            ax.set_title(layer)
            if ax is not figure.axes[-1]:
                ax.get_legend().remove()
    return figure
