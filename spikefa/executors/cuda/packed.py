"""Lowering of projections whose weights are multiplied in 8-bit integers or bfloat16."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from spikefa.engine.cuda import packed
from spikefa.engine.cuda.fusion import Loop
from spikefa.engine.cuda.launching import bound
from spikefa.engine.cuda.products import product
from spikefa.engine.packed import PackedWeights
from spikefa.executors.cuda.executor import CudaExecutor
from spikefa.executors.cuda.lowering import Launch
from spikefa.projections.projection import Projection


def packed_product(
    executor: CudaExecutor, part: Projection, weights: PackedWeights, activity: Any, current: Any
) -> list[Launch]:
    """Return what adds ``W.T @ activity`` to the current, with both rounded as on the processor."""
    make = _integers if weights.precision == "int8" else _bfloat16
    return make(executor, part, weights, activity, current)


def _integers(
    executor: CudaExecutor, part: Projection, weights: PackedWeights, activity: Any, current: Any
) -> list[Launch]:
    """Sum integers exactly, by a kernel of our own."""
    (n_pre, _), streams = part.shape, part.post.streams

    def room(name: str, size: int, dtype: type = np.float32) -> Any:
        return executor.room(f"{part.name} {name}", size, dtype)

    found, scales, inverses = room("found", packed.BLOCKS * streams), room("scales", streams), room("inverses", streams)
    integers, products = room("integers", activity.size, np.int8), room("products", current.size)
    own = executor.constant(f"{part.name} weights", weights.integers)
    arguments = n_pre, streams, own, integers, weights.scale, scales, products
    multiply = bound(packed.multiply_int8, current.size, *arguments)
    executor.products.append(lambda beta: multiply())
    loops = [
        Loop(packed.largest_sizes, found.size, (n_pre, streams, activity, found), written=(found,)),
        Loop(packed.integer_scales, streams, (streams, found, scales, inverses), written=(scales, inverses)),
        Loop(
            packed.round_int8,
            integers.size,
            (streams, activity, inverses, integers),
            written=(integers,),
            own=(activity,),
        ),
    ]
    add = Loop(packed.add_products, current.size, (products, current), written=(current,), own=(products,))
    return [*map(Launch, loops), Launch(multiply), Launch(add)]


def _bfloat16(
    executor: CudaExecutor, part: Projection, weights: PackedWeights, activity: Any, current: Any
) -> list[Launch]:
    """Round activities, and multiply in float32: cuBLAS's own product of bfloat16 has not been tried."""
    n_pre, n_post = part.shape
    rounded = executor.room(f"{part.name} rounded", activity.size, np.float32)
    bits, rounded_bits = (array.view(np.uint32) for array in (activity, rounded))
    round_off = bound(packed.round_bfloat16, activity.size, bits, rounded_bits)
    shape = n_post, part.post.streams, n_pre
    values = executor.memory.read(weights.values)
    add_product = product(current, values, rounded, shape, (weights.pre_major, False), 1.0)
    executor.products.append(add_product)
    return [Launch(round_off), Launch(partial(add_product, 1.0))]
