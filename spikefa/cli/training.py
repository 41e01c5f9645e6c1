"""Training with live progress, for the commands that train."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from spikefa.cli.output import console


def new_directory(name: str, seed: int) -> Path:
    """Return a directory for a run that has no name; the seed differs among those that a study starts at once."""
    return Path("runs", f"{name}-seed{seed}-{datetime.now():%Y%m%d-%H%M%S}")


def train_with_progress(run: Any, trainer: Any) -> None:
    """Train to the end with live progress; say at the end what was written.

    Parameters
    ----------
    run : Run
    trainer : Trainer
        At the start of the run, or resumed.

    Raises
    ------
    typer.Exit
        With status 130 after an interrupt, which saves a checkpoint.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TextColumn("epoch {task.fields[epoch]:.2f}  training error {task.fields[error]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ]
    console.print(f"{run.model.name} on {run.data}: {trainer.dataset!r}, {run.streams} streams, seed {run.seed}")
    format_error, done = trainer.network.readout.format_error, trainer.done
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("training", total=trainer.total, completed=trainer.images_seen, epoch=0, error="-")
        trainer.on_progress = lambda now: progress.update(
            task, completed=now.images_seen, epoch=now.epoch, error=format_error(now.train_error)
        )
        trainer.on_row = lambda row: progress.console.print(_row_in_words(row, format_error))
        last = trainer.run()
    if trainer.interrupted:
        directory = shlex.quote(str(run.directory))
        console.print(
            f"Interrupted after {trainer.images_seen:,} of {trainer.total:,} images; saved {trainer.checkpoint}. "
            f"Go on with: spikefa resume {directory}{'' if run.device == 'cpu' else f' --device {run.device}'}"
        )
        raise typer.Exit(130)
    if last is not None:
        console.print(f"Test error {_error(last, 'test', format_error)} after {float(last['epoch']):g} epochs.")
    if done:
        console.print("Wrote nothing.")
        return
    recordings = ", recordings/" if (run.directory / "recordings").exists() else ""
    console.print(f"Wrote {run.directory}{'/'}: run.json, model.py, metrics.csv, checkpoint.h5{recordings}")


def _row_in_words(row: dict[str, Any], format_error: Callable[[float], str]) -> str:
    errors = [
        f"{name} {_error(row, part, format_error)}"
        for name, part in (("test error", "test"), ("validation", "validation"), ("training", "train"))
    ]
    return f"epoch {float(row['epoch']):g}: {', '.join(errors)}, {float(row['seconds']):.0f} s"


def _error(row: dict[str, Any], part: str, format_error: Callable[[float], str]) -> str:
    value = row[f"{part}_error"]
    return "-" if value == "" else format_error(float(value))
