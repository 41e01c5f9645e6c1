"""Initial weights: functions that draw them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from spikefa._checks import in_range

Initial = ArrayLike | Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def uniform(limit: float, high: float | None = None) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    """Weights drawn uniformly from ``[-limit, limit]``, or, with `high`, from ``[limit, high]``.

    Raises
    ------
    ArgumentError
        If the only limit is negative, the limits are not in order, or one is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> fa.uniform(0.5)(np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """
    if high is None:
        in_range("uniform", "limit", limit, 0, rule="be finite and at least 0")
        return lambda rng, shape: rng.uniform(-limit, limit, shape)
    in_range("uniform", "low", limit)
    in_range("uniform", "high", high, limit)
    return lambda rng, shape: rng.uniform(limit, high, shape)


def normal(sd: float) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    """Weights drawn from the normal distribution of mean 0 and this standard deviation.

    Raises
    ------
    ArgumentError
        If the standard deviation is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> fa.normal(0.1)(np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """
    in_range("normal", "standard deviation", sd, 0, rule="be finite and at least 0")
    return lambda rng, shape: rng.normal(0, sd, shape)
