"""What a worker does: train one run to its end on one thread, tell how it goes, and stop when it is asked to."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numba
import threadpoolctl

from spikefa.errors import LockedError, SpikefaError
from spikefa.experiments.run import Run
from spikefa.experiments.trainer import Progress, Trainer

#: Seconds between two reports of progress.
_EVERY = 1.0
#: Seconds to wait for a worker of a study that was killed: it saves, and gives its run back.
_PATIENCE = 60.0


class Event(NamedTuple):
    """What a worker tells of a run.

    ``started``, ``progress`` (fraction, epoch, error) and ``row`` (of the metrics) tell how it goes. One of `ENDS` is
    the last: ``done``, ``failed`` (message, traceback), ``stopped``, as it was asked to, with a checkpoint, or ``lost``
    (message), since its processes died, or another process trains it.
    """

    name: str
    kind: str
    data: dict[str, Any]


ENDS = ("done", "failed", "stopped", "lost")


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, this thread computes alone: two processes of one thread are faster than one of two."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        with threadpoolctl.threadpool_limits(1):
            yield
    finally:
        numba.set_num_threads(before)


def train(run: Run, tell: Callable[[str, dict[str, Any]], None], stopping: Callable[[], bool]) -> tuple[str, dict]:
    """Train a run to its end, from its last checkpoint if it has one.

    Parameters
    ----------
    run : Run
    tell : function of a kind and its data
        See `Event`; called with all but the last.
    stopping : function
        Whether to save and stop; asked after each presentation.

    Returns
    -------
    kind, data
        The last event.
    """
    try:
        with one_thread():
            tell("started", {})
            trainer = _begun(run)
            last = 0.0

            def on_progress(now: Progress) -> None:
                nonlocal last
                if stopping():
                    trainer.interrupted = True
                if time.monotonic() - last > _EVERY:
                    last = time.monotonic()
                    fraction = now.images_seen / max(now.images_total, 1)
                    tell("progress", {"fraction": fraction, "epoch": now.epoch, "error": float(now.train_error)})

            trainer.on_progress = on_progress
            trainer.on_row = lambda row: tell("row", {name: _plain(value) for name, value in row.items()})
            _train_alone(run, trainer, stopping)
            return ("stopped" if trainer.interrupted else "done"), {}
    except LockedError as error:
        return "lost", {"message": str(error)}
    except (SpikefaError, OSError) as error:
        return "failed", {"message": str(error), "traceback": None}
    except Exception as error:  # a bug, of a model too, which must not end the other runs
        trace, cause = traceback.format_exc(), error
        while cause.__cause__ is not None:  # Brian2 wraps what is wrong
            cause = cause.__cause__
        message = f"{type(cause).__name__}: {' '.join(str(cause).split())}"
        return "failed", {"message": message, "traceback": trace}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else float(value)


def _begun(run: Run) -> Trainer:
    """Return the run's trainer; of a run that was killed while it was made, nothing is kept."""
    kept = ("model.py", "checkpoint.h5", "metrics.csv")
    if not any((run.directory / name).exists() for name in kept):
        (run.directory / "run.json").unlink(missing_ok=True)
    return run.begun()


def _train_alone(run: Run, trainer: Trainer, stopping: Callable[[], bool]) -> None:
    """Train once no other process holds the run: a worker of a study that was killed may be saving it."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with run.locked():
                trainer.resume()
                run.write_epochs()
                trainer.run()
            return
        except LockedError:
            if time.monotonic() > until or stopping():
                raise
        time.sleep(0.2)
