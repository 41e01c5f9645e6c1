"""What the generated kernels call: Brian2's functions for one number, and how their loops are compiled."""

import numpy as np
from numba import njit
from numba.core.compiler import Compiler

from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.math import exp, expm1, tanh

__all__ = [
    "NoAlias",
    "clip",
    "exp",
    "expm1",
    "exprel",
    "flush_denormals",
    "move",
    "restore",
    "sign",
    "tanh",
    "timestep",
]


class NoAlias(Compiler):
    """numba's compiler, told that no two array arguments overlap."""

    def __init__(self, typingctx, targetctx, library, args, return_type, flags, locals):
        flags = flags.copy()
        flags.noalias = True
        super().__init__(typingctx, targetctx, library, args, return_type, flags, locals)


@njit(forceinline=True)
def clip(x, low, high):
    """Limit x to [low, high]; NaN stays NaN."""
    y = low if x < low else x
    return high if y > high else y


@njit(forceinline=True)
def sign(x):
    """-1, 0 or 1; NaN stays NaN."""
    return type(x)((x > 0) - (x < 0)) if x == x else x


@njit(forceinline=True)
def exprel(x):
    """(exp(x) - 1)/x, 1 at 0."""
    # The limit at infinity is that of exp, not inf/inf.
    return type(x)(1.0) if x == 0 else (x if x == np.inf else expm1(x) / x)


@njit(forceinline=True)
def timestep(t, dt):
    """Give the number of the step that time t lies in, as Brian2's function of that name."""
    return np.int64((t + 1e-3 * dt) / dt)


@njit
def move(array, to, start, count):
    """Move elements down, one by one: numba would take 3 s to compile the error message of a slice assignment."""
    for k in range(count):
        array[to + k] = array[start + k]
