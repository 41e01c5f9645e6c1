"""Theorems 1 and 2 of Lansdell et al. 2020 and their corollary: what least squares makes of the feedback weights.

Each estimate is held against what the theorem says in units of its standard error: that of a least-squares estimate
whose samples have errors of any variance. At most 20 numbers are within 5 standard errors, so that the false-alarm rate
is below 20 * 5.8e-7 = 1.2e-5 a test. With linear outputs and squared losses the estimates have no bias but the ridge's;
with tanh outputs one of the order of the noise's variance, 1e-4. Both are below a hundredth of a standard error.
"""

import numpy as np
import pytest
from pathway_networks import RATE, forward, rate_network, show

STREAMS, LINEAR = 20_000, {"layer": "v = I : 1\nI : 1\ny : 1\npsi = 1 + 0*y : 1", "emit": "v"}


def learning_feedback(rng, sizes, **options):
    """A network whose forward weights stay, with an input and a target of its own for each stream."""
    net = rate_network(
        "node_perturbation_feedback",
        STREAMS,
        sizes=sizes,
        **{"noise": 1e-2, "eta": None, "ridge": 0.1} | LINEAR | options,
    )
    for projection in forward(net):
        projection.learning.plasticity.lr = 0.0
    show(net, rng)
    return net


def sent_and_wanted(net, layer):
    """What the feedback to a layer is computed of, and what it should be, each (units, streams)."""
    projection = next(p for p in net.projections if p.name.endswith(f"_to_feedback_{layer}"))
    return projection.W.copy(), projection.pre.view("delta").copy(), net[f"wanted_{layer}"].view("wanted").copy()


def influences(B, x, y):
    """What each stream adds to the error of the estimate B of y on x: (streams, rows, columns)."""
    return np.einsum("is,js->sij", np.linalg.solve(x @ x.T, x), y - B.T @ x)


def deviation(B, expected, *shares):
    """The largest deviation of an estimate, in standard errors."""
    error = np.sqrt(sum((share**2).sum(axis=0) for share in shares))
    assert error.size <= 20
    return np.abs((B - expected) / error).max()


def test_theorem_1_in_a_shallow_network_they_become_the_transposed_weights(rng):
    """The planted error: each unit learns from the noise of the next one."""
    net = learning_feedback(rng, (6, 5, 4), layer=RATE, emit="tanh(v)")
    net.run_steps(1)
    B, x, y = sent_and_wanted(net, "h1")
    W = net["h1_to_output"].W
    assert deviation(B, W.T, influences(B, x, y)) < 5
    wrong = np.linalg.solve(x @ x.T, x @ np.roll(y, 1, axis=0).T)
    assert deviation(wrong, W.T, influences(wrong, x, np.roll(y, 1, axis=0))) > 20


def test_theorem_2_in_a_deep_linear_network_too(rng):
    """The upper ones first: the lower ones learn from what those send. The planted error: they learn from the start."""
    net = learning_feedback(rng, (6, 5, 4, 4))
    net.run_steps(1)
    upper, e, wanted = sent_and_wanted(net, "h2")
    assert deviation(upper, net["h2_to_output"].W.T, influences(upper, e, wanted)) < 5
    lower = net["feedback_h2_to_feedback_h1"]
    W = net["h1_to_h2"].W
    too_early, x, y = sent_and_wanted(net, "h1")
    assert deviation(too_early, W.T, influences(too_early, x, y)) > 10
    lower.regression.gram[...], lower.regression.moments[...] = 0.1 * np.eye(4), 0
    net["error_output_to_feedback_h2"].regression.active = False
    show(net, rng)
    net.run_steps(1)
    B, x, y = sent_and_wanted(net, "h1")
    # An error of the upper weights makes what the lower ones receive wrong by as much, and them by its inverse.
    passed_on = -np.linalg.solve(upper, influences(upper, e, wanted)) @ W.T
    assert deviation(B, W.T, influences(B, x, y), passed_on) < 5


def test_corollary_direct_feedback_becomes_the_product_of_the_weights_above(rng):
    """The planted error: the product lacks a factor."""
    net = learning_feedback(rng, (6, 5, 4, 4), direct=True)
    net.run_steps(1)
    B, e, y = sent_and_wanted(net, "h1")
    assert net["error_output_to_feedback_h1"].pre is net.error
    W = [projection.W for projection in forward(net)]
    assert deviation(B, W[2].T @ W[1].T, influences(B, e, y)) < 5
    assert deviation(B, W[1].T, influences(B, e, y)) > 20


def test_without_assumption_A3_the_feedback_is_right_and_the_weights_are_not(rng):
    """Fewer outputs than units of the layer above: errors span 2 of its 8 dimensions."""
    net = learning_feedback(rng, (6, 5, 8, 2))
    for _ in range(2):
        show(net, rng)
        net.run_steps(1)
    lower = net["feedback_h2_to_feedback_h1"]
    lower.regression.gram[...], lower.regression.moments[...] = 0.1 * np.eye(8), 0
    for _ in range(3):
        show(net, rng)
        net.run_steps(1)
    W = net["h1_to_h2"].W
    sent, gradient = net["feedback_h2"].view("delta"), W @ net["h2_to_output"].W @ net.error.view("delta")
    assert np.linalg.matrix_rank(sent @ sent.T, rtol=1e-4) == 2
    assert np.linalg.norm(lower.W.T @ sent - gradient) < 0.05 * np.linalg.norm(gradient)
    assert np.linalg.norm(lower.W - W.T) > 0.3 * np.linalg.norm(W)


@pytest.mark.parametrize("noise", [1e-2, 1e-1])
def test_least_squares_gives_the_transposed_weights_to_a_percent(rng, noise):
    """Of 400,000 samples: 1.5 % with this seed."""
    net = learning_feedback(rng, (6, 5, 4), noise=noise)
    for _ in range(20):
        show(net, rng)
        net.run_steps(1)
    W = net["h1_to_output"].W
    assert np.linalg.norm(net["error_output_to_feedback_h1"].W - W.T) < 0.02 * np.linalg.norm(W)
