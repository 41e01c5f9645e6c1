"""What the generated kernels call on the device: Brian2's functions, and the random numbers of one unit.

Compiled functions of the processor are compiled anew for the device where a kernel calls them.
"""
# ruff: noqa: F401  (all of it is for the kernels)

import math
from math import acos as arccos
from math import asin as arcsin
from math import atan as arctan
from math import cos, cosh, exp, expm1, log, log1p, log10, sin, sinh, sqrt, tan, tanh

import numpy as np
from numba import cuda

from spikefa.engine.brian2_target.intrinsics import clip, sign, timestep
from spikefa.engine.kernels.philox import box_muller, philox_block


@cuda.jit(device=True)
def floor(x):
    """Largest whole number below, of the argument's type."""
    return type(x)(math.floor(x))


@cuda.jit(device=True)
def ceil(x):
    """Smallest whole number above, of the argument's type."""
    return type(x)(math.ceil(x))


@cuda.jit(device=True)
def exprel(x):
    """(exp(x) - 1)/x, 1 at 0."""
    return type(x)(1.0) if x == 0 else (x if x == np.inf else expm1(x) / x)


@cuda.jit(device=True)
def _words(seed, step, obj, draw, unit):
    key = seed[0]
    low, high = np.uint32(key & np.uint64(0xFFFFFFFF)), np.uint32(key >> np.uint64(32))
    return philox_block(np.uint32(unit // 4), np.uint32(draw), np.uint32(step[0]), np.uint32(obj), low, high)


@cuda.jit(device=True)
def _word(seed, step, obj, draw, unit):
    w0, w1, w2, w3 = _words(seed, step, obj, draw, unit)
    place = unit % 4
    return np.uint32(w0 if place == 0 else w1 if place == 1 else w2 if place == 2 else w3)


@cuda.jit(device=True)
def uniform_float32(seed, step, obj, draw, unit):
    """Return the number that `engine.philox.fill_uniform` gives a unit, to the bit; seed and step are arrays (1,)."""
    return np.float32(np.int32(_word(seed, step, obj, draw, unit) >> np.uint32(8))) * np.float32(2.0**-24)


@cuda.jit(device=True)
def uniform_float64(seed, step, obj, draw, unit):
    """As `uniform_float32`, with 32 random bits."""
    return np.float64(_word(seed, step, obj, draw, unit)) * 2.0**-32


@cuda.jit(device=True)
def normal(seed, step, obj, draw, unit):
    """Return the number that `engine.philox.fill_normal` gives a unit, to rounding."""
    w0, w1, w2, w3 = _words(seed, step, obj, draw, unit)
    place = unit % 4
    first, second = box_muller(np.uint32(w0 if place < 2 else w2), np.uint32(w1 if place < 2 else w3))
    return first if place % 2 == 0 else second
