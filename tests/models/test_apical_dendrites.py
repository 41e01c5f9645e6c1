"""models/apical_dendrites.py: feedback sets plasticity and not spikes; modulators are many-to-many."""

import numpy as np
import pytest

from spikefa.experiments import model_file

SMALL = {"pixels": 6, "hidden": (8, 7), "outputs": 4, "classes": 2, "modulators": 3, "target": "numpy"}


@pytest.fixture(scope="module")
def dendrites():
    return model_file.load("apical_dendrites")


def run(dendrites, steps=12, **changes):
    net = dendrites.build(dendrites.params(SMALL | {"dtype": "float64"} | changes), streams=2)
    net.stimulus.show_images(np.tile(np.linspace(0, 1, 6), (8, 1)), np.arange(8) % 2)
    net.run_steps(steps)
    return net


def test_spikes_do_not_know_of_feedback_unless_it_is_coupled_to_the_soma(dendrites):
    alone = run(dendrites, feedback="none", eta=0.0)
    apart, coupled = run(dendrites, eta=0.0), run(dendrites, eta=0.0, coupling=0.5)
    for name in ("h1", "h2"):
        assert np.array_equal(apart[name].view("v"), alone[name].view("v"))
        assert not np.allclose(coupled[name].view("v"), alone[name].view("v"))
        assert apart[name].view("u").any() and not alone[name].view("u").any()


def test_equations_of_a_step_with_many_to_many_modulators(dendrites):
    net = run(dendrites, steps=7)
    # What reaches a dendrite was sent in the step before.
    delta = {name: net[f"modulators_{name}"].view("delta").copy() for name in ("h1", "h2")}
    u = {name: net[name].view("u").copy() for name in ("h1", "h2")}
    m, error = net["modulators_h1"].view("u").copy(), net["modulators_h1"]
    net.run_steps(1)
    for name in ("h1", "h2"):
        J = net[f"modulators_{name}_to_{name}_J"].W.T @ delta[name]
        assert np.allclose(net[name].view("u"), u[name] + 0.9 * (J - u[name]))
    above = net["modulators_h2"].view("delta")
    assert np.allclose(error.view("u"), m + 0.9 * (net["modulators_h2_to_modulators_h1"].W.T @ above - m))


def test_the_rule_takes_the_dendrite(dendrites):
    net = run(dendrites, steps=7, eta=0.1)
    before = net["image_to_h1"].W.copy()
    net.run_steps(1)
    h1, s = net["h1"], net["image"].view("s")
    p = 1 / (1 + np.exp(-h1.view("v")))
    assert np.allclose(net["image_to_h1"].W - before, -0.1 * s @ (np.tanh(h1.view("u")) * p * (1 - p)).T)
