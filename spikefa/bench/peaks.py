"""What the processors reach at their best, measured by our own innermost loops on data that lie in the first caches."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numba import prange

from spikefa.bench.harness import all_threads
from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.blas import N, call_gemm, gemm_address, single_threaded_blas
from spikefa.engine.kernels.lookup_tables import ABREAST, CHOICES, VECTOR, add_looked_up
from spikefa.engine.threads import thread_pool

#: Side of the matrices whose product is the peak of multiply-adds: three of them are half a megabyte in float32.
SIDE = 192
#: Tables, and vectors that are added to, of the peak of additions: 20 KiB, as in a propagation.
TABLES, SUMS = 16, 64
#: Work of a pool of all threads, see `thread_pool`.
MUCH = 1 << 40


@compiled(parallel=True, nogil=True)
def _multiply(gemm, a, b, c, times):
    """``c += a @ b``, so many times, by each thread in matrices of its own ``(threads, side, side)``."""
    side, one = np.int32(a.shape[1]), a.dtype.type(1)
    for thread in prange(a.shape[0]):
        places = a[thread].ctypes.data, b[thread].ctypes.data, c[thread].ctypes.data
        for _ in range(times):
            call_gemm(gemm, N, N, side, side, side, one, places[0], side, places[1], side, one, places[2], side)


@compiled(parallel=True, nogil=True)
def _look_up(tables, choices, sums, times):
    """Add one sum of every table to each vector, so many times, by each thread in memory of its own."""
    for thread in prange(sums.shape[0]):
        table = tables[thread].ctypes.data
        table += -table % VECTOR
        total = sums[thread].ctypes.data
        total += -total % VECTOR
        for _ in range(times):
            for k in range(0, SUMS, ABREAST):
                chosen = choices.ctypes.data + 2 * k
                add_looked_up(table, TABLES, chosen, 2 * SUMS, total + k * VECTOR, VECTOR, 0, sums.dtype.type(0))
        sums[thread, 0] += tables[thread, 0]  # both are read here, so that neither is freed before


def multiply_adds(dtype: np.dtype, seconds: float) -> Callable[[], float]:
    """Return a job: floating-point operations a second of small matrix products by BLAS, on all threads at once."""
    a, b, c = (np.full((all_threads(), SIDE, SIDE), 1e-3, dtype) for _ in range(3))
    gemm = gemm_address(str(np.dtype(dtype)))
    return _rate(lambda times: _multiply(gemm, a, b, c, times), 2.0 * SIDE**3 * len(a), seconds)


def additions(dtype: np.dtype, seconds: float) -> Callable[[], float]:
    """Return a job: additions a second of sums that are looked up, on all threads at once."""
    lanes = VECTOR // np.dtype(dtype).itemsize
    tables = np.zeros((all_threads(), (TABLES * CHOICES + 1) * lanes), dtype)
    sums = np.zeros((all_threads(), (SUMS + 1) * lanes), dtype)
    choices = np.random.default_rng(0).integers(0, CHOICES, (TABLES, SUMS)).astype(np.uint16) * np.uint16(VECTOR)
    return _rate(lambda times: _look_up(tables, choices, sums, times), len(sums) * SUMS * TABLES * lanes, seconds)


def _rate(call: Callable[[int], None], operations: float, seconds: float) -> Callable[[], float]:
    def job() -> float:
        with thread_pool(MUCH), single_threaded_blas():  # as in a step
            times = 1
            while True:
                began = time.perf_counter()
                call(times)
                spent = time.perf_counter() - began
                if spent >= seconds:
                    return operations * times / spent
                times = max(2 * times, int(times * seconds / max(spent, 1e-6)))

    return job
