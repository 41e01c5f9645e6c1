"""Pathways by the units' own spike noise: the estimate is unbiased, and feedback weights learn the gradient by it."""

import itertools

import numpy as np
import pytest
from scipy import stats

import spikefa as fa
from spikefa.pathways import _loss

LAYER = """
v = I : 1
I : 1
p = 1 / (1 + exp(-v)) : 1
psi = p * (1 - p) : 1
s : 1
"""
LOSS = {"loss": "(layer_p - target)**2 / 2", "score": "layer_s - layer_p"}
STREAMS, STEPS = 10000, 4
#: Of the means of all units together, for an estimator without bias.
FALSE_ALARMS = 1e-4


def network(pathway, sizes=(3, 3, 2), streams=STREAMS, **options):
    """Units that spike at random in every step, with fixed inputs, weights and targets."""
    net = fa.Network(streams=streams, seed=3, target="numpy", dtype="float64")
    fa.Input(net, "image", 2, "x : 1\ns = x : 1", emit="", output="x", threshold=None)
    names = [*(f"h{n}" for n in range(1, len(sizes))), "output"]
    for name, units in zip(names, sizes, strict=True):
        fa.Layer(net, name, units, LAYER, emit="s = int(rand() < p)")
    error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = (layer_p - target) * layer_psi"}
    fa.add_pathway(net, pathway, **error, **LOSS | options)
    for below, above in itertools.pairwise(["image", *names]):
        fa.Projection(net, below, above, fa.uniform(2.0), bias=np.linspace(-0.5, 0.5, net[above].units))
    fa.classification_task(net, 1, 2)
    net.input.view("x")[:] = [[0.3], [0.9]]
    net.error.view("target")[:] = np.arange(sizes[-1])[:, None] % 2
    return net


def logistic(v):
    return 1 / (1 + np.exp(-v))


def expected_loss(net, shifts):
    """Mean of the loss over all that the units can do, with something added to the potentials of hidden layers."""
    layers, forward = net.hidden, [p for p in net.projections if p.post in net.layers]
    total, sizes = 0.0, [layer.units for layer in layers]
    for spikes in itertools.product([0.0, 1.0], repeat=sum(sizes)):
        probability, below, rest = 1.0, net.input.view("x")[:, 0], np.array(spikes)
        for projection, units, shift in zip(forward, sizes, shifts, strict=False):
            p = logistic(below @ projection.W + projection.b + shift)
            below, rest = rest[:units], rest[units:]
            probability *= np.prod(np.where(below > 0, p, 1 - p))
        output = logistic(below @ forward[-1].W + forward[-1].b)
        total += probability * ((output - net.error.view("target")[:, 0]) ** 2).sum() / 2
    return total


def gradients(net):
    """Derivative of the mean loss by the potentials of hidden units, by central differences."""
    found = []
    for layer, unit in [(n, unit) for n, hidden in enumerate(net.hidden) for unit in range(hidden.units)]:
        both = []
        for step in (1e-5, -1e-5):
            shifts = [np.zeros(hidden.units) for hidden in net.hidden]
            shifts[layer][unit] = step
            both.append(expected_loss(net, shifts))
        found.append((both[0] - both[1]) / 2e-5)
    return np.array(found)


def worst_z(net):
    """Distance of a unit's mean delta from its gradient, in standard errors: the largest of all hidden units."""
    net.run_steps(8)  # the mean of the loss has come to its value
    deltas = []
    for _ in range(STEPS):
        net.run_steps(1)
        deltas.append(
            np.concatenate([layer.variables["delta"].get_value().reshape(layer.units, -1) for layer in net.hidden])
        )
    deltas = np.concatenate(deltas, axis=1)
    errors = deltas.std(axis=1) / np.sqrt(deltas.shape[1])
    return np.abs((deltas.mean(axis=1) - gradients(net)) / errors).max()


#: The largest of 6 distances is above it by chance with the probability `FALSE_ALARMS`, by Bonferroni's bound.
LIMIT = stats.norm.isf(FALSE_ALARMS / 2 / 6)


@pytest.mark.parametrize("baseline_steps", [1, 3])
def test_own_noise_is_an_unbiased_estimate_of_the_gradient(baseline_steps):
    """Against the exact gradient of the mean loss over all that the units can do, for any time constant of the mean."""
    net = network("reinforce", (3, 3, 2), baseline_steps=baseline_steps)
    assert np.abs(gradients(net)).min() > 1e-3
    assert worst_z(net) < LIMIT


def test_a_mean_that_knows_the_steps_own_loss_is_found_to_be_biased(monkeypatch):
    """The planted error: the mean is moved before it is subtracted, which takes some of the noise's effect away."""
    monkeypatch.setattr(_loss, "SURPRISE", "surprise = J - (m + (J - m) * dt / tau_baseline)")
    assert worst_z(network("reinforce", baseline_steps=3)) > LIMIT


def test_a_score_of_the_wrong_size_is_found_to_be_biased():
    net = network("reinforce", baseline_steps=3, score="1.2 * (layer_s - layer_p)")
    assert worst_z(net) > LIMIT


def test_the_mean_of_the_loss_takes_its_noise_away():
    """With a mean that hardly moves from where it began, the deltas of streams with other losses scatter more."""

    def scatter(baseline_steps):
        net = network("reinforce", streams=500, baseline_steps=baseline_steps)
        net.run_steps(1)
        net.error.view("target")[:] = np.linspace(-1, 3, 500)
        net.run_steps(15)
        return net["h1"].variables["delta"].get_value().std()

    assert scatter(3) < 0.7 * scatter(1000)


def test_feedback_weights_become_the_forward_ones_transposed():
    """By the units' own noise alone, to a tenth: what is left is the curvature of the loss, which a spike is not below.

    Forward weights stay, and targets differ from stream to stream, so that errors have every direction.
    """
    options = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J * layer_psi", "derivative": "layer_psi"}
    net = network("reinforce_feedback", (6, 4), streams=300, **options, B=fa.uniform(0.1), eta=0.1)
    forward, learned = net["h1_to_output"], net["error_output_to_feedback_h1"]
    forward.W = forward.W / 4
    net.error.view("target")[:] = np.random.default_rng(0).random((4, 300))

    def missing():
        return np.linalg.norm(learned.W - forward.W.T) / np.linalg.norm(forward.W)

    assert missing() > 0.9
    net.run_steps(300)
    assert missing() < 0.15
