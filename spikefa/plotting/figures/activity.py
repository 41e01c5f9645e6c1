"""Activity at stages of learning, as in Fig. 4 of Lillicrap et al. (2016)."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.diagnostics.record_activity import record_activity
from spikefa.diagnostics.record_outputs import record_outputs
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run
from spikefa.plotting.activity import activity_figure
from spikefa.plotting.figures import figures
from spikefa.plotting.outputs import outputs_figure
from spikefa.plotting.run_title import run_title


@figures.register("activity")
def activity(run: Run) -> Figure:
    """Draw the activity before learning, early in the first epoch, and at the last recording.

    A run without recordings is shown images now, before learning and with the weights of the last checkpoint: rasters
    if its layers spike, else outputs and errors.
    """
    if run.has_recordings:
        return activity_figure(run)
    data, steps = run.dataset(), run.config.recording_steps
    after, before = run.trained_network(streams=1), run.network(streams=1)
    first = record_activity(before, data, 0, steps)
    if first is None:
        stages = [record_outputs(before, data, "before learning"), record_outputs(after, data, "last checkpoint")]
        return outputs_figure(stages, title=run_title(run))
    seen = int(read_metrics(run.directory / "metrics.csv")["images_seen"][-1])
    return activity_figure([first, record_activity(after, data, seen, steps)], title=run_title(run))
