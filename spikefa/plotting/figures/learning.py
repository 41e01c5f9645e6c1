"""Errors, and angles between weights and feedback, against the images seen."""

from __future__ import annotations

import matplotlib
from matplotlib.figure import Figure

from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run
from spikefa.plotting.figures import figures
from spikefa.plotting.panels import angle_curves, plot_angles, plot_learning
from spikefa.plotting.run_title import run_title
from spikefa.plotting.style import STYLE, TICKS, letter_panels


@figures.register("learning")
def learning(run: Run) -> Figure:
    """Draw the table of metrics: one panel of errors and, if angles were measured, one of angles."""
    metrics = read_metrics(run.directory / "metrics.csv")
    panels = 2 if angle_curves(metrics) else 1  # no angles without hidden layers, or without feedback to them
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * panels, 3.0), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for ax in axes:
            ax.tick_params(**TICKS)
        chance = None if run.classes is None else 1 - 1 / run.classes
        plot_learning(metrics, ax=axes[0], classes=run.classes is not None, chance=chance)
        if panels == 2:
            plot_angles(metrics, ax=axes[1])
        letter_panels(axes)
        figure.suptitle(run_title(run), fontsize=7.5)
    return figure
