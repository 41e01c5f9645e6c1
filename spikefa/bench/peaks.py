"""What the processors reach at their best, measured by our own innermost loops on data that lie in the first caches."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from spikefa.bench.harness import all_threads
from spikefa.engine.compiled import compiled
from spikefa.engine.kernels import integer_panels, many_streams
from spikefa.engine.kernels.blas import single_threaded_blas
from spikefa.engine.kernels.dot_products import LANES, TILE_ROWS, add_dot_products_int8, has_dot_products
from spikefa.engine.kernels.integer_panels import add_pairs
from spikefa.engine.kernels.lookup_tables import ABREAST, CHOICES, VECTOR, add_looked_up
from spikefa.engine.kernels.tasks import share
from spikefa.engine.threads import thread_pool

#: How many products a sum of the peaks of multiply-adds and of integers grows by before it is written.
PRODUCTS = 128
#: Rows of the peak of multiply-adds: of the widest tile, whose sums take most registers.
ROWS = many_streams.SUMS // many_streams.WIDEST
#: Tables, and vectors that are added to, of the peak of additions: 20 KiB, as in a propagation.
TABLES, SUMS = 16, 64
#: Vectors of sums in a row, for the peak of the processor's own dot products.
WIDE = 4
#: Work of a pool of all threads, see `thread_pool`.
MUCH = 1 << 40


@compiled(nogil=True)
def _aligned(numbers):
    """Address of the first number of a row that is a multiple of a vector."""
    address = numbers.ctypes.data
    return address + (-address % VECTOR)


@compiled(nogil=True)
def _multiply_on(thread, weights, panels, sums, times):
    rows, panel, to = _aligned(weights[thread]), _aligned(panels[thread]), _aligned(sums[thread])
    row_bytes, wide = PRODUCTS * weights.itemsize, many_streams.WIDEST
    for _ in range(times):
        many_streams.add_products(
            rows, row_bytes, ROWS - 1, panel, PRODUCTS, to, wide * many_streams.VECTOR, wide, weights.dtype.type(0)
        )
    sums[thread, 0] += weights[thread, 0] + panels[thread, 0]  # all are read here: none is freed before


@compiled(nogil=True)
def _multiply(weights, panels, sums, times):
    """Add the products of a few rows and a panel to sums, so many times, by each thread in memory of its own."""
    share(_multiply_on, sums.shape[0], (weights, panels, sums, times))


@compiled(nogil=True)
def _multiply_pairs_on(thread, panels, numbers, sums, times):
    panel, pairs, to = _aligned(panels[thread]), _aligned(numbers[thread]), _aligned(sums[thread])
    for _ in range(times):
        add_pairs(panel, pairs, PRODUCTS, to)
    sums[thread, 0] += panels[thread, 0] + numbers[thread, 0]


@compiled(nogil=True)
def _multiply_pairs(panels, numbers, sums, times):
    """Add the products of pairs of integers to sums, so many times, by each thread in memory of its own."""
    share(_multiply_pairs_on, sums.shape[0], (panels, numbers, sums, times))


@compiled(nogil=True)
def _multiply_words_on(thread, weights, words, sums, times):
    row, lanes, to = _aligned(weights[thread]), _aligned(words[thread]), _aligned(sums[thread])
    for _ in range(times):
        add_dot_products_int8(row, 4 * PRODUCTS, lanes, 4 * LANES * WIDE, PRODUCTS, to, WIDE)
    sums[thread, 0] += weights[thread, 0] + words[thread, 0]


@compiled(nogil=True)
def _multiply_words(weights, words, sums, times):
    """Do the same by the processor's own dot products."""
    share(_multiply_words_on, sums.shape[0], (weights, words, sums, times))


@compiled(nogil=True)
def _look_up_on(thread, tables, choices, sums, times):
    table, total = _aligned(tables[thread]), _aligned(sums[thread])
    for _ in range(times):
        for k in range(0, SUMS, ABREAST):
            chosen = choices.ctypes.data + 2 * k
            add_looked_up(table, TABLES, chosen, 2 * SUMS, total + k * VECTOR, VECTOR, 0, sums.dtype.type(0))
    sums[thread, 0] += tables[thread, 0]  # both are read here, so that neither is freed before


@compiled(nogil=True)
def _look_up(tables, choices, sums, times):
    """Add one sum of every table to each vector, so many times, by each thread in memory of its own."""
    share(_look_up_on, sums.shape[0], (tables, choices, sums, times))


def _room(count: int, dtype: np.dtype | type) -> np.ndarray:
    """Return zeros for each thread, with room to begin at a multiple of a vector."""
    return np.zeros((all_threads(), count + VECTOR // np.dtype(dtype).itemsize), dtype)


def multiply_adds(dtype: np.dtype, seconds: float) -> Callable[[], float]:
    """Return a job: floating-point operations a second of products and sums that stay in registers, on all threads."""
    lanes = many_streams.WIDEST * many_streams.VECTOR // np.dtype(dtype).itemsize
    arrays = [_room(size, dtype) for size in (ROWS * PRODUCTS, PRODUCTS * lanes, ROWS * lanes)]
    done = 2.0 * ROWS * lanes * PRODUCTS * all_threads()
    return _rate(lambda times: _multiply(*arrays, times), done, seconds)


def integer_multiply_adds(seconds: float) -> Callable[[], float]:
    """Return a job: operations a second of 8-bit products and 32-bit sums, by what the engine multiplies them with."""
    if has_dot_products("int8"):
        rows = TILE_ROWS[WIDE]
        sizes = (rows * PRODUCTS, np.uint32), (LANES * WIDE * PRODUCTS, np.uint32), (rows * LANES * WIDE, np.int32)
        multiply, done = _multiply_words, 8.0 * rows * LANES * WIDE * PRODUCTS
    else:
        units, streams = integer_panels.UNITS, integer_panels.STREAMS
        sizes = (2 * units * PRODUCTS, np.int16), (2 * streams * PRODUCTS, np.int16), (units * streams, np.int32)
        multiply, done = _multiply_pairs, 4.0 * units * streams * PRODUCTS
    arrays = [_room(size, kind) for size, kind in sizes]
    return _rate(lambda times: multiply(*arrays, times), done * all_threads(), seconds)


def additions(dtype: np.dtype, seconds: float) -> Callable[[], float]:
    """Return a job: additions a second of sums that are looked up, on all threads at once."""
    lanes = VECTOR // np.dtype(dtype).itemsize
    tables, sums = _room(TABLES * CHOICES * lanes, dtype), _room(SUMS * lanes, dtype)
    choices = np.random.default_rng(0).integers(0, CHOICES, (TABLES, SUMS)).astype(np.uint16) * np.uint16(VECTOR)
    return _rate(lambda times: _look_up(tables, choices, sums, times), len(sums) * SUMS * TABLES * lanes, seconds)


def _rate(call: Callable[[int], None], operations: float, seconds: float) -> Callable[[], float]:
    def job() -> float:
        with thread_pool(MUCH), single_threaded_blas():  # as in a step
            call(1)  # which may compile
            times = 1
            while True:
                began = time.perf_counter()
                call(times)
                spent = time.perf_counter() - began
                if spent >= seconds:
                    return operations * times / spent
                times = max(2 * times, int(times * seconds / max(spent, 1e-6)))

    return job
