"""Training with live progress, for the commands that train."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from spikefa.cli.output import console


def new_directory(name: str, seed: int) -> Path:
    """Return a directory for a run that has no name; the seed differs among those that a study starts at once."""
    return Path("runs", f"{name}-seed{seed}-{datetime.now():%Y%m%d-%H%M%S}")


def compile_ahead(streams: int = 100, large: bool = True) -> None:
    """Let another process compile, while this one reads data and builds, what has never been compiled."""
    from spikefa.engine.compile_ahead import begin

    begin(streams, large)


def train_with_progress(run: Any, trainer: Any) -> dict[str, Any]:
    """Train to the end with live progress; say at the end what was written, and return it.

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
    from spikefa.experiments.progress import epoch_in_words, live

    console.print(f"{run.model.name} on {run.data}: {trainer.dataset!r}, {run.streams} streams, seed {run.seed}")
    format_error, done = trainer.network.readout.format_error, trainer.done
    with live(trainer, console):
        last = trainer.run()
    if trainer.interrupted:
        directory = shlex.quote(str(run.directory))
        console.print(
            f"Interrupted after {trainer.images_seen:,} of {trainer.total:,} images; saved {trainer.checkpoint}. "
            f"Go on with: spikefa resume {directory}{'' if run.device == 'cpu' else f' --device {run.device}'}"
        )
        raise typer.Exit(130)
    if last is not None and last["test_error"] != "":
        epochs = epoch_in_words(trainer, last)
        said = f"{epochs} epoch{'s'[: epochs != '1']}"
        console.print(f"Test error {format_error(float(last['test_error']))} after {said}.")
    row = trainer.table[-1] if trainer.rows else {}
    result = {"run": str(run.directory), "images_seen": trainer.images_seen, "metrics": row, "wrote": []}
    if done:
        console.print("Wrote nothing.")
        return result
    names = ["run.json", "model.py", "metrics.csv", "checkpoint.h5"]
    names += ["recordings/"] if (run.directory / "recordings").exists() else []
    console.print(f"Wrote {run.directory}{'/'}: {', '.join(names)}")
    return result | {"wrote": [str(run.directory / name) for name in names]}
