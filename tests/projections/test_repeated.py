"""What is computed once a presentation is what would be computed in each step."""

import numpy as np
import pytest
from brian2 import NetworkOperation, ms

import spikefa as fa

GRADED = {"output": "y", "threshold": None}
RULES = {
    "last step": ("dW = -eta * last_post * delta_post * y_pre", {}),
    "each step": ("dW = -eta * delta_post * y_pre", {}),
    "decay": ("dW = -eta * last_post * delta_post * y_pre - 1e-3 * W", {}),
    "decay alone": ("dW = -1e-3 * W", {}),
    "no outer product": ("dW = -eta * last_post * tanh(delta_post * y_pre)", {}),
    "optimizer": ("dW = -eta * last_post * delta_post * y_pre", {"optimizer": fa.Momentum(0.5)}),
}


def network(rule, operation, sequence=False, gap=0):
    net = fa.Network(streams=3, seed=1, target="numpy")
    fa.Input(net, "image", 5, "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    units = "v = I : 1\nI : 1\ny : 1\nlast = int(t_in_timesteps % 4 == 2) : 1\ntarget : 1\ndelta = y - 0.5 : 1"
    fa.Layer(net, "h1", 4, units, emit="y = tanh(v)", **GRADED)
    fa.Layer(net, "output", 2, units, emit="y = v", **GRADED)
    text, options = RULES[rule]
    for ends in (("image", "h1"), ("h1", "output")):
        plasticity = fa.Plasticity(text, {"eta": 0.1} if "eta" in text else {}, **options)
        fa.Projection(net, *ends, fa.uniform(0.5), plasticity=plasticity)
    fa.classification_task(net, steps_per_image=4 - gap, classes=2, gap=gap * ms)
    if operation:  # of which it is not known what it does, so that each step is computed
        net.add(NetworkOperation(lambda: None, clock=net.clock))
    rng = np.random.default_rng(0)
    shape = (9, 4, 5) if sequence else (9, 5)
    net.stimulus.show_samples(rng.random(shape), rng.integers(0, 2, 9))
    return net


def end(net):
    net.run_steps(5)  # ends within a presentation
    net["image_to_h1"].W[0, 0] += 0.25
    net.run_steps(7)
    weights = [array for p in net.projections for array in (p.W, p.b)]
    return [array.copy() for array in [*weights, *(layer.view("y") for layer in net.layers)]]


@pytest.mark.parametrize("rule", RULES)
def test_repeated_products_change_no_bit(rule):
    left, right = (end(network(rule, operation)) for operation in (False, True))
    assert all(np.array_equal(one, other) for one, other in zip(left, right, strict=True))
    assert left[0].any()


@pytest.mark.parametrize("options", [{"sequence": True}, {"gap": 1}])
def test_input_that_changes_is_multiplied_anew(options):
    left, right = (end(network("last step", operation, **options)) for operation in (False, True))
    assert all(np.array_equal(one, other) for one, other in zip(left, right, strict=True))


def test_an_image_that_stays_is_multiplied_once_and_when_weights_have_learned(monkeypatch):
    net = network("last step", operation=False)
    weights, calls = net["image_to_h1"].weights, []
    propagate = weights.propagate
    monkeypatch.setattr(weights, "propagate", lambda *args: (calls.append(net.t / ms), propagate(*args)))
    net.run_steps(12)
    assert calls == [0, 3, 4, 7, 8, 11]


def test_weights_that_a_callback_sets_between_presentations_count():
    def outputs(operation):
        net = network("last step", operation)

        def halve():
            net["image_to_h1"].W[...] /= 2

        net.readout.on_presentation = halve
        net.run_steps(12)
        return net["h1"].view("y").copy(), net["image_to_h1"].W.copy()

    for one, other in zip(outputs(False), outputs(True), strict=True):
        assert np.array_equal(one, other)
