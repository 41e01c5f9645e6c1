"""The simulator makes Euler steps of the flow."""

import numpy as np
import pytest
from flow_networks import learning_flow, network, other_B, wrong_sign

import spikefa as fa

euler_step = learning_flow.euler_step

RATE = {"equations": "v = I : 1\nI : 1\ny : 1", "emit": "y = v", "output": "y", "threshold": None}
ERROR = {
    "error": "target : 1\ndelta : 1",
    "emit_error": "delta = layer_y - target",
    "feedback": "J : 1\ndelta : 1",
    "emit": "delta = J",
}


def simulated(start, feedback, eta, steps):
    """W and A after steps of a rate network whose streams are the unit vectors: exactly white inputs."""
    T, W, A, B = start
    net = fa.Network(streams=T.shape[1], dtype="float64")
    fa.Input(net, "x", T.shape[1], emit="s = x")
    fa.Layer(net, "hidden", len(A), **RATE)
    fa.Layer(net, "output", len(T), **RATE)
    if feedback == "alignment":
        fa.feedback_alignment(net, B=B.T, **ERROR)
    else:
        {"backprop": fa.backprop, "pseudobackprop": fa.pseudobackprop}[feedback](net, **ERROR)
    rule = {pre: fa.Plasticity(f"dW = -eta * delta_post * {pre}_pre", {"eta": eta}) for pre in "sy"}
    lower = fa.Projection(net, "x", "hidden", A.T, plasticity=rule["s"], learn_bias=False)
    upper = fa.Projection(net, "hidden", "output", W.T, plasticity=rule["y"], learn_bias=False)
    net.input.view("x")[...] = np.eye(T.shape[1])
    net.error.view("target")[...] = T
    net.run_steps(steps)
    return upper.W.T, lower.W.T


def is_simulated(start, feedback, theory, eta=0.02, steps=50):
    W, A = start[1:3]
    for _ in range(steps):
        W, A = euler_step(start[0], W, A, start[3], theory, eta=eta)
    ours = simulated(start, feedback, eta, steps)
    assert np.abs(W - start[1]).max() > 0.1
    return max(np.abs(ours[0] - W).max(), np.abs(ours[1] - A).max()) < 1e-10


@pytest.mark.parametrize("feedback", ["alignment", "backprop", "pseudobackprop"])
def test_a_rate_network_makes_euler_steps_of_the_flow(rng, feedback):
    assert is_simulated(network(rng), feedback, feedback)


@pytest.mark.parametrize("wrong", [wrong_sign, other_B, "backprop"])
def test_and_of_no_other(rng, wrong):
    assert not is_simulated(network(rng), "alignment", wrong)
