"""The fast engine against stock Brian2 running the same model object, step by step."""

import numpy as np
import pytest
from brian2 import StateMonitor, ms
from brian2.core.base import BrianObjectException

import spikefa as fa
from spikefa.brian2_reference import Brian2Reference
from spikefa.errors import ArgumentError
from spikefa.experiments import model_file

STEPS, STEPS_PER_IMAGE = 220, 7


def trajectories(net, digits):
    """Run and return every state at the end of every step, and the weights at the end."""
    net.stimulus.steps_per_image = STEPS_PER_IMAGE
    shown = -(-STEPS // STEPS_PER_IMAGE)
    net.stimulus.show_images(digits.train_images[:shown], digits.train_labels[:shown])
    watched = []
    for population in net.populations:
        names = [n for n in ("s", "v", "u", "delta", "psi") if n in population.variables]
        watched.append(StateMonitor(population, names, record=True, when="end", name=f"m_{population.name}"))
    net.add(watched)
    net.run(STEPS * net.clock.dt)
    return {f"{m.source.name}.{n}": np.array(getattr(m, f"{n}_")) for m in watched for n in m.record_variables}


def compare(net, digits, tolerance=1e-10):
    reference = Brian2Reference(net)
    expected = trajectories(reference.network, digits)
    got = trajectories(net, digits)
    assert set(got) == set(expected)
    moved = 0
    for name in got:
        if name.endswith(".s"):
            assert np.array_equal(got[name], expected[name]), name
        np.testing.assert_allclose(got[name], expected[name], rtol=0, atol=tolerance, err_msg=name)
        moved += np.ptp(got[name]) > 0
    assert moved > len(got) / 2  # something happened
    for projection in net.projections:
        np.testing.assert_allclose(projection.W, reference.W(projection.name), rtol=0, atol=tolerance)
        np.testing.assert_allclose(projection.b, reference.b(projection.name), rtol=0, atol=tolerance)
    return reference


def test_published_model(small, digits):
    net = small(dtype="float64", seed=4)
    before = {p.name: p.W.copy() for p in net.projections}
    compare(net, digits)
    assert all(abs(p.W - before[p.name]).max() > 1e-3 for p in net.projections if p.learning)


def test_visible_decay_and_momentum(small, digits):
    compare(small(dtype="float64", gamma=1e-3, momentum=0.7, eta=1e-2), digits)


def test_rmsprop_in_a_rate_network(digits):
    model = model_file.load("nokland2016_dfa")
    sizes = {"pixels": 64, "hidden": (12, 9), "dtype": "float64", "eta": 1e-2, "gamma": 1e-3}
    compare(model.build(model.params(sizes), seed=2), digits)


def test_rule_that_is_no_product(small, digits):
    compare(small(dtype="float64", rule="dW = -eta * delta_post * psi_post * s_pre * (1 - W**2) - gamma * W"), digits)


def test_centred_rule(small, digits):
    compare(small(dtype="float64", rate_average_steps=20), digits)


def test_a_wrong_sign_would_be_seen(small, digits):
    """The comparison can fail: the same model with one sign changed is far off."""
    net = small(dtype="float64")
    reference = Brian2Reference(small(dtype="float64", rule="dW = eta * delta_post * psi_post * s_pre - gamma * W"))
    trajectories(reference.network, digits)
    trajectories(net, digits)
    assert abs(net["h1_to_h2"].W - reference.W("h1_to_h2")).max() > 1e-2


LIF = """
dv/dt = (I - v) / (5*ms) : 1 (unless refractory)
I : 1
s : 1
delta : 1
psi = exp(-abs(v - 1)) : 1
"""


def test_leaky_integrate_and_fire_layers(digits):
    """A model of another kind: threshold, reset and refractoriness by Brian2's own machinery."""
    net = fa.Network(dtype="float64", seed=1)
    fa.Input(net, "image", 64)
    for name, units in (("h1", 25), ("output", 20)):
        fa.Layer(net, name, units, LIF.replace("delta : 1\n", ""), threshold="v > 1", reset="v = 0", refractory=2 * ms)
    fa.feedback_alignment(
        net,
        error="du/dt = (layer_s - target - u) / (2*ms) : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / (2*ms) : 1\nJ : 1\ndelta : 1",
        B=fa.uniform(0.5),
    )
    rule = fa.Plasticity("dW = -eta * delta_post * psi_post * s_pre", {"eta": 0.02})
    fa.Projection(net, "image", "h1", fa.uniform(0.5), bias=np.full(25, 0.5), plasticity=rule)
    fa.Projection(net, "h1", "output", fa.uniform(2.0), bias=np.full(20, 0.6), plasticity=rule)
    fa.classification_task(net, STEPS_PER_IMAGE, 10)
    compare(net, digits)
    assert net["h1_to_output"].W.std() > 0


@pytest.mark.parametrize("seed", [0, 7])
def test_seeds_give_the_same_spikes_in_both(small, digits, seed):
    compare(small(dtype="float64", seed=seed, hidden=(15,)), digits)


def test_many_streams_are_refused(small):
    with pytest.raises(ArgumentError, match="needs a network of one stream, got 3"):
        Brian2Reference(small(streams=3))


def test_a_rule_that_needs_a_constant_with_two_values_is_refused(digits):
    """In the code of one Synapses a name means one thing; other constants may differ."""

    def reference(rule, post):
        net = fa.Network(seed=1)
        fa.Input(net, "image", 64, "x : 1\ns : 1\nloud = gain * s : 1", namespace={"gain": 1.0})
        fa.Layer(net, "output", 10, "I : 1\ns : 1\nloud = gain * s : 1", emit="s = gain * I", namespace={"gain": post})
        fa.Projection(net, "image", "output", fa.uniform(0.3), plasticity=fa.Plasticity(rule))
        fa.classification_task(net, 2, 10)
        stock = Brian2Reference(net).network
        stock.stimulus.show_images(digits.train_images[:1])
        return stock

    reference("dW = loud_post", post=1.0).run_steps(2)
    reference("dW = s_post", post=2.0).run_steps(2)
    with pytest.raises(BrianObjectException) as refused:
        reference("dW = loud_post", post=2.0).run_steps(2)
    assert "'The identifier \"gain\" could not be resolved.'" in str(refused.value.__cause__)
