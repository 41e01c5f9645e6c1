"""Small networks with every registered pathway, for the tests."""

import inspect

import numpy as np
import pytest

import spikefa as fa
from spikefa.pathways import pathways

ETA, SCALE, NOISE, GAMMA = 0.1, 0.3, 1e-2, 1e-2
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
#: Of pathways with one statement for all their populations.
ONE_STATEMENT = STRINGS | {"error": "target : 1\nJ = layer_y - target : 1\ndelta : 1"}
#: What a pathway may ask for beside the strings and constants: each receives the arguments that it has. Distributions
#: and plugins whose pathways have others add theirs here.
ARGUMENTS = {
    "B": fa.uniform(0.5),
    "loss": "(layer_y - target)**2 / 2",
    "noise": NOISE,
    "eta": ETA,
    "scale": SCALE,
    "every": 3,
    "rule": fa.Plasticity("dW = -eta * delta_post * y_pre - gamma * W", {"eta": ETA, "gamma": GAMMA}),
    "units": 7,
    "step": 0.3,
    "nonlinearity": "cos(3 * layer_y)",
    "score": "layer_y - 0.1",
    "derivative": "layer_psi",
    "baseline_steps": 2.5,
}
#: Of networks that spike.
SPIKING = {
    "loss": "(layer_p - target)**2 / 2",
    "noise": 0.1,
    "rule": fa.Plasticity("dW = -eta * delta_post * s_pre - gamma * W", {"eta": ETA, "gamma": GAMMA}),
    "nonlinearity": "cos(layer_v)",
    "score": "layer_s - layer_p",
}
every_pathway = pytest.mark.parametrize("pathway", pathways)


def takes(pathway, *arguments):
    """Whether a pathway has all these arguments."""
    return set(arguments) <= set(inspect.signature(pathways[pathway]).parameters)


def add(net, pathway, **changes):
    """Add a pathway with the arguments that it has."""
    strings = STRINGS if takes(pathway, "emit_error") else ONE_STATEMENT
    return fa.add_pathway(net, pathway, **strings | ARGUMENTS | changes)


def rate_network(
    pathway, streams=1, sizes=SIZES, seed=0, target="numpy", dtype="float64", layer=RATE, emit="tanh(v)", **changes
):
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, target=target)
    fa.Input(net, "image", sizes[0], "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    names = [f"h{number}" for number in range(1, len(sizes) - 1)] + ["output"]
    for name, units in zip(names, sizes[1:], strict=True):
        fa.Layer(net, name, units, layer, emit=f"y = {emit}", output="y", threshold=None)
    add(net, pathway, **changes)
    rule = fa.Plasticity("dW = -eta * delta_post * y_pre", {"eta": ETA})
    for below, above in zip(["image", *names], names, strict=False):
        learns = rule if "delta" in net[above].variables else None
        fa.Projection(
            net, below, above, fa.uniform(0.6), bias=np.linspace(-0.1, 0.1, net[above].units), plasticity=learns
        )
    fa.classification_task(net, 1, 2)
    return net


def spiking_network(model, pathway, streams=1, seed=0, target="numpy", dtype="float64", **options):
    """The spiking network of the model file, with another pathway."""
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, target=target)
    constants = {"tau": net.clock.dt / 0.9}
    fa.Input(
        net, "image", 64, model.module.INPUT, emit=model.module.INPUT_SPIKES, namespace={"max_spike_probability": 0.95}
    )
    for name, units in (("h1", 12), ("h2", 9), ("output", 10)):
        fa.Layer(net, name, units, model.module.LAYER, emit=model.module.SPIKES, namespace=constants)
    strings = {"error": model.module.ERROR, "feedback": model.module.FEEDBACK, "namespace": constants}
    fa.add_pathway(net, pathway, **strings | ARGUMENTS | SPIKING | options)
    derivative = "* psi_post" if takes(pathway, "error") else ""  # what estimates a gradient has it already
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
