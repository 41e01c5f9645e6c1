"""The pool of threads: shared out, and put back as it was."""

import os
import subprocess
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


FORKING = """
import multiprocessing, sys, warnings
import numba
from spikefa import datasets
from spikefa.experiments import model_file
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of forks beside threads
model, digits = model_file.load("lillicrap2016_spiking"), datasets.load("digits")

def rate(seed):
    net = model.build(model.params({"hidden": (300,)}, "digits"), streams=100, seed=seed)
    net.stimulus.show_images(digits.train_images[:100], digits.train_labels[:100])
    net.run_steps(5)
    return float(net.layers[-1].view("s").mean())

if sys.argv[1] == "before":
    rate(0)
    print(numba.threading_layer())
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.map(rate, [1, 1])[0] > 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP is Linux's")
def test_forked_processes_run_networks_or_say_why_they_cannot():
    """Without a word the process would be ended by GNU OpenMP, and a pool would start it again for ever."""

    def forking(when):
        return subprocess.run([sys.executable, "-c", FORKING, when], capture_output=True, text=True, timeout=120)

    after = forking("after")
    assert after.stdout == "True\n", after.stderr
    before = forking("before")
    if before.stdout.startswith("omp"):
        assert "SpikefaError: Network: this process was forked from one that had run networks" in before.stderr
    else:
        assert before.stdout.endswith("\nTrue\n"), before.stderr
