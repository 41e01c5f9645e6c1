"""Going back to a stored state, copies, and times that stay right in networks of single precision."""

import copy
import pickle
from collections import Counter

import numpy as np
import pytest
from brian2 import (
    NetworkOperation,
    NeuronGroup,
    PoissonGroup,
    SpikeMonitor,
    defaultclock,
    ms,
    network_operation,
    second,
)
from brian2.utils.logger import catch_logs

import spikefa as fa
from spikefa.errors import DivergenceError, SpikefaError


def whole_state(net):
    return {name: array.copy() for name, array in (net.state() | net.parameters()).items()}


def differing(one, other):
    return [name for name in one if not np.array_equal(one[name], other[name])]


@pytest.mark.parametrize("file", [False, True])
def test_restore_goes_back_to_all_that_was_stored(small, digits, file, tmp_path):
    net = small(4)
    angles = fa.WeightAlignment(net, every=5)
    net.stimulus.show_images(digits.train_images[:80], digits.train_labels[:80])
    net.run_steps(53)
    where = {"filename": str(tmp_path / "stored")} if file else {}
    counts, measured = net.readout.progress, len(angles.steps)
    net.store(**where)
    net.run_steps(20)
    first = whole_state(net), net.readout.progress, angles.table()
    for _ in range(2):
        net.restore(**where)
        assert net.readout.progress["shown"] == counts["shown"] and len(angles.steps) == measured
        net.run_steps(20)
        assert not differing(first[0], whole_state(net))
        assert net.readout.progress["wrong"] == first[1]["wrong"]
        assert all(np.array_equal(column, angles.table()[name]) for name, column in first[2].items())


def test_a_function_that_gives_images_cannot_be_gone_back_to(small, digits, tmp_path):
    net = small(2)
    net.stimulus.show(lambda: (digits.train_images[:2], digits.train_labels[:2]))
    net.run_steps(5)
    net.store()
    net.restore()  # nothing was given since
    with pytest.raises(SpikefaError, match="a function that gives batches cannot be stored in a file; use show_images"):
        net.store(filename=str(tmp_path / "stored"))
    net.run_steps(5)
    message = "Stimulus: cannot go back to batch 1 of a function that has given 2; use show_images"
    with pytest.raises(SpikefaError, match=message):
        net.restore()


@pytest.mark.parametrize("part", ["network", "layer", "projection"])
def test_copies_are_refused(small, part):
    net = small(1)
    what = {"network": net, "layer": net["h1"], "projection": net["image_to_h1"]}[part]
    message = "cannot be copied or pickled; build it again by the same script, or use Network.store"
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(SpikefaError, match=message):
            make(what)


def test_outputs_that_are_no_numbers_stop_the_run():
    net = fa.Network(target="numpy", streams=3)
    fa.Input(net, "image", 2, emit="s = x")
    fa.Layer(net, "out", 4, "I : 1\ns : 1", emit="s = log(I - 0.5)", threshold=None)
    fa.Projection(net, "image", "out", np.ones((2, 4)))
    fa.classification_task(net, 5, 2)
    images = np.ones((3, 2))
    images[2] = 0
    message = r"Layer 'out': outputs must be finite, got nan summed over an image of stream 2, at step 4"
    with np.errstate(invalid="ignore"), pytest.raises(DivergenceError, match=message):
        fa.predict(net, images, 5)
    net.stimulus.show_images(images, np.zeros(3, int))
    with np.errstate(invalid="ignore"), pytest.raises(DivergenceError, match=message):
        net.run_steps(5)


@pytest.mark.parametrize("target", ["numba", "numpy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_refractoriness_and_times_of_units_do_not_drift(target, dtype):
    net = fa.Network(dtype=dtype, target=target)
    equations = """
    onset : second
    last : second
    age = t - last : second
    phase = t / period : 1
    on : 1
    count : 1
    turns : 1
    old : 1
    first : second
    gone : 1
    s : 1
    """
    layer = fa.Layer(net, "h", 1, equations, threshold="True", refractory=5 * ms, namespace={"period": 1 * ms})
    layer.run_regularly("on = int(t >= onset)\ncount = int(t / period)\nturns = int(phase)\nold = int(age > 2.5*ms)")
    layer.run_regularly("gone = int((t - first) / (11*ms) + 0.0001)")  # by unit, so that no scalar statement has it
    layer.onset, layer.last = 100.02 * second, 100.01 * second
    net.step = 100_000
    spikes = SpikeMonitor(layer)
    net.add(spikes)
    seen = []
    for _ in range(50):
        net.run_steps(1)
        seen.append([layer.on[0], layer.count[0], layer.turns[0], layer.old[0], layer.gone[0]])
    assert Counter(np.diff(np.rint(spikes.t / ms)).tolist()) == {5.0: 9}
    on, count, turns, old, gone = np.array(seen).T
    assert np.array_equal(on, np.arange(50) >= 20) and np.array_equal(old, np.arange(50) >= 13)
    assert np.array_equal(count, 100_000 + np.arange(50)) and np.array_equal(count, turns)
    assert np.array_equal(gone, count // 11)


def test_operations_without_a_clock_run_once_a_step(small, digits):
    calls = []

    @network_operation
    def count():
        calls.append(1)

    net = small(2)
    net.add(count, NetworkOperation(lambda: calls.append(2), dt=0.5 * ms))
    net.stimulus.show_images(digits.train_images[:4], digits.train_labels[:4])
    with catch_logs() as logs:
        net.run_steps(10)
    assert Counter(calls) == {1: 10, 2: 20} and not logs


def test_groups_with_other_steps_by_default_are_told():
    groups = {
        "PoissonGroup 'noise'": PoissonGroup(2, "10*Hz", name="noise"),
        "NeuronGroup 'cells'": NeuronGroup(2, "v : 1", name="cells"),
    }
    net = fa.Network(target="numpy")
    fa.Input(net, "image", 2)
    net.add(
        *groups.values(), NeuronGroup(2, "v : 1", name="own", clock=net.clock), NeuronGroup(2, "v : 1", dt=0.1 * ms)
    )
    with catch_logs() as logs:
        net.run_steps(1)
    said = [message for _, name, message in logs if "default_clock" in name]
    expected = "runs on Brian2's default clock, in steps of 100. us, and the network in steps of 1. ms; make it with"
    assert len(said) == 2
    for name in groups:
        assert sum(f"{name} {expected}" in message for message in said) == 1
    same = fa.Network(target="numpy", dt=defaultclock.dt)
    same.add(NeuronGroup(2, "v : 1"))
    with catch_logs() as logs:
        same.run_steps(1)
    assert not logs


@pytest.mark.parametrize(("name", "dt"), [("dt", 0.5 * ms), ("dt_", 0.0005)])
def test_a_network_keeps_its_time_step(name, dt):
    """Delays and durations are counted in steps once: at another dt they would be other times without a word."""
    net = fa.Network(target="numpy")
    with pytest.raises(fa.ArgumentError, match=r"Network: dt must stay 1\. ms, in which its parts count time, got 0"):
        setattr(net.clock, name, dt)
    assert net.clock.dt == 1 * ms and net.clock.dt_ == 0.001


def test_a_state_of_other_names_is_not_restored(small, tmp_path):
    small().store("a", str(tmp_path / "stored"))
    with pytest.raises(SpikefaError, match="Network: restore must name a state that a network with the same names has"):
        small().restore("a", str(tmp_path / "stored"))
