"""Test images that the network gets wrong."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.class_panels import plot_images
from spikefa.plotting.figures import figures
from spikefa.plotting.figures._panels import images_of, responses_of, styled_panels

#: Images shown, the first ones.
MOST = 40


@figures.register("misclassified")
def misclassified(run: Run) -> Figure:
    """Draw the first test images that the network gets wrong, each with its class and the answer."""
    found = responses_of(run)
    wrong = np.flatnonzero(found.labels != found.predictions)
    chosen = wrong[:MOST]
    with styled_panels(run, 1, (3.6, 2.9)) as figure:
        ax = figure.axes[0]
        if chosen.size:
            captions = [f"{found.labels[k]} as {found.predictions[k]}" for k in chosen]
            plot_images(images_of(run, chosen), run.dataset().shape, captions, ax=ax)
        ax.set_axis_off()
        ax.set_title(f"{len(chosen)} of {len(wrong)} wrong among {len(found.labels):,} test images", fontsize=6.5)
    return figure
