"""Feedback by spikes: signed ones, graded modulators, thresholds; several error populations; initial values."""

import numpy as np
import pytest
from brian2 import ms, mV

import spikefa as fa
from spikefa.diagnostics import evaluation
from spikefa.errors import ArgumentError

NEURON = "dv/dt = (I - v) / (5*ms) : 1\nI : 1\ns : 1"
SIGNED = "delta = tanh(u)\nspike = int(u > theta) - int(u < -theta)"
SENT = "delta : 1\nspike : 1"
ERROR = f"du/dt = (layer_s - target - u) / (5*ms) : 1\ntarget : 1\n{SENT}"
FEEDBACK = f"du/dt = (J - u) / (5*ms) : 1\ndJ/dt = -J / (4*ms) : 1\n{SENT}"
SPIKING = {"error": ERROR, "feedback": FEEDBACK, "emit": SIGNED, "output": "spike", "modulator": "delta"}
SPIKING |= {"threshold": "abs(spike) > 0.5", "reset": "u = u - theta * spike", "namespace": {"theta": 0.2}}
CHAINS = {
    fa.feedback_alignment: {"B": fa.uniform(0.5)},
    fa.direct_feedback_alignment: {"B": fa.uniform(0.5)},
    fa.indirect_feedback_alignment: {"B": fa.uniform(0.5)},
    fa.shuffled_feedback: {"B": fa.uniform(0.5)},
    fa.backprop: {},
    fa.sign_symmetric: {"scale": 0.5},
    fa.pseudobackprop: {},
}


def layers(streams=2, target="numpy", **options):
    net = fa.Network(streams=streams, seed=3, target=target, dtype="float64")
    fa.Input(net, "image", 5)
    for name, units in (("h1", 6), ("output", 4)):
        fa.Layer(net, name, units, NEURON, threshold="v > 0.3", reset="v = 0", **options)
    return net


def finish(net):
    rule = fa.Plasticity("dW = -0.05 * delta_post * s_pre")
    fa.Projection(net, "image", "h1", fa.uniform(0, 1), plasticity=rule)
    fa.Projection(net, "h1", "output", fa.uniform(0, 1), plasticity=rule)
    fa.classification_task(net, 6, 2)
    net.stimulus.show_images(np.tile(np.linspace(0, 1, 5), (8, 1)), np.arange(8) % 2)
    return net


def test_signed_spikes_are_sent_and_a_graded_modulator_teaches():
    net = layers()
    (projection,) = fa.feedback_alignment(net, **SPIKING, B=fa.uniform(0.5))
    finish(net)
    signs, J, theta = set(), np.zeros((6, 2)), 0.2
    for _ in range(12):
        u = net.error.view("u").copy()
        net.run_steps(1)
        u += (net["output"].view("s") - net.error.view("target") - u) / 5
        sent = net.error.view("spike").copy()
        signs |= set(np.unique(sent))
        assert np.array_equal(sent, (u > theta) * 1.0 - (u < -theta))
        assert np.allclose(net.error.view("u"), u - theta * sent) and np.allclose(net.error.view("delta"), np.tanh(u))
        J = J * (1 - 1 / 4) + projection.W.T @ sent
        assert np.allclose(projection.post.view("J"), J)
    assert signs == {-1, 0, 1}


@pytest.mark.parametrize("pathway", CHAINS, ids=lambda pathway: pathway.__name__)
def test_every_chain_takes_spiking_feedback(pathway):
    net = layers()
    pathway(net, **SPIKING, **CHAINS[pathway])
    finish(net)
    net.run_steps(6)
    for population in net.feedback:
        spikes, delta = population.view("spike"), population.layer.array("delta").reshape(-1, 2)
        assert np.isin(spikes, (-1, 0, 1)).all() and np.array_equal(delta, population.view("delta"))
        assert not np.isin(delta, (-1, 0, 1)).all()
    assert net["feedback_h1"].view("J").any()


def test_spikes_of_a_threshold_with_refractoriness():
    net = layers()
    fa.feedback_alignment(
        net,
        error="du/dt = (abs(layer_s - target) - u) / (5*ms) : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / (5*ms) : 1\nJ : 1\ndelta : 1",
        emit="",
        receive="u = u + 0.05",
        threshold="u > 0.2",
        reset="u = 0",
        refractory=3 * ms,
        B=fa.uniform(0, 0.5),
    )
    finish(net)
    spikes = np.array([(net.run_steps(1), net.error.view("delta").copy())[1] for _ in range(20)])
    assert set(np.unique(spikes)) == {0, 1}
    times = [np.flatnonzero(train) for train in spikes.reshape(20, -1).T]
    assert min(np.diff(train).min() for train in times if len(train) > 1) >= 3


def test_each_error_population_receives_the_targets():
    net = layers()
    fa.output_only(net, error="target : 1\ndelta : 1", emit="delta = layer_s - target")
    fa.ErrorPopulation(net, "error_h1", "h1", "target : 1\ndelta : 1", emit="delta = layer_s - target")
    finish(net)
    net.run_steps(1)
    assert net.error is net["error_output"] and net.errors == [net["error_output"], net["error_h1"]]
    assert net["error_h1"].view("target").tolist() == [[1, 0]] * 3 + [[0, 1]] * 3
    assert net["error_output"].view("target").tolist() == [[1, 0]] * 2 + [[0, 1]] * 2
    before = net["image_to_h1"].W.copy()
    net.run_steps(6)
    assert (before != net["image_to_h1"].W).any()
    net.stimulus.show_images(np.ones((2, 5)))
    net.run_steps(2)
    assert not net["error_h1"].view("delta").any() and net["h1"].view("s").any()
    W = net["image_to_h1"].W.copy()
    evaluation.predict(net, np.ones((2, 5)), 4)
    assert (net["image_to_h1"].W == W).all()


def test_initial_values_count_as_rest():
    net = fa.Network(streams=3, dtype="float64", target="numpy")
    fa.Input(net, "image", 5)
    leak = "dv/dt = (E - v) / (5*ms) : volt\nE : volt\nI : 1\ns : 1"
    initial = {"v": "-65*mV - i*mV", "E": lambda rng, shape: rng.uniform(-60, -50, shape) * mV}
    layer = fa.Layer(net, "h1", 4, leak, threshold="v > -50*mV", reset="v = -65*mV", initial=initial)
    fa.classification_task(net, 5, 2)
    assert np.allclose(layer.view("v"), -0.065 - 0.001 * np.arange(4)[:, None])
    E = layer.view("E").copy()
    assert (E[:, :1] == E).all() and len(np.unique(E)) == 4
    net.run_steps(3)
    assert not np.allclose(layer.view("v")[0], -0.065)
    net.reset_state()
    assert np.allclose(layer.view("v"), -0.065 - 0.001 * np.arange(4)[:, None]) and (layer.view("E") == E).all()


BAD = [
    ({"initial": 3}, r"Layer 'h1': initial must be a dict of values such as {'v': '-65\*mV'}, or None, got 3"),
    ({"initial": {"w": 1}}, r"Layer 'h1': set must name a state variable, .*'v'.*, got 'w'"),
    ({"initial": {"v": "1*mV"}}, "Layer 'h1': 'v'.*mV|unit"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_initial_values_are_refused(options, message):
    net = fa.Network(target="numpy")
    with pytest.raises(fa.SpikefaError, match=message):
        fa.Layer(net, "h1", 4, NEURON, threshold="v > 1", reset="v = 0", **options)
    assert not net.populations


BAD_MODULATORS = [
    ({"modulator": "x"}, "ErrorPopulation 'error_output': modulator must be a variable of its equations, got 'x'"),
    ({"modulator": 1}, "ErrorPopulation 'error_output': modulator must be a name"),
    (
        {"error": "target : 1\ns : 1\nv = 1 : 1", "emit": "s = target", "output": "s", "modulator": None},
        "ErrorPopulation 'error_output': output must not be a name of 'output''s own variables, got 's'",
    ),
]


@pytest.mark.parametrize(("options", "message"), BAD_MODULATORS)
def test_bad_modulators_are_refused(options, message):
    net = layers()
    with pytest.raises(ArgumentError, match=message):
        fa.feedback_alignment(net, **SPIKING | options, B=fa.uniform(0.5))
    assert not net.errors


def test_error_populations_whose_units_do_not_fit_the_task_are_refused():
    net = layers()
    fa.output_only(net, error="target : 1\ndelta : 1", emit="delta = layer_s - target")
    fa.ErrorPopulation(net, "error_h1", "h1", "target : 1\ndelta : 1", emit="delta = layer_s - target")
    fa.Projection(net, "image", "h1", fa.uniform(0, 1))
    with pytest.raises(ArgumentError, match="'error_h1': must have equal groups of units for 4 classes, got 6 units"):
        fa.classification_task(net, 6, 4)
    with pytest.raises(ArgumentError, match="'error_h1': must have a unit for each of 4 targets, got 6 units"):
        fa.regression_task(net, 6)
    assert net.stimulus is None
