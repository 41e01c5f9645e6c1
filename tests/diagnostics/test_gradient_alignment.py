"""Angles of the updates to backpropagation's, by dense computation and in cases where they are known."""

import numpy as np
import pytest
from diagnostic_networks import BIG, dense, measured, with_rule
from pathway_networks import (
    forward,
    rate_network,
    show,
    spiking_network,
)

import spikefa as fa
from spikefa import metrics
from spikefa.experiments import model_file


@pytest.mark.parametrize("mask", [None, 0.6, 0.1])
@pytest.mark.parametrize("streams", [1, 2, 3, 50])
def test_agrees_with_dense_computation(streams, mask, rng):
    """The weights' actual change against plain backpropagation; masks of 0.1 are stored sparse."""
    net = with_rule("dW = -eta * delta_post * psi_post * y_pre", streams, mask and fa.random_connectivity(mask))
    assert [p.weights.sparse for p in forward(net)] == [mask == 0.1] * 3
    before = [p.W.copy() for p in forward(net)]
    monitor = measured(net, rng)
    activity = {p.name: p.view(p.output_variable).copy() for p in (net.input, *net.layers)}
    y = activity["output"]
    expected = dense(net, activity, before, (y - net.error.view("target")) * (1 - y**2))
    assert list(monitor.angle) == [p.name for p in forward(net)] and monitor.steps.tolist() == [0]
    for projection, W in zip(forward(net), before, strict=True):
        here = ... if mask is None else projection.mask
        ours, theirs = (projection.W - W)[here], expected[projection.name][here]
        name = projection.name
        np.testing.assert_allclose(monitor.angle[name], metrics.angle(ours, theirs), rtol=0, atol=1e-5)
        np.testing.assert_allclose(monitor.norm_ratio[name], metrics.norm_ratio(ours, theirs), rtol=1e-8)
        # A change of 1e-17 is lost in a weight; its sign is not.
        np.testing.assert_allclose(monitor.sign[name], metrics.sign_congruence(ours, theirs), rtol=0, atol=0.01)


@pytest.mark.parametrize("streams", [1, 40])
def test_transposed_weights_give_zero(streams, rng):
    for net in (rate_network("backprop", streams, BIG), rate_network("alignment", streams, BIG)):
        for layer, above in (("h2", "output"), ("h1", "h2")):
            for down in net.projections:
                if getattr(down.post, "layer", None) is net[layer] and not isinstance(down, fa.TiedProjection):
                    down.W = net[f"{layer}_to_{above}"].W.T
        monitor = measured(net, rng)
        for name in monitor.angle:
            assert monitor.angle[name] < 1e-4 and monitor.sign[name] == 1
            np.testing.assert_allclose(monitor.norm_ratio[name], 1, rtol=1e-9)


def test_float32_spikes_and_the_derivative_in_the_rule(rng):
    """The spiking network, with the transpose for B: its rule, not its delta, has the derivative."""
    model = model_file.load("lillicrap2016_spiking")
    net = spiking_network(model, "backprop", 20, dtype="float32")
    net.input.view("x")[:] = rng.random((64, 20))
    net.error.view("target")[:] = rng.random((10, 20)) < 0.1
    monitor = fa.GradientAlignment(net, every=2)
    net.run_steps(6)
    assert monitor.steps.tolist() == [1, 3, 5]
    # One layer down, the feedback is (1 - a) of the past and tanh bends it: near, but not the same.
    assert (monitor.angle["h2_to_output"] < 1e-3).all() and (monitor.angle["h1_to_h2"] < 25).all()
    assert (monitor.angle["h1_to_h2"] > 0.1).all()


def test_a_planted_sign_gives_180(rng):
    net = rate_network("alignment", 5, BIG)
    for layer, above, sign in (("h2", "output", 1), ("h1", "h2", -1)):
        down = next(p for p in net.projections if getattr(p.post, "layer", None) is net[layer])
        down.W = sign * net[f"{layer}_to_{above}"].W.T
    monitor = measured(net, rng)
    assert monitor.angle["image_to_h1"] > 180 - 1e-4 and monitor.sign["image_to_h1"] == 0
    assert monitor.angle["h1_to_h2"] < 1e-4


def test_a_sign_in_the_rule_is_seen(rng):
    """Of a hidden layer, whichever sign the output's rule and error have."""
    rule = "dW = -eta * delta_post * psi_post * y_pre"
    one, two = (measured(with_rule(rule, flipped=f), np.random.default_rng(2)) for f in ((), ("h2",)))
    np.testing.assert_allclose(one.angle["h1_to_h2"] + two.angle["h1_to_h2"], 180, atol=1e-6)
    assert one.angle["image_to_h1"] == two.angle["image_to_h1"]


def test_random_feedback_is_about_90_degrees_at_first(rng):
    """False alarm below 1e-4: 30 cosines of independent deltas of 60 x 200 values, with standard deviation of
    at most 1 / sqrt(rank 40) = 0.16 each; their mean is within 4.5 of its own, 0.029."""
    net = rate_network("direct", 200, BIG)
    for projection in forward(net):
        projection.learning.plasticity.lr = 0.0
    monitor = measured(net, rng)
    for _ in range(29):
        net["error_output_to_feedback_h1"].W = rng.uniform(-1, 1, (40, 60))
        show(net, rng)
        net.run_steps(1)
    cosines = np.cos(np.radians(monitor.angle["image_to_h1"]))
    assert len(cosines) == 30 and cosines.std() > 0
    assert abs(np.mean(cosines)) < 4.5 * 0.029


@pytest.mark.parametrize(
    ("rule", "momentum", "constants"),
    [
        ("dW = -eta * delta_post * psi_post * y_pre - gamma * W", 0.9, {"gamma": 1e-3}),
        ("dW = -eta * delta_post * psi_post * (y_pre - 0.3) + c * y_post * y_pre", 0.0, {"c": 0.01}),
        ("dW = -eta * delta_post * psi_post * y_pre * (1 - W**2)", 0.0, {}),
    ],
    ids=["decay", "two terms", "soft bound"],
)
def test_any_rule(rule, constants, momentum, rng):
    """The actual change of the first step, decay put aside; the last rule runs as a loop over synapses."""
    net = with_rule(rule, momentum=momentum, sizes=(6, 5, 4), **constants)
    before = [p.W.copy() for p in forward(net)]
    given = {} if "gamma" in rule else {"output_error": "(layer_y - target) * layer_psi"}
    monitor = measured(net, rng, **given)
    activity = {p.name: p.view(p.output_variable).copy() for p in (net.input, *net.layers)}
    y = activity["output"]
    expected = dense(net, activity, before, (y - net.error.view("target")) * (1 - y**2))
    for projection, W in zip(forward(net), before, strict=True):
        ours = projection.W - W + constants.get("gamma", 0) * W
        angle = metrics.angle(ours, expected[projection.name])
        np.testing.assert_allclose(monitor.angle[projection.name], angle, rtol=0, atol=1e-5)


def test_node_perturbation_against_the_true_gradient(rng):
    """Its delta is an estimate; the error is given. On average over many streams, the angle is small."""
    net = rate_network("node_perturbation", 5000, noise=1e-3)
    monitor = measured(net, rng, output_error="(layer_y - target) * layer_psi")
    assert all(0.1 < angle < 60 for angle in monitor.last.values() if angle > 5)
    few = measured(rate_network("node_perturbation", 1, noise=1e-3), rng, output_error="layer_y - target")
    assert few.angle["image_to_h1"] > monitor.angle["image_to_h1"]


def test_frozen_layers_are_measured_and_no_error_is_not_a_number(rng):
    net = rate_network("alignment", 3)
    rule = forward(net)[0].learning.plasticity
    rule.lr = 0.0
    monitor = measured(net, rng)
    net.error.view("target")[:] = net["output"].view("y")
    net.run_steps(1)
    angles = np.array(list(monitor.angle.values()))
    assert np.isfinite(angles[:, 0]).all() and np.isnan(angles[:, 1]).all()
