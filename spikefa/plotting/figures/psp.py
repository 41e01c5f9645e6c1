"""PSP and modulatory signal of one neuron of every hidden layer in the last activity recording."""

from __future__ import annotations

from matplotlib.figure import Figure

from spikefa.experiments.run import Run
from spikefa.plotting.activity import psp_figure
from spikefa.plotting.figures import figures
from spikefa.plotting.run_title import run_title


@figures.register("psp")
def psp(run: Run) -> Figure:
    """Draw PSP and modulatory signal of one neuron of every hidden layer in the last activity recording."""
    return psp_figure(run.recordings()[-1], title=run_title(run))
