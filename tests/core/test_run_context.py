"""Garbage is still collected, and what Brian2 tells by it is told, but not in each of many short runs."""

import gc
import time
import weakref

import numpy as np
import pytest
from brian2 import NeuronGroup, SpikeMonitor, network_operation, second

import spikefa as fa
from spikefa.core import run_context
from spikefa.errors import SpikefaError


class Loop:
    """Garbage that only a collection finds."""

    def __init__(self):
        self.self = self


@pytest.fixture(autouse=True)
def nothing_is_collected_unasked(monkeypatch):
    monkeypatch.setattr(run_context, "PAUSE", 5)  # beside many other tests a collection takes a second
    monkeypatch.setattr(run_context, "_due", 0.0)
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def net():
    net = fa.Network(target="numpy")
    fa.Layer(net, "h", 3, "v : 1\ns : 1")
    return net


def seconds_of_the_next_collection():
    """Enter and leave the block until it has collected garbage; return how long that took, and when it ended."""
    began, took = [], []

    def watch(phase, info):
        if info["generation"] == 2:
            (began if phase == "start" else took).append(time.monotonic())

    gc.callbacks.append(watch)
    try:
        limit = time.monotonic() + 100
        while not took and time.monotonic() < limit:
            with run_context.collected_seldom():
                time.sleep(1e-3)
    finally:
        gc.callbacks.remove(watch)
    return took[0] - began[0], took[0]


def test_a_run_collects_what_lies_there_if_it_is_due(net):
    lost = weakref.ref(Loop())
    seconds_of_the_next_collection()
    assert lost() is None
    lost = weakref.ref(Loop())
    net.run_steps(1)  # far shorter than the pause
    assert lost() is not None
    gc.collect()  # sees it, since nothing stays out of sight after a run
    assert lost() is None


def test_it_is_due_after_a_multiple_of_its_own_time():
    took, ended = seconds_of_the_next_collection()
    took_again, ended_again = seconds_of_the_next_collection()
    pause = ended_again - took_again - ended
    assert pause > 0.9 * run_context.PAUSE * took > 0


def test_nothing_stays_out_of_sight_after_an_error(net):
    lost = weakref.ref(Loop())
    with pytest.raises(RuntimeError), run_context.collected_seldom():
        raise RuntimeError
    gc.collect()
    assert lost() is None


def test_an_object_in_no_network_is_told_of(net, caplog):
    (lambda: NeuronGroup(1, "v : 1", name="forgotten"))()
    seconds_of_the_next_collection()
    assert "'forgotten' is getting deleted, but was never included in a network" in caplog.text


def thresholds_run(net):
    net.run_steps(2, profile=True)
    return [name for name, _ in net.profiling_info if "threshold" in name]


def test_thresholds_run_if_something_reads_their_events(small, digits):
    net = small(4)
    net.stimulus.show_images(digits.train_images[:40], digits.train_labels[:40])
    assert thresholds_run(net) == []
    counts = []

    @network_operation(when="end", clock=net.clock)
    def listen():
        assert np.array_equal(np.sort(net["h1"].spikes), np.flatnonzero(net["h1"].array("s")))
        counts.append(len(net["h1"].spikes))

    net.add(listen)
    assert len(thresholds_run(net)) == 4 and min(counts) > 0
    net.remove(listen)
    assert thresholds_run(net) == []
    monitor = SpikeMonitor(net["h1"])
    net.add(monitor)
    assert len(thresholds_run(net)) == 4 and monitor.num_spikes > 0
    monitor.active = False
    assert thresholds_run(net) == []


@pytest.mark.parametrize("own", [{"reset": "n += 1"}, {"refractory": "5*ms"}])
def test_thresholds_run_for_resets_and_refractory_periods_of_their_own(own):
    net = fa.Network(streams=2, seed=0)
    emit = f"s = int(rand() < 0.5{' and not_refractory' if 'refractory' in own else ''})"
    cell = fa.Input(net, "cell", 3, "x : 1\ns : 1\nn : 1", emit=emit, threshold="s > 0.5", **own)
    assert len(thresholds_run(net)) == 1
    assert cell.array("n").any() if "reset" in own else (cell.lastspike > -1 * second).any()


def test_thresholds_are_active_again_after_an_error(small, digits):
    net = small(4)
    net.stimulus.show_images(digits.train_images[:4])
    with pytest.raises(SpikefaError, match="all 4 images have been shown"):
        net.run_steps(6)
    assert all(layer.thresholder["spike"].active for layer in net.layers)
