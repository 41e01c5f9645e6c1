"""One pool of threads, each on processors of its own while a network runs.

Left to itself the kernel now and then keeps both threads of a two-core machine on one core, and a step takes
twice as long until it moves them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

import numba
import numpy as np
from numba import types

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.tasks import share
from spikefa.errors import SpikefaError

#: Multiply-adds a step below which one thread is as fast as two (64-100-100-100, 20 streams: 0.12 ms with one,
#: 0.18 with two).
SMALL_WORK = 3_000_000

_forked = False  # whether this process has come by fork from one whose pool ran, and lacks its threads


def _after_fork() -> None:
    global _forked
    with suppress(ValueError):  # which tells that the pool has not run
        _forked = _forked or (sys.platform == "linux" and numba.threading_layer() == "omp")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def refuse_forked(owner: str) -> None:
    """Raise where GNU OpenMP would end the process at the first parallel loop.

    Raises
    ------
    SpikefaError
        In a process forked from one that has run parallel loops.
    """
    if _forked:
        raise SpikefaError(
            f"{owner}: this process was forked from one that had run networks, and lacks its threads; start it "
            'with multiprocessing.get_context("spawn"), or run networks only in the processes that are forked'
        )


_PINNING = sys.platform == "linux" and hasattr(os, "sched_setaffinity")

if _PINNING:
    _gettid = types.ExternalFunction("gettid", types.int32())

    @compiled(nogil=True)
    def _thread_id(i, out):
        out[i] = _gettid()

    @compiled(nogil=True)
    def _thread_ids(out):
        share(_thread_id, out.size, (out,))


def groups(processors: list[int], threads: int) -> list[list[int]]:
    """Share processors out among threads: disjoint groups of neighbours, as equal as can be."""
    edges = [thread * len(processors) // threads for thread in range(threads + 1)]
    return [processors[a:b] for a, b in pairwise(edges)]


@contextmanager
def thread_pool(work: int) -> Iterator[None]:
    """Set numba's pool up for steps of so much work; put everything back afterwards.

    Parameters
    ----------
    work : int
        Multiply-adds of a step's propagation. Little work is left to one thread, since waking another takes
        longer; results do not depend on it.
    """
    before = numba.get_num_threads()
    numba.set_num_threads(1 if work < SMALL_WORK else before)
    try:
        with _spread():
            yield
    finally:
        numba.set_num_threads(before)


@contextmanager
def _spread() -> Iterator[None]:
    """Give each thread a group of processors of its own, where the system can and there are enough."""
    threads = numba.get_num_threads()
    processors = sorted(os.sched_getaffinity(0)) if _PINNING else []
    if not 1 < threads <= len(processors):
        yield
        return
    ids = np.zeros(threads, np.int32)
    _thread_ids(ids)
    if len(set(ids.tolist())) == threads:  # else the pool does not give each thread one part
        for thread, group in zip(ids.tolist(), groups(processors, threads), strict=True):
            os.sched_setaffinity(thread, group)
    try:
        yield
    finally:
        for thread in set(ids.tolist()):
            os.sched_setaffinity(thread, processors)
