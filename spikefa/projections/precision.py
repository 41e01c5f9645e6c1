"""Precision: the number format in which fixed weights are multiplied."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from spikefa._checks import one_of, refuse
from spikefa.engine.packed import MOST_UNITS, PackedWeights, Precision
from spikefa.errors import ArgumentError

#: The least number that bfloat16 rounds to infinity: halfway from the largest of 8 significant bits to 2**128.
_BEYOND_BFLOAT16 = np.float32((2 - 2**-8) * 2.0**127)


def checked_precision(
    owner: str, units: int, precision: Any, dtype: np.dtype, mask: Any, plasticity: Any, delay: Any
) -> Precision | None:
    """Return a precision if it is another than the network's float type, and refuse what does not go with it.

    Parameters
    ----------
    owner : str
        Begins messages.
    units : int
        How many are presynaptic.
    precision : {"float32", "bfloat16", "int8"} or None
    dtype : dtype
        The network's float type.
    mask, plasticity, delay
        As the projection receives them.

    Raises
    ------
    ArgumentError
        If it is none of these, or weights learn, have a mask or a delay a synapse, or their number is too large.
    """
    if precision is None:
        return None
    one_of(owner, "precision", precision, get_args(Precision))
    if dtype != np.float32:
        refuse(owner, "precision", f"be None in a network of {dtype}", precision)
    if precision == "float32":
        return None
    for name, given in (("weights that learn", plasticity), ("a mask", mask)):
        if given is not None:
            refuse(owner, "precision", f"be 'float32' with {name}", precision)
    if np.ndim(delay) == 2:
        refuse(owner, "precision", "be 'float32' where each synapse has a delay of its own", precision)
    if precision == "int8" and units > MOST_UNITS:
        refuse(owner, "precision", f"be 'float32' with more than {MOST_UNITS:,} presynaptic units", precision)
    return precision


def check_range(owner: str, precision: Precision | None, weights: np.ndarray) -> None:
    """Refuse weights that are finite in float32, and infinite once they are rounded to a precision.

    Raises
    ------
    ArgumentError
        If there are some.
    """
    if precision != "bfloat16":  # integers of int8 are at most the largest weight
        return
    for extreme in (weights.min(initial=0), weights.max(initial=0)):
        if abs(np.float32(extreme)) >= _BEYOND_BFLOAT16:
            raise ArgumentError(f"{owner}: weights must be within bfloat16's range, got {extreme:g}")


def rounding_of(weights: PackedWeights) -> str:
    """Return in words how weights are rounded."""
    return f"{weights.precision}, rounded by up to {weights.rounding_error:.2g}"
