"""Garbage is still collected, and what Brian2 tells by it is told, but not in each of many short runs."""

import gc
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


@pytest.mark.parametrize("due", [True, False])
def test_a_run_collects_what_lies_there_if_it_is_due(net, monkeypatch, due):
    net.run_steps(1)
    lost = weakref.ref(Loop())
    monkeypatch.setattr(run_context, "_due", 0.0 if due else float("inf"))
    net.run_steps(1)
    assert (lost() is None) == due
    gc.collect()  # sees it, since nothing stays out of sight after a run
    assert lost() is None


def test_it_is_due_after_a_multiple_of_its_own_time(net, monkeypatch):
    times = iter([0.0, 100.0, 100.0 + 99.0 * run_context.PAUSE, 100.0 + 100.0 * run_context.PAUSE, 5000.0])
    monkeypatch.setattr(run_context.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(run_context, "_due", 0.0)
    with run_context.collected_seldom():  # takes from 0 to 100
        pass
    for due in (False, True):
        lost = weakref.ref(Loop())
        with run_context.collected_seldom():
            pass
        assert (lost() is None) == due


def test_nothing_stays_out_of_sight_after_an_error(net):
    lost = weakref.ref(Loop())
    with pytest.raises(RuntimeError), run_context.collected_seldom():
        raise RuntimeError
    gc.collect()
    assert lost() is None


def test_an_object_in_no_network_is_told_of(net, monkeypatch, caplog):
    monkeypatch.setattr(run_context, "_due", 0.0)
    (lambda: NeuronGroup(1, "v : 1", name="forgotten"))()
    net.run_steps(1)
    assert "'forgotten' is getting deleted, but was never included in a network" in caplog.text
