"""Figures of a study: learning curves, mean and standard deviation over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from spikefa._checks import instance, one_of
from spikefa._checks import path as checked_path
from spikefa.errors import RunError
from spikefa.experiments.run import open_run
from spikefa.plotting.of_runs import FORMATS, write_figure
from spikefa.plotting.style import BLUE, GREEN, ORANGE, PURPLE, RULE, SKY, STYLE, VERMILLION, new_axes, styled
from spikefa.study import results
from spikefa.study.study import Study

_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)
_COLUMNS = ("validation_error", "test_error", "train_error")


def plot_study(study: Study, column: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the learning curves of a study's points: mean and sample standard deviation over the seeds that are done.

    Errors are in per cent, or normalised squared errors (NSE) if there are no classes. The six points that end lowest
    have colours, and are named; others are grey.

    Parameters
    ----------
    study : Study
    column : str, optional
        ``"validation_error"``, ``"test_error"`` or ``"train_error"``; by default the validation error, or the test
        error if no images were held out.
    ax : Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    RunError
        If no run is done.

    Examples
    --------
    >>> import spikefa as fa
    >>> study = fa.open_study("studies/rates")
    >>> ax = fa.plotting.plot_study(study, "test_error")
    """
    instance("plot_study", "study", study, Study, "a Study")
    if column is None:
        column = "validation_error" if study.settings.get("validation") else "test_error"
    one_of("plot_study", "column", column, _COLUMNS)
    curves = results.curves(study, column)
    if not curves:
        raise RunError(f"{study.directory}: has no run that is done yet")
    percent = _has_classes(study)
    ordered = sorted(curves, key=lambda point: _last(curves[point][1]))
    with styled(ax is None):
        ax = new_axes(3.6, 2.8) if ax is None else ax
        for place, point in reversed(list(enumerate(ordered))):
            epochs, values = curves[point]
            values = 100 * values if percent else values
            named = place < len(_COLOURS)
            colour = _COLOURS[place] if named else RULE
            mean = values.mean(axis=0)
            label = ", ".join(point) or "mean" if named else None
            ax.plot(epochs, mean, color=colour, linewidth=1.2 if named else 0.6, label=label, zorder=3 if named else 1)
            if len(values) > 1 and named:
                sd = values.std(axis=0, ddof=1)
                ax.fill_between(epochs, mean - sd, mean + sd, color=colour, alpha=0.18, linewidth=0, zorder=2)
        several = ", mean ± sd over seeds" if any(len(values) > 1 for _, values in curves.values()) else ""
        unit = " (%)" if percent else " (NSE)"
        ax.set(xlabel="Epoch", ylabel=f"{column.replace('_', ' ').capitalize()}{unit}{several}")
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=max(epochs[-1] for epochs, _ in curves.values()) >= 1))
        ax.set_ylim(bottom=0)
        handles, labels = ax.get_legend_handles_labels()
        ax.legend(handles[::-1], labels[::-1])
    return ax


def _has_classes(study: Study) -> bool:
    """Return whether errors are fractions of wrong classes; else they are normalised squared errors."""
    done = next(run for name, (_, run) in study.runs.items() if results.status_of(study, name, run)[0] == "done")
    return open_run(done.directory).classes is not None


def _last(values: np.ndarray) -> float:
    last = float(values[:, -1].mean())
    return np.inf if np.isnan(last) else last


def save_study_figure(study: Study, column: str | None = None, out: Any = None) -> Path:
    """Draw a study's learning curves and write them; see `plot_study`.

    Parameters
    ----------
    study : Study
    column : str, optional
    out : path, optional
        Its suffix chooses the format; default ``figures/learning.png`` in the study's directory.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ArgumentError
        If the format is unknown.
    RunError
        If no run is done.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import spikefa as fa
    >>> study = fa.open_study("studies/rates")
    >>> path = fa.plotting.save_study_figure(study, "test_error", "rates.png")
    """
    instance("save_study_figure", "study", study, Study, "a Study")
    default = study.directory / "figures" / "learning.png"
    out = default if out is None else checked_path("save_study_figure", "out", out)
    one_of("save_study_figure", f"the suffix of {str(out)!r}", out.suffix.lower(), FORMATS)
    with matplotlib.rc_context(STYLE):
        return write_figure(plot_study(study, column).figure, out)
