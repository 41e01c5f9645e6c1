"""Units held at values, their numbers among the neurons, and recorded weights."""

import numpy as np
import pytest
from brian2 import SpikeMonitor, StateMonitor, ms, mV

import spikefa as fa
from spikefa.errors import ArgumentError

LIF = "dv/dt = (I - v) / (5*ms) : 1\nI : 1\ns : 1"
IMAGES = np.ones((2, 6), "f4")


def network(streams=2, **options):
    net = fa.Network(streams=streams, target="numpy", dtype="float64")
    fa.Input(net, "image", 6, emit="s = x")
    fa.Layer(net, "h", 5, LIF, **{"emit": "s = int(v > 0.5)"} | options)
    fa.Layer(net, "out", 2, "I : 1\ns : 1", emit="s = I")
    rule = fa.Plasticity("dW = 0.01 * s_pre * s_post")
    fa.Projection(net, "image", "h", np.full((6, 5), 0.5), plasticity=rule)
    fa.Projection(net, "h", "out", np.ones((5, 2)))
    fa.classification_task(net, 10, 2)
    net.stimulus.show_images(np.ones((10 * streams, 6)))
    return net


def outputs(net, steps=20):
    monitor = StateMonitor(net["out"], "s", record=net["out"].index(0, 0), when="end")
    net.add(monitor)
    net.run_steps(steps)
    return monitor.s[0]


@pytest.mark.parametrize("options", [{}, {"emit": "", "threshold": "v > 0.5"}])
def test_silenced_units_send_nothing_also_in_evaluations(options):
    net = network(**options)
    net.learns = False
    whole = fa.summed_outputs(net, IMAGES, 10)
    lesion = fa.Clamp(net, "h", "s", [0, 3], 0)
    assert np.array_equal(fa.summed_outputs(net, IMAGES, 10), whole * 3 / 5)
    assert outputs(net).max() == 3
    lesion.active = False
    assert np.array_equal(fa.summed_outputs(net, IMAGES, 10), whole)


def test_a_potential_is_clamped_after_the_integration_and_a_current_before():
    net = network()
    fa.Clamp(net, net["h"], "v", [0, 1], [0.25, 0.75])
    fa.Clamp(net, "h", "I", np.arange(5) == 4, 0)
    net.run_steps(10)
    v = net["h"].view("v")
    assert (v[0] == 0.25).all() and (v[1] == 0.75).all() and (v[4] == 0).all() and (v[2] > 0.5).all()
    assert net["out"].view("s")[0, 0] == 3  # of units 1, 2, 3


def test_a_whole_population_is_silenced_by_default():
    net = network()
    fa.Clamp(net, "h", "s")
    assert outputs(net).max() == 0


@pytest.mark.parametrize("port", ["low : 1", "dlow/dt = -low / (3*ms) : 1", "dv/dt = -v / (5*ms) : 1"])
def test_what_projections_add_to_a_clamped_port_is_not_felt(port):
    """Of a port that was made after the clamp; other units feel it."""
    net = fa.Network(streams=2, target="numpy", dtype="float64")
    fa.Input(net, "image", 6, emit="s = x")
    into, v = ("v", "") if "dv" in port else ("low", "dv/dt = (low - v) / (5*ms) : 1\n")
    fa.Layer(net, "h", 5, f"I : 1\n{v}{port}\ns : 1", emit="s = v")
    fa.Clamp(net, "h", into, [0, 3], 0)
    fa.Projection(net, "image", "h", np.full((6, 5), 0.5), into=into)
    net["image"].x = 1
    for _ in range(4):
        net.run_steps(1)
        assert not net["h"].view("s")[[0, 3]].any()
    assert net["h"].view("s")[[1, 2, 4]].all()


def test_stimulation_lasts_from_its_start_to_its_stop():
    net = network()
    net["image_to_h"].W = np.zeros((6, 5))
    net.learns = False
    fa.Clamp(net, "h", "s", [2], 1, start=5 * ms, stop=8 * ms)
    assert np.array_equal(outputs(net), (np.arange(20) >= 5) & (np.arange(20) < 8))


def test_numbers_of_neurons():
    layer = network(streams=3)["h"]
    assert layer.index(4).tolist() == [12, 13, 14] and layer.index([1, 2], [0, 2]).tolist() == [3, 5, 6, 8]
    monitor = StateMonitor(layer, "v", record=layer.index([1, 2], stream=1))
    assert monitor.record.tolist() == [4, 7]


def test_weights_are_recorded():
    net = network()
    monitor = fa.WeightMonitor(net, "image_to_h", [(0, 1), (5, 4)], every=5)
    masked = fa.WeightMonitor(net, net["image_to_h"], np.eye(6, 5, dtype=bool), every=None)
    fa.summed_outputs(net, IMAGES, 10)
    expected = []
    for _ in range(4):
        net.run_steps(5)
        expected.append(net["image_to_h"].W[[0, 5], [1, 4]].copy())
    assert np.array_equal(monitor.weights, expected) and monitor.steps.tolist() == [4, 9, 14, 19]
    assert expected[-1][0] > expected[0][0] and masked.weights.shape == (0, 5)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda net: fa.Clamp(net, "h", "w", [0], 0), r"Clamp of 'w' of 'h': must be of a state variable, one of \["),
        (lambda net: fa.Clamp(net, "h", "s", [5], 0), r"Clamp of 's' of 'h': units must be 0 to 4, got 5"),
        (
            lambda net: fa.Clamp(net, "h", "s", [0.5], 0),
            r"must be whole numbers \(n,\) or bool \(5,\), got \[0.5\]",
        ),
        (lambda net: fa.Clamp(net, "h", "s", [], 0), r"units must be whole numbers \(n,\) or bool \(5,\), got \[\]"),
        (lambda net: fa.Clamp(net, "h", "s", [0], 1 * mV), r"value must have the unit of 's', got 1. mV"),
        (
            lambda net: fa.Clamp(net, "h", "s", [0], np.nan),
            r"must be finite, a number or an array \(1,\) or \(1, 2\)",
        ),
        (
            lambda net: fa.Clamp(net, "h", "s", [0, 1], [1, 2, 3]),
            r"an array \(2,\) or \(2, 2\), got \[1, 2, 3\]",
        ),
        (lambda net: fa.Clamp(net, "h", "s", [0, 0], [1, 2]), r"units must be different ones, got \[0, 0\]"),
        (
            lambda net: fa.Clamp(net, "h", "s", [0], 0, start=5 * ms, stop=2 * ms),
            r"must be after start, 5. ms, got",
        ),
        (lambda net: fa.Clamp(net, "h", "s", [0], 0, start=3), r"start must be a time of at least 0, got 3"),
        (
            lambda net: fa.Clamp(net, "h", "s", [0], 0, stop=-1 * ms),
            r"must be a time of at least 0, got -1. ms",
        ),
        (lambda net: net["h"].index(5), r"Layer 'h': unit must be whole numbers from 0 to 4, got \[5\]"),
        (lambda net: net["h"].index(0, 2), r"Layer 'h': stream must be whole numbers from 0 to 1, got \[2\]"),
        (lambda net: fa.WeightMonitor(net, "image_to_h", [(0, 5)]), r"synapses must be within \(6, 5\), got \(0, 5\)"),
        (
            lambda net: fa.WeightMonitor(net, "image_to_h", [0]),
            r"must be pairs of units \(n, 2\) or bool \(6, 5\)",
        ),
        (
            lambda net: fa.WeightMonitor(net, "image_to_h", [(0, 0)], every=0),
            r"WeightMonitor: every must be",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make(network())


def test_silenced_units_of_a_threshold_have_no_events():
    net = network(emit="", threshold="v > 0.5", reset="v = 0")
    net["image_to_h"].W = 0.5 * np.ones((6, 5)) * (np.arange(5) != 1)
    monitor = SpikeMonitor(net["h"])
    net.add(monitor)
    fa.Clamp(net, "h", "s", [0, 3], 0)
    fa.Clamp(net, "h", "s", [1], 1)
    net.run_steps(20)
    counts = monitor.count[:].reshape(5, 2)
    assert np.array_equal(counts[:, 0], [0, 20, 20, 0, 20])


def test_an_input_that_is_held_is_held_from_the_first_step_of_an_image_on():
    net = network()
    fa.Clamp(net, "image", "x", np.arange(6), 0)
    monitor = StateMonitor(net["image"], "s", record=True, when="end")
    net.add(monitor)
    net.run_steps(20)
    assert not monitor.s.any()
