"""Delays of projections: from times to steps, and to the rows of what arrives."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Quantity, have_same_dimensions, second

from spikefa._checks import refuse
from spikefa.errors import ArgumentError

#: Longest delay, in steps: a ring holds what is under way.
MOST_STEPS = 1_000_000


def in_steps(title: str, delay: Any, dt: Quantity, shapes: tuple[tuple[int, ...], ...], least: int) -> np.ndarray:
    """Return a delay in whole steps, rounded as Brian2 rounds the delays of its synapses.

    Parameters
    ----------
    title : str
        Of the projection, for messages.
    delay : Quantity
        A time, or an array of times.
    dt : Quantity
    shapes : tuple of tuples of int
        Shapes that the array may have.
    least : int
        Steps that must pass, 0 or 1.

    Returns
    -------
    ndarray of int64
        Of one of the shapes; of fewer dimensions if all values along the others are equal.

    Raises
    ------
    ArgumentError
        If it is no time, of another shape, negative, not finite, too short or too long.
    """
    if not isinstance(delay, Quantity) or not have_same_dimensions(delay, second) or np.iscomplexobj(delay):
        refuse(title, "delay", "be a time, such as 5*ms, or an array of times", delay)
    times = np.asarray(delay, np.float64)
    if times.shape not in shapes:
        allowed = " or ".join(map(str, shapes))
        raise ArgumentError(f"{title}: delay must be of shape {allowed}, got {times.shape}")
    wrong = times[~(np.isfinite(times) & (times >= 0))]
    if wrong.size:
        raise ArgumentError(f"{title}: delay must be finite and at least 0, got {wrong[0] * second}")
    steps = times / float(dt) + 0.5
    if steps.max(initial=0) > MOST_STEPS:
        raise ArgumentError(f"{title}: delay must be at most {MOST_STEPS} steps of {dt}, got {times.max() * second}")
    steps = steps.astype(np.int64)
    if steps.min(initial=least) < least:
        raise ArgumentError(
            f"{title}: delay must be at least one step, {dt}, since the presynaptic units emit after the others have "
            f"received, got {times.min() * second}"
        )
    if steps.ndim == 2 and (steps == steps[:, :1]).all():
        steps = steps[:, 0]
    return steps[0] if steps.ndim == 1 and steps.size and (steps == steps[0]).all() else steps


def rows_of_synapses(steps: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what arrives where each synapse has a delay of its own: a row for each unit and each of its delays.

    Parameters
    ----------
    steps : ndarray of int (n_pre, n_post)
    mask : ndarray of bool (n_pre, n_post) or None

    Returns
    -------
    units, delays : ndarray of int (rows,)
    row_of : ndarray of int (n_pre, n_post)
        The row of each synapse; 0 where there is none.
    """
    pre, post = np.nonzero(np.ones(steps.shape, bool) if mask is None else mask)
    base = int(steps.max(initial=0)) + 1
    rows, row = np.unique(pre * base + steps[pre, post], return_inverse=True)
    row_of = np.zeros(steps.shape, np.int64)
    row_of[pre, post] = row
    units, delays = np.divmod(rows, base)
    return units, delays, row_of
