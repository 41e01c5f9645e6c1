"""Small networks with every pathway, for the tests."""

import numpy as np
import pytest

import spikefa as fa

ETA, SCALE, NOISE = 0.1, 0.3, 1e-2
SIZES = (6, 5, 4, 4)

RATE = """
v = I : 1
I : 1
y : 1
psi = 1 - y**2 : 1
"""
STRINGS = {
    "error": "target : 1\ndelta : 1",
    "feedback": "J : 1\ndelta : 1",
    "emit": "delta = J * layer_psi",
    "emit_error": "delta = (layer_y - target) * layer_psi",
}
B = {"B": fa.uniform(0.5)}

#: Pathway -> the arguments of its own.
PATHWAYS = {
    "alignment": B,
    "backprop": {},
    "direct": B,
    "indirect": B,
    "output_only": {},
    "pseudobackprop": {"every": 3},
    "sign_symmetric": {"scale": SCALE},
    "shuffled_feedback": B,
    "node_perturbation_feedback": B | {"loss": "(layer_y - target)**2 / 2", "noise": NOISE, "eta": ETA},
    "node_perturbation": {"loss": "(layer_y - target)**2 / 2", "noise": NOISE},
}
WITH_COPIES = ("node_perturbation_feedback", "node_perturbation")
every_pathway = pytest.mark.parametrize("pathway", PATHWAYS)


def add(net, pathway, strings, own):
    """Add a pathway: its own arguments, and the strings that it takes."""
    taken = {"node_perturbation": (), "output_only": ("error", "emit", "emit_error", "namespace")}.get(pathway, strings)
    return getattr(fa, pathway)(net, **{k: v for k, v in strings.items() if k in taken}, **own)


def rate_network(
    pathway, streams=1, sizes=SIZES, seed=0, target="numpy", dtype="float64", layer=RATE, emit="tanh(v)", **changes
):
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, target=target)
    fa.Input(net, "image", sizes[0], "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    names = [f"h{number}" for number in range(1, len(sizes) - 1)] + ["output"]
    for name, units in zip(names, sizes[1:], strict=True):
        fa.Layer(net, name, units, layer, emit=f"y = {emit}", output="y", threshold=None)
    add(net, pathway, STRINGS, PATHWAYS[pathway] | changes)
    rule = fa.Plasticity("dW = -eta * delta_post * y_pre", {"eta": ETA})
    for below, above in zip(["image", *names], names, strict=False):
        learns = rule if "delta" in net[above].variables else None
        fa.Projection(
            net, below, above, fa.uniform(0.6), bias=np.linspace(-0.1, 0.1, net[above].units), plasticity=learns
        )
    fa.classification_task(net, 1, 2)
    return net


def spiking_network(model, pathway, streams=1, seed=0, target="numpy", dtype="float64"):
    """The spiking network of the model file, with another pathway."""
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, target=target)
    constants = {"tau": net.clock.dt / 0.9}
    fa.Input(
        net, "image", 64, model.module.INPUT, emit=model.module.INPUT_SPIKES, namespace={"max_spike_probability": 0.95}
    )
    for name, units in (("h1", 12), ("h2", 9), ("output", 10)):
        fa.Layer(net, name, units, model.module.LAYER, emit=model.module.SPIKES, namespace=constants)
    strings = {"error": model.module.ERROR, "feedback": model.module.FEEDBACK, "namespace": constants}
    own = PATHWAYS[pathway]
    if "loss" in own:
        own = own | {"loss": "(layer_p - target)**2 / 2", "noise": 0.1}
    add(net, pathway, strings, own)
    derivative = "" if pathway == "node_perturbation" else "* psi_post"
    rule = fa.Plasticity(f"dW = -eta * delta_post {derivative} * s_pre - gamma * W", {"eta": 4e-2, "gamma": 1e-3})
    for below, above in (("image", "h1"), ("h1", "h2"), ("h2", "output")):
        learns = rule if "delta" in net[above].variables else None
        fa.Projection(net, below, above, fa.uniform(0.3), plasticity=learns)
    fa.classification_task(net, 4, 10)
    return net


def forward(net):
    return [p for p in net.projections if p.post in net.layers]


def show(net, rng):
    """Give every stream an input and a target of its own; they stay."""
    net.input.view("x")[:] = rng.normal(size=(net.input.units, net.streams))
    net.error.view("target")[:] = rng.uniform(-0.8, 0.8, (net.error.units, net.streams))


def state_of(net):
    return {name: array.copy() for name, array in (net.state() | net.parameters()).items()}


def assert_same(one, other):
    assert set(one) == set(other)
    for name in one:
        assert np.array_equal(one[name], other[name]), name
