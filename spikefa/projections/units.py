"""Units of weights: a quantity must fit what the projection reads and writes; plain numbers are in its base units."""

from __future__ import annotations

from typing import Any

from brian2 import Quantity, get_unit
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension

from spikefa.errors import ArgumentError


def without_unit(owner: str, name: str, values: Any, current: Dimension, output: Dimension = DIMENSIONLESS) -> Any:
    """Return weights or biases as numbers in base units.

    Parameters
    ----------
    owner, name : str
        Begin the message.
    values : array_like or Quantity
        Plain numbers are taken as they are.
    current, output : Dimension
        Of what the projection writes, and of what the weights multiply.

    Raises
    ------
    ArgumentError
        If they are a quantity of another dimension.
    """
    if not isinstance(values, Quantity) or values.dim is DIMENSIONLESS:
        return values
    if values.dim is not current / output:
        unit, got = (str(get_unit(dim)) if dim is not DIMENSIONLESS else "1" for dim in (current / output, values.dim))
        over = "" if output is DIMENSIONLESS else " over that of the output"
        raise ArgumentError(
            f"{owner}: {name} must be numbers, or in {unit}, the current's unit{over}, got values in {got}"
        )
    return values / Quantity.with_dimensions(1, values.dim)
