"""Long lives of one process: memory, descriptors and threads stay as they are. All slow: `pytest -m slow`."""

import gc
import os
import threading
from pathlib import Path

import pytest
from run_helpers import TINY

import spikefa as fa
from spikefa.experiments.ensemble import Ensemble
from spikefa.experiments.run import new_run, open_run
from spikefa.plotting.figures import figures
from spikefa.plotting.of_runs import save_figure

pytestmark = pytest.mark.slow

MEGABYTE = 2**20


def memory():
    """Bytes of this process that are in memory now, after what is garbage has gone."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_memory_is_flat_over_2000_epochs(tmp_path):
    run = new_run(
        tmp_path / "run",
        "lillicrap2016_spiking",
        TINY | {"steps_per_image": 1, "test_steps": 1},
        data="digits",
        epochs=2000,
        evaluate_every=100,
    )
    seen = []

    def watch(row):
        if row["epoch"] in (200, 2000):
            seen.append(memory())

    run.train(watch)
    assert len(seen) == 2 and seen[1] - seen[0] < 5 * MEGABYTE, seen


def test_opening_evaluating_and_plotting_leaks_nothing(tmp_path):
    state = new_run(tmp_path / "run", "lillicrap2016_spiking", TINY, data="digits", epochs=1, recording_steps=10)
    state.train()
    held = []
    for number in range(300):
        run = open_run(tmp_path / "run")
        list(Ensemble([run]).measure([1]))
        save_figure(run, [*figures][number % len(figures)])
        if number in (30, 299):
            held.append((memory(), descriptors(), threading.active_count(), len(os.listdir("/proc/self/task"))))
    (before, *counts), (after, *later) = held
    assert later == counts
    assert after - before < 60 * MEGABYTE, held  # Brian2 caches the code of each network, 0.1 MB of these


def test_networks_that_are_dropped_give_their_memory_back():
    def one():
        net = fa.Network(streams=1, seed=0)
        fa.Input(net, "image", 1000, "x : 1\ns : 1", emit="s = x", threshold=None)
        fa.Layer(net, "output", 1000, "v = I : 1\nI : 1\ns : 1", emit="s = v", threshold=None)
        fa.Projection(net, "image", "output", fa.uniform(0.1))
        net.run_steps(2)

    for _ in range(5):
        one()
    before = memory()
    for _ in range(50):  # 4 MB of weights each
        one()
    assert memory() - before < 10 * MEGABYTE
