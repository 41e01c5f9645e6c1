"""Activity at three stages of learning, as in Fig. 4 of Lillicrap et al. (2016)."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.activity import activity_figure
from spikefa.plotting.figures import figures


@figures.register("activity")
def activity(run: Run) -> Figure:
    """Draw the activity before learning, early in the first epoch, and at the last recording."""
    return activity_figure(run)
