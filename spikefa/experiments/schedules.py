"""Schedules: by what factor a learning rate is multiplied in an epoch, for a model's `lr_factor`."""

from __future__ import annotations

from collections.abc import Iterable


def step_schedule(epoch: int, milestones: Iterable[int], divisor: float) -> float:
    """Divide the learning rate once for each milestone that is reached.

    Parameters
    ----------
    epoch : int
        The epoch that begins; 0 is the first.
    milestones : iterable of int
        Numbers of epochs after which the rate falls.
    divisor : float

    Returns
    -------
    float
        ``divisor ** -n``, where n milestones are not above `epoch`.
    """
    return divisor ** -sum(epoch >= milestone for milestone in milestones)
