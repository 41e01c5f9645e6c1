"""Live progress of a training, in a terminal or a notebook, and its rows in words."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from spikefa._checks import true_or_false

if TYPE_CHECKING:
    from rich.console import Console

    from spikefa.experiments.callbacks import Progress
    from spikefa.experiments.trainer import Trainer


@contextmanager
def live(trainer: Trainer, console: Console | None = None, force: bool = False) -> Iterator[None]:
    """Within it, a trainer shows how far it is, and prints each row of its metrics.

    Parameters
    ----------
    trainer : Trainer
        Its watchers are called as before.
    console : rich.console.Console, optional
        By default standard output, or the cell of a notebook.
    force : bool
        Whether rows are printed also where nobody watches: neither a terminal nor a notebook. A `console` that is given
        prints them anyway.
    """
    from rich import progress as rich_progress
    from rich.console import Console

    watched = console is not None or force
    console = console or Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    can_move = console.is_terminal or (console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None)
    if not (watched or console.is_terminal or console.is_jupyter):
        yield
        return
    columns = [
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.TextColumn("{task.percentage:.0f} %"),
        rich_progress.TextColumn("epoch {task.fields[epoch]:.2f}{task.fields[error]}"),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TextColumn("left"),
        rich_progress.TimeRemainingColumn(),
    ]
    before = trainer.on_progress, trainer.on_row
    with rich_progress.Progress(*columns, console=console, disable=not can_move) as bar:
        epoch = trainer.images_seen / trainer.images
        task = bar.add_task("training", total=trainer.total, completed=trainer.images_seen, epoch=epoch, error="")

        def on_progress(now: Progress) -> None:
            error = f"  training error {trainer.network.readout.format_error(now.train_error)}"
            bar.update(task, completed=now.images_seen, epoch=now.epoch, error=error)
            before[0](now)

        def on_row(row: dict[str, Any]) -> None:
            bar.console.print(row_in_words(trainer, row))
            before[1](row)

        trainer.on_progress, trainer.on_row = on_progress, on_row
        try:
            yield
            if trainer.stopped is not None:
                bar.console.print(f"Stopped: {trainer.stopped}.")
        finally:
            trainer.on_progress, trainer.on_row = before


def checked(owner: str, progress: bool | None) -> bool | None:
    """Return whether to show progress, or None.

    Raises
    ------
    ArgumentError
        If it is anything else.
    """
    return None if progress is None else true_or_false(owner, "progress", progress)


def train_shown(trainer: Trainer, progress: bool | None) -> None:
    """Train to the end, with live progress if `progress` says so; by default in a terminal or a notebook.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, with a checkpoint saved.
    """
    with live(trainer, force=progress is True) if progress is not False else nullcontext():
        trainer.run()
    if trainer.interrupted:
        raise KeyboardInterrupt(f"{trainer.directory}: after {trainer.images_seen:,} images, saved")


def row_in_words(trainer: Trainer, row: Mapping[str, Any]) -> str:
    """Return what was measured in a row of the metrics, as people read it."""
    names = (("test error", "test_error"), ("validation", "validation_error"), ("training", "train_error"))
    format_error = trainer.network.readout.format_error
    errors = [f"{name} {format_error(float(row[column]))}" for name, column in names if row[column] != ""]
    return ", ".join(
        [f"epoch {epoch_in_words(trainer, row)}: {errors[0]}", *errors[1:], f"{float(row['seconds']):.0f} s"]
    )


def epoch_in_words(trainer: Trainer, row: Mapping[str, Any]) -> str:
    """Return the epoch of a row, see `epoch_text`."""
    return epoch_text(float(row["epoch"]), int(float(row["images_seen"])), trainer.images, trainer.network.streams)


def epoch_text(epoch: float, seen: int, images: int, streams: int) -> str:
    """Return an epoch as a whole number if no presentation has begun after its last image, else with two decimals."""
    whole = round(seen / images)
    return str(whole) if 0 <= seen - whole * images < streams else f"{epoch:.2f}"
