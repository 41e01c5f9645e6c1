"""Initial weights: functions that draw them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from spikefa.errors import ArgumentError

Initial = ArrayLike | Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def uniform(limit: float) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    """Weights drawn uniformly from ``[-limit, limit]``.

    Raises
    ------
    ArgumentError
        If the limit is negative or not finite.
    """
    if not 0 <= limit < np.inf:
        raise ArgumentError(f"uniform: limit must be finite and at least 0, got {limit!r}")
    return lambda rng, shape: rng.uniform(-limit, limit, shape)


def normal(sd: float) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    """Weights drawn from the normal distribution of mean 0 and this standard deviation.

    Raises
    ------
    ArgumentError
        If the standard deviation is negative or not finite.
    """
    if not 0 <= sd < np.inf:
        raise ArgumentError(f"normal: standard deviation must be finite and at least 0, got {sd!r}")
    return lambda rng, shape: rng.normal(0, sd, shape)
