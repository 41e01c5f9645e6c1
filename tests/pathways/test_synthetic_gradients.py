"""Feedback weights that learn from the gradient, directly from the output's error."""

import numpy as np
import pytest

import spikefa as fa

LAYER = {"equations": "I : 1\ny : 1\npsi = 1 - y**2 : 1", "emit": "y = tanh(I)", "output": "y", "threshold": None}
ERROR = {"error": "target : 1\ndelta : 1", "emit_error": "delta = (layer_y - target) * layer_psi"}
FEEDBACK = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J * layer_psi"}
SIZES = {"h1": 6, "h2": 5, "output": 4}


def network(pathway, streams, **arguments):
    net = fa.Network(streams=streams, seed=3, dtype="float64", target="numpy")
    fa.Input(net, "image", 7, "y : 1", emit="", stimulus_variable="y", output="y", threshold=None)
    for name, units in SIZES.items():
        fa.Layer(net, name, units, **LAYER)
    fa.add_pathway(net, pathway, **ERROR, **FEEDBACK, **arguments)
    for below, above in zip(["image", "h1", "h2"], SIZES, strict=True):
        fa.Projection(net, below, above, fa.normal(0.5))
    fa.regression_task(net, 1)
    return net


def shown(net, steps, seed=0):
    rng = np.random.default_rng(seed)
    count = steps * net.streams
    net.stimulus.show_images(rng.random((count, 7)), rng.normal(size=(count, 4)))
    net.run_steps(steps)


def test_direct_feedback_weights_move_by_what_they_miss_of_the_gradient():
    net = network("synthetic_gradients", 3, B=fa.normal(0.3), eta=0.1, direct=True)
    exact = network("backprop", 3)
    names = ["error_output_to_feedback_h1", "error_output_to_feedback_h2"]
    before = {name: net[name].W.copy() for name in names}
    shown(net, 1)
    shown(exact, 1)
    error = net.error.view("delta")
    assert np.array_equal(error, exact.error.view("delta"))
    for name in names:
        gradient = exact[name.rpartition("_to_")[2]].view("J")
        missed = error.T @ before[name] - gradient.T  # (streams, units)
        np.testing.assert_allclose(net[name].W, before[name] - 0.1 * error @ missed, rtol=1e-12)


@pytest.mark.parametrize("direct", [True, False])
def test_they_come_to_the_best_linear_prediction(direct):
    net = network("synthetic_gradients", 200, B=fa.normal(0.3), eta=5e-4, direct=direct)
    exact = network("backprop", 200)
    shown(net, 2000)
    shown(exact, 1, seed=1)
    shown(net, 1, seed=1)
    above = {
        "h2": net.error.view("delta"),
        "h1": net.error.view("delta") if direct else net["feedback_h2"].view("delta"),
    }
    for name, error in above.items():
        gradient = exact[f"feedback_{name}"].view("J")
        best = np.linalg.lstsq(error.T, gradient.T, rcond=None)[0]
        missed, least = (np.sum((error.T @ B - gradient.T) ** 2) for B in (projection(net, name).W, best))
        assert missed < 1.1 * least + 0.02 * np.sum(gradient**2)


def projection(net, name):
    return next(p for p in net.projections if p.post.name == f"feedback_{name}" and p.learning is not None)
