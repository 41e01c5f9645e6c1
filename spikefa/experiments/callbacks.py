"""Callbacks: what is called while a network is trained. They may stop it, save it, and set its learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from spikefa._checks import in_range, one_of, positive_int, refuse, text
from spikefa.core.network import Network
from spikefa.datasets import Dataset
from spikefa.errors import ArgumentError

#: A row of the metrics: numbers by column, None where one was not measured.
Row = dict[str, float | None]


@dataclass
class Progress:
    """What a trainer reports to a watcher after each presentation."""

    images_seen: int
    """Training images shown since the run began."""
    images_total: int
    """Training images shown when it ends."""
    epoch: float
    """Passes over the training images, with fractions."""
    train_error: float
    """Error on the training images shown since the last evaluation; see `Readout.error`."""


class Training(Protocol):
    """What a callback sees of the trainer."""

    network: Network
    """To be read; it may be evaluated, which leaves no trace."""
    dataset: Dataset
    directory: Path
    """Where the run is kept."""
    table: list[Row]
    """The rows of the metrics so far."""
    images_seen: int
    total: int
    """Training images shown when it ends."""

    def stop(self, reason: str) -> None:
        """Stop at the end of this presentation, with a checkpoint."""

    def save(self, path: Path | None = None) -> None:
        """Write a checkpoint, the run's own or another."""


class Callback:
    """What is called while a network is trained; derive from it, and override what you need.

    A callback changes no number: it may read `trainer.network`, evaluate it, stop the training or save it, and a
    training with it has the same weights, bit for bit, as one without. What sets the learning rate is `lr_factor`,
    a function of the table of metrics alone. So a run that was killed goes on bit for bit with the same callbacks.

    Examples
    --------
    >>> import spikefa as fa
    >>> class Print(fa.Callback):
    ...     def on_metrics(self, trainer, row):
    ...         print(f"{row['images_seen']} images: {row['test_error']:.2f}")
    """

    def check(self, trainer: Training) -> None:
        """Refuse a training that it does not fit, before anything is written."""

    def on_begin(self, trainer: Training) -> None:
        """Begin, or go on; `trainer.table` has the rows so far."""

    def on_metrics(self, trainer: Training, row: Row) -> None:
        """Look at a new row of the metrics, None where something was not measured; it is saved already."""

    def on_presentation(self, trainer: Training, progress: Progress) -> None:
        """Look at how far it is, after every presentation: one image in each stream."""

    def on_end(self, trainer: Training) -> None:
        """End, also after a stop or an interrupt."""

    def lr_factor(self, rows: Sequence[Row]) -> float:
        """Return a factor of all learning rates, from the rows of the metrics alone; it holds until the next row."""
        return 1.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class _OfColumn(Callback):
    """A callback that looks at one column of the metrics."""

    column: str

    def check(self, trainer: Training) -> None:
        """Refuse a training without validation images if it looks at their error."""
        if self.column == "validation_error" and trainer.dataset.validation_images is None:
            raise ArgumentError(
                f"{type(self).__name__}: column must be measured, got 'validation_error' of a training without "
                "validation images"
            )

    def _values(self, rows: Sequence[Row]) -> list[float]:
        """Return the values of the column where it was measured."""
        if rows:
            one_of(type(self).__name__, "column", self.column, list(rows[0]))
        return [row[self.column] for row in rows if row[self.column] is not None]

    def _since_best(self, rows: Sequence[Row], least: float = 0.0) -> int | None:
        """Return how many values there are after the smallest; None before the first value."""
        best, since = float("inf"), None
        for value in self._values(rows):
            better = value < best - least
            best, since = (value, 0) if better else (best, (since or 0) + 1)
        return since


@dataclass(frozen=True)
class EarlyStopping(_OfColumn):
    """Stop when a column of the metrics has not fallen for some evaluations.

    It looks at the table alone: a run that has been stopped, and is trained again with it, stays as it is.

    Parameters
    ----------
    patience : int
        Evaluations without a new smallest value after which it stops.
    column : str
    least : float
        By how much a value must be smaller to count.

    Raises
    ------
    ArgumentError
        If `patience` is no positive whole number, or `least` is negative.

    Examples
    --------
    >>> import spikefa as fa
    >>> fa.EarlyStopping(patience=3)
    EarlyStopping(patience=3, column='validation_error', least=0.0)
    """

    patience: int = 5
    column: str = "validation_error"
    least: float = 0.0

    def __post_init__(self) -> None:
        positive_int("EarlyStopping", "patience", self.patience, "evaluations")
        text("EarlyStopping", "column", self.column)
        in_range("EarlyStopping", "least", self.least, 0)

    def on_begin(self, trainer: Training) -> None:
        """Stop a run that was stopped before."""
        self._judge(trainer)

    def on_metrics(self, trainer: Training, row: Row) -> None:
        """Stop if the column has not fallen for long."""
        self._judge(trainer)

    def _judge(self, trainer: Training) -> None:
        since = self._since_best(trainer.table, self.least)
        if since is not None and since >= self.patience:
            trainer.stop(f"{self.column} has not fallen for {since} evaluations")


@dataclass(frozen=True)
class KeepBest(_OfColumn):
    """Save a checkpoint whenever a column of the metrics is smaller than ever before.

    Parameters
    ----------
    column : str
    file : str
        Its name in the run's directory; ``run.trained_network(checkpoint="best.h5")`` reads it.

    Raises
    ------
    ArgumentError
        If `file` is no name of a file, or that of the last checkpoint.

    Examples
    --------
    >>> import spikefa as fa
    >>> fa.KeepBest(column="test_error")
    KeepBest(column='test_error', file='best.h5')
    """

    column: str = "validation_error"
    file: str = "best.h5"

    def __post_init__(self) -> None:
        text("KeepBest", "column", self.column)
        text("KeepBest", "file", self.file)
        if Path(self.file).name != self.file or not self.file.endswith(".h5") or self.file == "checkpoint.h5":
            refuse("KeepBest", "file", "be the name of a file .h5 other than checkpoint.h5", self.file)

    def on_metrics(self, trainer: Training, row: Row) -> None:
        """Save if it is the best so far."""
        if row[self.column] is not None and self._since_best(trainer.table) == 0:
            trainer.save(trainer.directory / self.file)


@dataclass(frozen=True)
class ReduceOnPlateau(_OfColumn):
    """Multiply all learning rates by a factor whenever a column of the metrics has not fallen for some evaluations.

    Parameters
    ----------
    factor : float
        Above 0 and below 1.
    patience : int
        Evaluations without a new smallest value, since the last one or the last reduction.
    column : str
    smallest : float
        What all reductions together do not go below.

    Raises
    ------
    ArgumentError
        If a number is outside its range.

    Examples
    --------
    >>> import spikefa as fa
    >>> rows = [{"validation_error": error} for error in (0.5, 0.4, 0.41, 0.42)]
    >>> fa.ReduceOnPlateau(factor=0.1, patience=2).lr_factor(rows)
    0.1
    """

    factor: float = 0.5
    patience: int = 3
    column: str = "validation_error"
    smallest: float = 0.0

    def __post_init__(self) -> None:
        in_range("ReduceOnPlateau", "factor", self.factor, 0, 1, open_low=True, open_high=True)
        positive_int("ReduceOnPlateau", "patience", self.patience, "evaluations")
        text("ReduceOnPlateau", "column", self.column)
        in_range("ReduceOnPlateau", "smallest", self.smallest, 0, 1)

    def lr_factor(self, rows: Sequence[Row]) -> float:
        """Return the factor to the power of the reductions so far."""
        best, without, reductions = float("inf"), 0, 0
        for value in self._values(rows):
            best, without = (value, 0) if value < best else (best, without + 1)
            if without == self.patience:
                reductions, without = reductions + 1, 0
        return max(self.factor**reductions, self.smallest)


def schedule_of(callbacks: Sequence[Callback]) -> list[str]:
    """Return the callbacks that set learning rates, as texts that a run's record holds."""
    return [repr(callback) for callback in callbacks if type(callback).lr_factor is not Callback.lr_factor]


def watch_presentations(callbacks: Sequence[Callback]) -> bool:
    """Return whether a callback looks at every presentation, so that none may begin before it has."""
    hooks = [getattr(callback.on_presentation, "__func__", None) for callback in callbacks]
    return any(hook is not Callback.on_presentation for hook in hooks)


def checked(owner: str, callbacks: Any) -> tuple[Callback, ...]:
    """Return callbacks as a tuple.

    Raises
    ------
    ArgumentError
        If they are no sequence of `Callback`.
    """
    if not isinstance(callbacks, list | tuple) or not all(isinstance(one, Callback) for one in callbacks):
        refuse(owner, "callbacks", "be a list of Callback objects", callbacks)
    return tuple(callbacks)
