"""The pool of threads: shared out, and put back as it was."""

import os
import sys

import numba
import pytest

from spikefa.engine.threads import SMALL_WORK, groups, thread_pool


@pytest.mark.parametrize(("processors", "threads"), [([0, 1], 2), ([3, 5, 8], 2), (list(range(16)), 5), ([7], 1)])
def test_groups_are_disjoint_and_cover_all_processors(processors, threads):
    shared = groups(processors, threads)
    assert sorted(p for group in shared for p in group) == processors and all(shared)
    assert max(map(len, shared)) - min(map(len, shared)) <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="thread affinity is Linux's")
def test_affinity_and_threads_are_put_back():
    def affinities():
        return {os.sched_getaffinity(int(task)).__repr__() for task in os.listdir("/proc/self/task")}

    all_threads = numba.config.NUMBA_NUM_THREADS
    numba.set_num_threads(all_threads)
    before = os.sched_getaffinity(0)
    with thread_pool(SMALL_WORK):
        assert numba.get_num_threads() == all_threads
        if 1 < all_threads <= len(before):
            assert os.sched_getaffinity(0) < before
    assert os.sched_getaffinity(0) == before and affinities() == {repr(before)}
    with pytest.raises(ZeroDivisionError), thread_pool(SMALL_WORK - 1):
        assert numba.get_num_threads() == 1
        raise ZeroDivisionError
    assert numba.get_num_threads() == all_threads
