"""Figures of a run directory."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from spikefa._atomic_write import write_whole
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import RunError
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run
from spikefa.plotting.displays import figure4, psp_figure, raster_figure
from spikefa.plotting.panels import angle_curves, plot_angles, plot_learning, plot_receptive_fields
from spikefa.plotting.style import STYLE, TICKS

#: Suffixes of the files that figures are written to.
FORMATS = (".png", ".pdf", ".svg")


def stages(displays: list[ActivityRecording]) -> list[ActivityRecording]:
    """Choose three stages of learning: before it, early in the first epoch, and the last recording."""
    return displays if len(displays) <= 3 else [*displays[:2], displays[-1]]


def _figure4(run: Run) -> Figure:
    return figure4(stages(run.recordings()))


def _raster(run: Run) -> Figure:
    return raster_figure(run.recordings()[-1])


def _psp(run: Run) -> Figure:
    return psp_figure(run.recordings()[-1])


def _learning(run: Run) -> Figure:
    metrics = read_metrics(run.directory / "metrics.csv")
    panels = 2 if angle_curves(metrics) else 1  # no angles without hidden layers, or without feedback to them
    classes = run.network().readout.classes is not None
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * panels, 3.0), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for ax in axes:
            ax.tick_params(**TICKS)
        plot_learning(metrics, ax=axes[0], classes=classes)
        if panels == 2:
            plot_angles(metrics, ax=axes[1])
    return figure


def _fields(run: Run) -> Figure:
    network = run.trained_network()
    first = next(p for p in network.projections if p.pre is network.input)
    figure = Figure(figsize=(4.2, 3.8), layout="constrained")
    plot_receptive_fields(first.W, run.dataset().shape, ax=figure.subplots())
    return figure


FIGURES: dict[str, Callable[[Run], Figure]] = {
    "raster": _raster,
    "psp": _psp,
    "learning": _learning,
    "fields": _fields,
    "figure4": _figure4,
}


def draw(run: Run, name: str, out: Path | None = None) -> Path:
    """Draw a figure of a run and write it.

    Parameters
    ----------
    run : Run
    name : str
        A key of `FIGURES`.
    out : Path, optional
        Its suffix chooses the format, one of `FORMATS`; default ``figures/NAME.png`` in the run directory.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    RunError
        If the run lacks what the figure shows, or the format is unknown.
    """
    out = out or run.directory / "figures" / f"{name}.png"
    suffix = out.suffix.lower()
    if suffix not in FORMATS:
        raise RunError(f"{out}: figures are written as .png, .pdf or .svg, got {out.suffix!r}")
    try:
        figure = FIGURES[name](run)
    except FileNotFoundError as error:
        raise RunError(f"{run.directory}: has no {Path(error.filename).name} yet") from error
    held = io.BytesIO()
    figure.savefig(held, format=suffix.removeprefix("."), dpi=200)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, held.getvalue(), "the figure")
    return out
