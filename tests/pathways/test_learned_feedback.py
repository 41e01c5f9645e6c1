"""Feedback weights that learn by the forward rule, and feedback that relaxes: what they converge to, and how fast."""

import numpy as np
import pytest
from pathway_networks import forward, rate_network, show

import spikefa as fa
from spikefa.errors import ArgumentError

GAMMA = 0.02


def of_the_model(model, digits, pathway, **changes):
    params = {"pathway": pathway, "pixels": 64, "hidden": (9, 8), "outputs": 10, "target": "numpy", "gamma": GAMMA}
    options = {"dtype": "float64", "eta": 0.05, "loss": "cross_entropy", "rate_average_steps": 20.0} | changes
    net = model.build(model.params(params | options), streams=3)
    net.stimulus.show_images(digits.train_images[:60], digits.train_labels[:60])
    return net


@pytest.mark.parametrize("momentum", [None, 0.5])
def test_kolen_pollack_weights_approach_the_transposed_ones_by_the_decay_alone(model, digits, momentum):
    """W - B.T shrinks by 1 - gamma in a step, whatever is learned; with momentum by what the decay's average does."""
    net = of_the_model(model, digits, "kolen_pollack", momentum=momentum)
    pairs = [("h2_to_output", "error_output_to_feedback_h2"), ("h1_to_h2", "feedback_h2_to_feedback_h1")]
    apart = [net[W].W - net[B].W.T for W, B in pairs]
    before = [net[W].W.copy() for W, _ in pairs]
    factor, speed = np.ones(61), 0.0
    for step in range(60):
        speed = (momentum or 0.0) * speed - GAMMA * factor[step]
        factor[step + 1] = factor[step] + speed
    net.run_steps(60)
    for (W, B), first, old in zip(pairs, apart, before, strict=True):
        assert np.abs(net[W].W - old * factor[60]).max() > 0.01  # it has learned, too
        np.testing.assert_allclose(net[W].W - net[B].W.T, factor[60] * first, rtol=0, atol=1e-12)
    assert not net[pairs[0][1]].b.any()


def test_a_rule_that_is_not_the_forward_one_keeps_the_weights_apart(model, digits):
    """The planted error: feedback weights that learn at another rate."""
    net = of_the_model(model, digits, "kolen_pollack")
    net["error_output_to_feedback_h2"].learning.plasticity.lr = 0.9
    apart = net["h2_to_output"].W - net["error_output_to_feedback_h2"].W.T
    net.run_steps(60)
    now = net["h2_to_output"].W - net["error_output_to_feedback_h2"].W.T
    assert np.abs(now - (1 - GAMMA) ** 60 * apart).max() > 1e-3


def test_product_feedback_becomes_the_transposed_weights_behind_the_fixed_ones(model, digits):
    """R - B.T @ W.T shrinks by 1 - gamma in a step, so that B @ R becomes B @ B.T @ W.T, which is close to W.T."""
    net = of_the_model(model, digits, "product", product_units=400)
    W, fixed, R = net["h2_to_output"], net["error_output_to_product_h2"], net["product_h2_to_feedback_h2"]
    apart = R.W - fixed.W.T @ W.W.T
    net.run_steps(60)
    np.testing.assert_allclose(R.W - fixed.W.T @ W.W.T, (1 - GAMMA) ** 60 * apart, rtol=0, atol=1e-12)
    assert np.abs(fixed.W @ fixed.W.T - np.eye(10)).max() < 0.3


def test_a_rule_with_more_of_the_layer_than_delta_is_refused_by_product(model):
    with pytest.raises(ArgumentError, match="'psi_pre' needs a variable 'psi' of 'product_h2'"):
        rate_network("product", rule=fa.Plasticity("dW = -delta_post * psi_post * y_pre"))


def test_relaxation_all_the_way_in_a_step_is_backprop():
    one, other = rate_network("relaxation", 4, step=1.0), rate_network("backprop", 4)
    for net in (one, other):
        show(net, np.random.default_rng(2))
        net.run_steps(3)
    for mine, theirs in zip(forward(one), forward(other), strict=True):
        np.testing.assert_allclose(mine.W, theirs.W, rtol=0, atol=1e-12)


GRAPH = [("h1", "h2"), ("h1", "output"), ("h2", "output")]


@pytest.mark.parametrize(("pathway", "options"), [("backprop", {}), ("relaxation", {"step": 1.0})])
def test_with_a_skip_a_layer_receives_the_sum_over_those_above(pathway, options):
    net = rate_network(pathway, 4, sizes=(6, 4, 4, 4), connections=GRAPH, **options)
    skip = fa.Projection(net, "h1", "output", fa.uniform(0.6))
    show(net, np.random.default_rng(2))
    W = net["h1_to_h2"].W.copy()
    V = net["h1_to_output"].W.copy()
    net.run_steps(1)
    sums, y = W @ net["feedback_h2"].view("delta") + V @ net.error.view("delta"), net["h1"].view("y")
    np.testing.assert_allclose(net["feedback_h1"].view("delta"), sums * (1 - y**2), rtol=0, atol=1e-12)
    assert np.abs(skip.W @ net.error.view("delta")).max() > 0.01


@pytest.mark.parametrize(
    ("connections", "message"),
    [
        ([("h2", "h1")], r"connections must be pairs of layers \(below, above\) in the order .*, got .*'h2', 'h1'"),
        ([("h1", "h2"), ("h1", "h2")], "each once, got .*'h1', 'h2'"),
        ([("h1", "h2")], r"connections must lead from 'h2' to a later layer, got"),
        ("h1", "connections must be pairs of layers .*, got 'h1'"),
    ],
)
def test_connections_that_are_none_are_refused(connections, message):
    with pytest.raises(ArgumentError, match=f"^Pathway: .*{message}"):
        rate_network("backprop", connections=connections)


def test_relaxation_comes_to_the_gradient_while_the_input_stays(rng):
    relaxing, at_once = rate_network("relaxation", 4, step=0.3), rate_network("backprop", 4)
    show(relaxing, rng)
    at_once.input.view("x")[:] = relaxing.input.view("x")
    at_once.error.view("target")[:] = relaxing.error.view("target")
    for net in (relaxing, at_once):
        for projection in forward(net):
            projection.learning.plasticity.lr = 0.0
    at_once.run_steps(1)
    missing = []
    for steps in (2, 60):
        relaxing.run_steps(steps)
        deltas = [net["feedback_h1"].view("delta") for net in (relaxing, at_once)]
        missing.append(np.abs(deltas[0] - deltas[1]).max() / np.abs(deltas[1]).max())
    assert missing[0] > 0.3 and missing[1] < 1e-6


def test_augmented_direct_without_a_nonlinearity_is_direct():
    one, other = rate_network("augmented_direct", 4, nonlinearity="1"), rate_network("direct", 4)
    for net in (one, other):
        show(net, np.random.default_rng(2))
        net.run_steps(3)
    for mine, theirs in zip(forward(one), forward(other), strict=True):
        np.testing.assert_allclose(mine.W, theirs.W, rtol=0, atol=1e-12)


def test_pseudoinverses_without_small_singular_values(rng):
    """Of a square matrix, whose inverse has entries as large as its smallest singular value is small."""
    net = rate_network("pseudobackprop", cutoff=0.5)
    W = net["h2_to_output"].W
    u, s, v = np.linalg.svd(W)
    kept = s >= 0.5 * s[0]
    assert 0 < kept.sum() < len(s)
    net.run_steps(1)
    expected = v[kept].T @ np.diag(1 / s[kept]) @ u[:, kept].T
    np.testing.assert_allclose(net["error_output_to_feedback_h2"].W, expected, rtol=0, atol=1e-12)
