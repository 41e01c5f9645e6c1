"""Times of images and gaps between them; images without targets teach nothing and are not counted."""

import numpy as np
import pytest
from brian2 import StateMonitor, ms, mV

import spikefa as fa
from spikefa.core.sandbox import sandboxed
from spikefa.errors import ArgumentError

TAU = {"tau": 3 * ms}
RULE = "dW = -0.05 * delta_post * s_pre"


def network(streams=2, rule=RULE, target="numpy", **task):
    net = fa.Network(streams=streams, target=target, dtype="float64")
    fa.Input(net, "image", 6, emit="s = x")
    fa.Layer(net, "h", 5, "dv/dt = (I - v) / tau : 1\nI : 1\ns : 1", emit="s = tanh(v)", namespace=TAU, threshold=None)
    fa.Layer(net, "out", 4, "dv/dt = (I - v) / tau : 1\nI : 1\ns : 1", emit="s = v", namespace=TAU, threshold=None)
    error = "du/dt = (layer_s - target - u) / tau : 1\ntarget : 1\ndelta : 1"
    feedback = "du/dt = (J - u) / tau : 1\nJ : 1\ndelta : 1"
    fa.feedback_alignment(net, error=error, feedback=feedback, B=fa.uniform(0.5), namespace=TAU)
    for pre, post in (("image", "h"), ("h", "out")):
        fa.Projection(net, pre, post, fa.uniform(0.5), plasticity=fa.Plasticity(rule) if rule else None)
    fa.classification_task(net, classes=2, **task)
    return net


def data(n, labels=True):
    rng = np.random.default_rng(1)
    return (rng.random((n, 6)), rng.integers(2, size=n)) if labels else (rng.random((n, 6)),)


def test_durations_and_gaps_are_times():
    net = network(duration=7 * ms, gap=3 * ms)
    net.stimulus.show_images(*data(6))
    seen = StateMonitor(net["image"], "x", record=True, when="end")
    errors = StateMonitor(net["error_out"], ["u", "delta"], record=True, when="end")
    net.add(seen, errors)
    net.run_steps(30)
    shown = np.arange(30) % 10 < 7
    assert (seen.x[:, shown] > 0).all() and not seen.x[:, ~shown].any()
    assert errors.u[:, shown].all() and not errors.u[:, ~shown].any() and not errors.delta[:, ~shown].any()
    assert net.readout.shown == 6 and net.stimulus.steps_per_presentation == 10


@pytest.mark.parametrize("learn_in_gaps", [False, True])
def test_rules_rest_in_gaps_unless_they_are_told_not_to(learn_in_gaps):
    net = network(rule="dW = 0.01 * (1 - W)", steps_per_image=4, gap=6 * ms, learn_in_gaps=learn_in_gaps)
    net.stimulus.show_images(*data(4))
    W = net["h_to_out"].W.copy()
    net.run_steps(20)
    steps = 20 if learn_in_gaps else 8
    np.testing.assert_allclose(net["h_to_out"].W, 1 - (1 - W) * 0.99**steps, rtol=1e-3)


def test_without_a_gap_nothing_is_different():
    ends = []
    for task in ({"steps_per_image": 5}, {"duration": 5 * ms, "gap": 0 * ms}):
        net = network(**task)
        net.stimulus.show_images(*data(8))
        net.run_steps(20)
        ends.append(net["h_to_out"].W.copy())
    assert np.array_equal(*ends)


def test_the_stock_reference_has_gaps_too():
    with pytest.raises(
        ArgumentError, match="Brian2Reference: stock Brian2's rules do not rest in gaps; needs learn_in"
    ):
        fa.Brian2Reference(network(1, duration=4 * ms, gap=3 * ms))
    net = network(1, duration=4 * ms, gap=3 * ms, learn_in_gaps=True)
    other = fa.Brian2Reference(net)
    for one in (net, other.network):
        one.stimulus.show_images(*data(6))
    net.run_steps(21)
    other.network.run_steps(21)
    for name in ("h", "out"):
        np.testing.assert_allclose(net[name].view("v"), other.network[name].view("v"), rtol=1e-12)


def test_images_without_targets_teach_nothing_and_are_not_counted():
    net = network(steps_per_image=5)
    net.stimulus.show_images(*data(4))
    net.run_steps(10)
    W, shown, wrong = net["h_to_out"].W.copy(), net.readout.shown, net.readout.wrong
    net.stimulus.show_images(*data(4, labels=False))
    net.run_steps(10)
    assert np.array_equal(net["h_to_out"].W, W)
    assert (net.readout.shown, net.readout.wrong) == (shown, wrong) == (4, net.readout.wrong)
    assert not net["error_out"].view("u").any()
    net.stimulus.show_images(*data(4))
    net.run_steps(10)
    assert net.readout.shown == 8 and not np.array_equal(net["h_to_out"].W, W)


def test_evaluations_and_stored_states_have_gaps():
    net = network(duration=4 * ms, gap=3 * ms)
    images, labels = data(6)
    net.stimulus.show_images(images, labels)
    net.run_steps(5)  # in a gap
    net.store()
    tested = fa.summed_outputs(net, images, 4)
    with sandboxed(net, "recording"):
        net.stimulus.show_images(images, labels)
        net.readout.summed_outputs = found = []
        net.run_steps(21)
    np.testing.assert_allclose(np.concatenate(found), tested)
    net.run_steps(9)
    after = net.state()["h.v"].copy()
    net.restore()
    net.run_steps(9)
    assert np.array_equal(net.state()["h.v"], after) and net.readout.shown == 4


@pytest.mark.parametrize(
    "task, message",
    [
        ({}, "needs steps_per_image or duration, one of them, got None and None"),
        ({"steps_per_image": 3, "duration": 3 * ms}, "needs steps_per_image or duration, one of them, got 3 and"),
        ({"duration": 3.5 * ms}, r"duration must be a time of 1 or more whole steps of 1. ms, got 3.5 ms"),
        ({"duration": 0 * ms}, "duration must be a time of 1 or more whole steps of 1. ms, got "),
        ({"duration": 3 * mV}, "duration must be a time of 1 or more whole steps"),
        ({"duration": np.inf * ms}, "duration must be a time of 1 or more whole steps"),
        ({"duration": 3}, "duration must be a time of 1 or more whole steps of 1. ms, got 3"),
        ({"steps_per_image": 3, "gap": -1 * ms}, "gap must be a time of 0 or more whole steps of 1. ms, got -1"),
        ({"steps_per_image": 3, "learn_in_gaps": 2}, "Stimulus: learn_in_gaps must be true or false, got 2"),
    ],
)
def test_times_that_cannot_be_are_refused(task, message):
    with pytest.raises(ArgumentError, match=message):
        network(**task)
