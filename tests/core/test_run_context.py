"""Garbage is still collected, and what Brian2 tells by it is told, but not in each of many short runs."""

import gc
import time
import weakref

import pytest
from brian2 import NeuronGroup

import spikefa as fa
from spikefa.core import run_context


class Loop:
    """Garbage that only a collection finds."""

    def __init__(self):
        self.self = self


@pytest.fixture(autouse=True)
def nothing_is_collected_unasked():
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
