"""Bounds of weights, and the signs of Dale's law."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from spikefa._checks import in_range, one_of, refuse, shown, within_range
from spikefa.errors import ArgumentError

#: Sign -> its least and largest weight.
SIGNS = {"excitatory": (0.0, np.inf), "inhibitory": (-np.inf, 0.0)}


def bounds_of(
    title: str, bounds: Any, sign: Literal["excitatory", "inhibitory"] | None, dtype: np.dtype
) -> tuple[float, float] | None:
    """Return the least and the largest weight, as floats of a type that may be infinite; None if all may be had.

    Raises
    ------
    ArgumentError
        If there is no such sign, bounds are no two numbers in order, or none is left within the sign's.
    """
    if bounds is None and sign is None:
        return None
    low, high = -np.inf, np.inf
    if bounds is not None:
        rule = "be (least, largest), numbers of which one may be None"
        if not isinstance(bounds, tuple | list) or len(bounds) != 2 or all(limit is None for limit in bounds):
            refuse(title, "bounds", rule, bounds)
        for limit in bounds:
            if limit is not None:
                within_range(title, "bounds", in_range(title, "bounds", limit, rule=rule), dtype)
        low = low if bounds[0] is None else float(dtype.type(bounds[0]))
        high = high if bounds[1] is None else float(dtype.type(bounds[1]))
        if not low < high:
            raise ArgumentError(f"{title}: bounds must be in order, the least below the largest, got {shown(bounds)}")
    if sign is not None:
        one_of(title, "sign", sign, SIGNS)
        low, high = max(low, SIGNS[sign][0]), min(high, SIGNS[sign][1])
        if not low < high:
            raise ArgumentError(f"{title}: bounds must leave room for sign={sign!r}, got {shown(bounds)}")
    return low, high
