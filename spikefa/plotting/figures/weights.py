"""Distribution of the weights."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.distributions import plot_distributions
from spikefa.plotting.figures import figures
from spikefa.plotting.figures._panels import styled_panels


@figures.register("weights")
def weights(run: Run) -> Figure:
    """Draw histograms of the weights of each projection at the last checkpoint; it runs no code of the run."""
    found = {name: W[W != 0] if np.any(W) else W for name, W in run.weights().items()}  # 0 where there is no synapse
    with styled_panels(run, 1, (5.2, 2.8)) as figure:
        plot_distributions(found, label="Weight", bins=80, ax=figure.axes[0])
    return figure
