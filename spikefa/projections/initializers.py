"""Initial weights: functions that draw them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Quantity
from numpy.typing import ArrayLike

from spikefa._checks import in_range, is_number, shown
from spikefa.errors import ArgumentError

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
Initial = ArrayLike | Draw


def uniform(limit: float | Quantity, high: float | Quantity | None = None) -> Draw:
    """Weights drawn uniformly from ``[-limit, limit]``, or, with `high`, from ``[limit, high]``.

    The limits are numbers, or have the unit of the port, such as ``10*mV``; of two, one may be 0.

    Raises
    ------
    ArgumentError
        If the only limit is negative, the limits are not in order or not of one unit, or one is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> fa.uniform(0.5)(np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """
    if high is None:
        (limit,), unit = _split("uniform", limit)
        in_range("uniform", "limit", limit, 0, rule="be finite and at least 0")
        return lambda rng, shape: rng.uniform(-limit, limit, shape) * unit
    (low, high), unit = _split("uniform", limit, high)
    in_range("uniform", "low", low)
    in_range("uniform", "high", high, low)
    return lambda rng, shape: rng.uniform(low, high, shape) * unit


def normal(sd: float | Quantity) -> Draw:
    """Weights drawn from the normal distribution of mean 0 and this standard deviation, which may have a unit.

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
    (sd,), unit = _split("normal", sd)
    in_range("normal", "standard deviation", sd, 0, rule="be finite and at least 0")
    return lambda rng, shape: rng.normal(0, sd, shape) * unit


def _split(owner: str, *limits: Any) -> tuple[list[Any], Any]:
    """Return limits in base units, and what numbers have to be multiplied by."""
    units = {limit.dim for limit in limits if isinstance(limit, Quantity)}
    plain = [limit for limit in limits if not isinstance(limit, Quantity) and is_number(limit) and limit != 0]
    if len(units) > 1 or (units and plain):
        raise ArgumentError(f"{owner}: limits must have one unit, got {' and '.join(map(shown, limits))}")
    if not units:
        return list(limits), 1
    unit = Quantity.with_dimensions(1, units.pop())
    return [limit / unit if isinstance(limit, Quantity) else limit for limit in limits], unit
