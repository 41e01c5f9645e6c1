"""Schedules: by what factor a learning rate is multiplied in an epoch, for a model's `lr_factor`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from spikefa._checks import in_range, is_number, refuse, whole


def step_schedule(epoch: int, milestones: Collection[int], divisor: float) -> float:
    """Divide the learning rate once for each milestone that is reached.

    Parameters
    ----------
    epoch : int
        The epoch that begins; 0 is the first.
    milestones : collection of int
        Numbers of epochs after which the rate falls.
    divisor : float

    Returns
    -------
    float
        ``divisor ** -n``, where n milestones are not above `epoch`.

    Raises
    ------
    ArgumentError
        If the epoch is no whole number, the divisor is not above 0, or milestones are no numbers.

    Examples
    --------
    >>> import spikefa as fa
    >>> [fa.step_schedule(epoch, milestones=(2, 4), divisor=10) for epoch in range(5)]
    [1, 1, 0.1, 0.1, 0.01]
    """
    whole("step_schedule", "epoch", epoch)
    in_range("step_schedule", "divisor", divisor, 0, open_low=True)
    listed = (
        isinstance(milestones, Collection)
        and not isinstance(milestones, str | bytes | Mapping)
        and getattr(milestones, "ndim", 1) == 1
    )
    if not listed or not all(map(is_number, milestones)):
        refuse("step_schedule", "milestones", "be numbers of epochs", milestones)
    return divisor ** -sum(epoch >= milestone for milestone in milestones)
