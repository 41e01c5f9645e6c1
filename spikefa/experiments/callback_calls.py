"""How a trainer calls its callbacks: their faults are told, and what they change of the network is refused."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from spikefa._checks import in_range
from spikefa.errors import RunError
from spikefa.experiments.callbacks import Callback, Training


class Calling(Training, Protocol):
    """A trainer with its callbacks."""

    callbacks: tuple[Callback, ...]


def call(trainer: Calling, hook: str, *given: Any) -> None:
    """Call every callback's hook.

    Raises
    ------
    RunError
        If one raises, naming it.
    """
    for callback in trainer.callbacks:
        _told(trainer, callback, hook, getattr(callback, hook), trainer, *given)


def call_reading(trainer: Calling, hook: str, *given: Any) -> None:
    """Call every callback's hook, and compare the network before and after.

    Raises
    ------
    RunError
        If one raises, or has changed the network.
    """
    before = _digests(trainer) if trainer.callbacks else {}
    for callback in trainer.callbacks:
        _told(trainer, callback, hook, getattr(callback, hook), trainer, *given)
        after = _digests(trainer)
        changed = [name for name in before if before[name] != after.get(name)]
        if changed:
            raise RunError(
                f"Callback {type(callback).__name__}: {hook} must leave the network as it is, changed {changed[0]}; "
                f"the checkpoint of {trainer.images_seen:,} images stays"
            )


def scheduled_factor(trainer: Calling) -> float:
    """Return the product of the callbacks' factors of the learning rate, as the rows so far say.

    Raises
    ------
    RunError
        If one raises, or returns no finite number of at least 0.
    """
    factor = 1.0
    for callback in trainer.callbacks:
        own = _told(trainer, callback, "lr_factor", callback.lr_factor, trainer.table)
        factor *= _told(trainer, callback, "lr_factor", in_range, type(callback).__name__, "lr_factor", own, 0)
    return factor


def _told(trainer: Calling, callback: Callback, hook: str, function: Callable, *given: Any) -> Any:
    try:
        return function(*given)
    except Exception as error:
        raise RunError(
            f"Callback {type(callback).__name__}: {hook} raised {type(error).__name__}: {error}, after "
            f"{trainer.images_seen:,} images, which are saved"
        ) from error


def _digests(trainer: Calling) -> dict[str, int]:
    """Return a number for each array that the numbers of a training depend on."""
    network = trainer.network
    arrays = {**network.parameters(), **network.state(), "step": np.array(network.step)}
    return {name: zlib.crc32(np.ascontiguousarray(array)) for name, array in arrays.items()}
