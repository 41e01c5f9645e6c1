"""models/biology.py: each switch does what it says, and nothing else."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.errors import ModelError
from spikefa.experiments import model_file

SMALL = {"pixels": 6, "hidden": (8, 8), "outputs": 4, "classes": 2, "target": "numpy", "dtype": "float64"}


@pytest.fixture(scope="module")
def biology():
    return model_file.load("biology")


@pytest.fixture
def build(biology):
    def build(streams=2, seed=0, **changes):
        return biology.build(biology.params(SMALL | changes), streams=streams, seed=seed)

    return build


def show(net, steps):
    net.stimulus.show_images(np.tile(np.linspace(0, 1, 6), (8, 1)), np.arange(8) % 2)
    net.run_steps(steps)


def test_dale_law_is_kept_by_every_projection_while_it_learns(build):
    net = build(dale=True, eta=0.5)
    before = {p.name: p.W.copy() for p in net.projections}
    show(net, 60)
    learned = [p for p in net.projections if p.learning is not None]
    assert len(learned) == 6 and any((before[p.name] != p.W).any() for p in learned)
    for p in net.projections:
        if p.post not in net.feedback:
            inhibitory = p.pre.name.endswith("inhibitory")
            assert p.sign == ("inhibitory" if inhibitory else "excitatory")
            assert (p.W <= 0).all() if inhibitory else (p.W >= 0).all()
    assert [net[f"{layer.name}_inhibitory"].units for layer in net.layers] == [2, 2, 1]


def test_switches_change_the_network(build):
    net = build(feedback_delay=5.0, tau_spread=0.3, spiking_feedback=True, feedback_density=0.5, gap=20.0)
    feedback = [p for p in net.projections if p.post in net.feedback]
    assert [int(p.delay_steps) for p in feedback] == [5, 5]
    assert all(0.2 < np.mean(p.W != 0) < 0.8 for p in feedback)
    tau = net["h1"].view("tau")
    assert (tau == tau[:, :1]).all() and len(np.unique(tau)) == 8 and tau.min() >= 2.5e-3
    assert net.stimulus.gap == 20 and net.stimulus.steps_per_image == 50
    show(net, 60)
    assert net.stimulus.in_gap and not net.error.view("spike").any()


def test_poisson_input_has_the_rate_of_its_mean(build):
    poisson, mean = build(streams=100, poisson=True, eta=0.0), build(eta=0.0)
    counts = []
    for net in (poisson, mean):
        net.stimulus.show_images(np.tile(np.linspace(0, 1, 6), (net.streams, 1)), np.arange(net.streams) % 2)
        total = 0
        for _ in range(20):
            net.run_steps(1)
            total = total + net["image"].view("s").mean(axis=1)
        counts.append(total)
    spikes_of_hazard = 20 * (1 - np.exp(-0.1 * np.linspace(0, 1, 6)))
    assert np.allclose(counts[1], 2 * np.linspace(0, 1, 6))
    assert np.allclose(counts[0], spikes_of_hazard, atol=5 * np.sqrt(2 / 100))


def test_times_that_are_no_steps_are_refused(biology):
    with pytest.raises(ModelError, match=r"gap must be a multiple of dt, 0\.3 ms"):
        biology.params(SMALL | {"dt": 0.3, "duration": 60.0, "gap": 50.0})


def test_no_weight_update_reaches_hidden_layers_of_the_control(build):
    net = build(pathway="output_only")
    assert [p.post.name for p in net.projections if p.learning is not None] == ["output"]
    assert isinstance(net.error, fa.ErrorPopulation) and len(net.feedback) == 1
