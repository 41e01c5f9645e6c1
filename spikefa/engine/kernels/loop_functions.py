"""Functions of one number that a rule may use in a loop over synapses."""

from math import (
    acos,
    asin,
    atan,
    ceil,
    cos,
    cosh,
    exp,
    expm1,
    floor,
    log,
    log1p,
    log10,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

import numpy as np
from numba import njit


@njit
def sign(x):
    """-1, 0 or 1; NaN stays NaN."""
    return np.sign(x)


@njit
def clip(x, low, high):
    """Limit x to [low, high]."""
    return min(max(x, low), high)


@njit
def exprel(x):
    """(exp(x) - 1)/x, 1 at 0."""
    return expm1(x) / x if x != 0 else 1.0


#: Name in a rule -> function in the loop.
LOOP_FUNCTIONS = {
    "abs": abs,
    "arccos": acos,
    "arcsin": asin,
    "arctan": atan,
    "ceil": ceil,
    "clip": clip,
    "cos": cos,
    "cosh": cosh,
    "exp": exp,
    "expm1": expm1,
    "exprel": exprel,
    "floor": floor,
    "int": int,
    "log": log,
    "log10": log10,
    "log1p": log1p,
    "sign": sign,
    "sin": sin,
    "sinh": sinh,
    "sqrt": sqrt,
    "tan": tan,
    "tanh": tanh,
}
