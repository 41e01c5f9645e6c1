"""Kernels of products in 8-bit integers or bfloat16. Arrays are flat; see `kernels`.

Integers are the processor's (`spikefa.engine.kernels.packed`), and so are their sums, which are exact: from the same
activities comes the same current, to the bit. What is multiplied and what is added after it are in two kernels, so that
the compiler cannot make one rounding of both.
"""

from __future__ import annotations

import numpy as np
from numba import cuda

from spikefa.engine.kernels.packed import LARGEST, SMALLEST

#: Blocks of units in which the largest number of a stream is looked for.
BLOCKS = 32


@cuda.jit
def largest_sizes(units, streams, activity, found):
    """``found[block, stream]`` = largest size among a block of units; NaN if one is NaN."""
    for i in range(cuda.grid(1), BLOCKS * streams, cuda.gridsize(1)):
        block, k = i // streams, i % streams
        most = np.float32(0)
        for unit in range(block * units // BLOCKS, (block + 1) * units // BLOCKS):
            size = abs(activity[unit * streams + k])
            if size > most or size != size:
                most = size
        found[i] = most


@cuda.jit
def integer_scales(streams, found, scales, inverses):
    """See `spikefa.engine.kernels.packed.integer_scales`; `found` is what `largest_sizes` finds."""
    top = np.float32(LARGEST)
    for k in range(cuda.grid(1), streams, cuda.gridsize(1)):
        most = np.float32(0)
        for block in range(BLOCKS):
            size = found[block * streams + k]
            if size > most or size != size:
                most = size
        if not most < np.inf:
            scales[k], inverses[k] = np.nan, 0
        elif most >= SMALLEST:
            scales[k], inverses[k] = most / top, top / most
        else:
            scales[k], inverses[k] = 0, 0


@cuda.jit
def round_int8(streams, activity, inverses, integers):
    """Round activities to integers; 0 for what is no number."""
    for i in range(cuda.grid(1), integers.size, cuda.gridsize(1)):
        value = activity[i] * inverses[i % streams]
        integers[i] = round(value) if abs(value) < LARGEST + 0.5 else 0


@cuda.jit
def multiply_int8(n_pre, streams, weights, integers, scale, scales, products):
    """``products = scale * scales * (weights @ integers)`` (n_post, streams); weights (n_post, n_pre) of int8."""
    for i in range(cuda.grid(1), products.size, cuda.gridsize(1)):
        row, k = i // streams * n_pre, i % streams
        total = np.int32(0)
        for unit in range(n_pre):
            total += np.int32(weights[row + unit]) * np.int32(integers[unit * streams + k])
        products[i] = np.float32(total) * (np.float32(scale) * scales[k])


@cuda.jit
def add_products(products, current):
    """Do ``current += products``."""
    for i in range(cuda.grid(1), current.size, cuda.gridsize(1)):
        current[i] += products[i]


@cuda.jit
def round_bfloat16(bits, rounded):
    """Round float32 numbers, as bits of uint32, to bfloat16, ties to even; NaN stays."""
    for i in range(cuda.grid(1), rounded.size, cuda.gridsize(1)):
        b = bits[i]
        if (b & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000):
            rounded[i] = np.uint32(0x7FC00000)
        else:
            rounded[i] = (b + np.uint32(0x7FFF) + ((b >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
