"""Differential plasticity: what each rule learns on average, and the published rule among them."""

import numpy as np
import pytest
from brian2 import StateMonitor
from scipy.special import expit
from test_brian2_reference import STEPS_PER_IMAGE, compare

from spikefa import GradientAlignment
from spikefa.errors import ModelError
from spikefa.experiments import model_file

# numpy has nothing to compile; the digests of `tests/frozen` have each model on numba, too.
SMALL = {"pixels": 64, "hidden": (30, 20), "outputs": 20, "weight_range": 0.3, "eta": 4e-2, "target": "numpy"}


@pytest.fixture(scope="module")
def stdp():
    return model_file.load("differential_stdp")


def test_derivative_with_squares_is_the_published_network(model, stdp, digits):
    nets = [
        model.build(model.params(SMALL), streams=20, seed=3),
        stdp.build(stdp.params(SMALL | {"hidden_rule": "derivative", "loss": "squared_error"}), streams=20, seed=3),
    ]
    for net in nets:
        net.stimulus.show_images(digits.train_images[:400], digits.train_labels[:400])
        net.run_steps(100)
    for published, same in zip(nets[0].projections, nets[1].projections, strict=True):
        assert np.array_equal(published.W, same.W) and np.array_equal(published.b, same.b), published.name


@pytest.mark.parametrize("hidden_rule", ["rectified", "potential", "nudged", "pairwise", "real_nudge"])
def test_stock_brian2_has_the_same_trajectories(stdp, digits, hidden_rule):
    params = SMALL | {
        "hidden_rule": hidden_rule,
        "loss": "squared_error",
        "dtype": "float64",
        "target": "numba",
        "steps_per_image": STEPS_PER_IMAGE,
    }
    compare(stdp.build(stdp.params(params), seed=4), digits)


@pytest.mark.parametrize("hidden_rule", ["nudged", "rectified"])
def test_diagnostics_know_the_error_though_the_rule_lacks_the_derivative(stdp, digits, hidden_rule):
    """On average over many streams the output's update is that of the squared error."""
    net = stdp.build(
        stdp.params(SMALL | {"hidden_rule": hidden_rule, "loss": "squared_error", "eta": 1e-9}), streams=1000
    )
    monitor = GradientAlignment(net, output_error="delta * layer_psi")
    stated = GradientAlignment(net)
    net.stimulus.show_images(digits.train_images[:1000], digits.train_labels[:1000])
    net.run_steps(4)
    assert stated.angle["h2_to_output"][-1] == monitor.angle["h2_to_output"][-1] < 20


def silent(stdp, watched, hidden_rule, streams=400, **changes):
    """A network whose potentials follow biases alone: its first hidden layer's variables in 40 steps, each
    (steps, units, streams), from rest at v = 0."""
    params = (
        SMALL
        | {"hidden_rule": hidden_rule, "weight_range": 0.0, "eta": 0.0, "gamma": 0.0, "feedback_range": 1.0}
        | changes
    )
    net = stdp.build(stdp.params(params), streams=streams, seed=1)
    net["image_to_h1"].b[:] = np.linspace(-3, 3, net["h1"].units)
    monitor = StateMonitor(net["h1"], watched, record=True, when="end")
    net.add(monitor)
    net.stimulus.show_images(np.zeros((8 * streams, 64)), np.arange(8 * streams) % 10)
    net.run_steps(40)
    return [np.array(getattr(monitor, name)).T.reshape(40, net["h1"].units, streams) for name in watched]


def deviations(values, expected):
    """How many standard errors the means over streams, (...), are off; one in 1.7 million is above 5."""
    means, errors = values.mean(axis=-1), values.std(axis=-1) / values.shape[-1] ** 0.5
    return np.abs(means - expected) / errors


def test_rectified_differences_have_the_mean_of_the_derivative(stdp):
    """1200 means: a false alarm in about 1 of 1400 seeds; twice as much is far off."""
    change, v = silent(stdp, ["change", "v"], "rectified", streams=2000, dt_over_tau=0.3)
    p = expit(v[:, :, 0])
    within = np.arange(40) % 5 > 0
    assert (change[~within] == 0).all() and set(np.unique(change)) == {0, 0.5}
    before = np.roll(p, 1, axis=0)
    moving = (p + before - 2 * p * before) / 2
    assert deviations(change[within], moving[within]).max() < 5
    still = slice(26, 30)  # 0.7**26 of the way is left
    assert deviations(change[still], p[still] * (1 - p[still])).max() < 5
    assert deviations(2 * change[still], p[still] * (1 - p[still])).max() > 5


@pytest.mark.parametrize("shared", [True, False])
def test_nudged_spikes_have_the_mean_of_the_moved_potential(stdp, shared):
    nudged, s, v, delta = silent(
        stdp, ["nudged", "s", "v", "delta"], "nudged", nudging_strength=2.0, shared_random_number=shared
    )
    expected = expit(v - 2 * delta) - expit(v)
    change = nudged - s
    assert np.abs(expected).max() > 0.2
    assert deviations(change - expected, 0).max() < 5
    assert deviations(change + expected, 0).max() > 5  # the other sign
    moved = np.sign(change) == -np.sign(delta)
    assert moved[change != 0].all() == shared  # one number: only as far as the feedback moves it


def test_real_nudge_moves_the_spikes_of_the_last_steps(stdp):
    """1200 means: a false alarm in about 1 of 1400 seeds; without the nudge, or a step early, they are far off."""
    s, v, delta = silent(stdp, ["s", "v", "delta"], "real_nudge", nudging_strength=2.0, streams=1000)
    known = np.roll(delta, 1, axis=0)  # the feedback of the step before
    known[0] = 0

    def off(first):
        nudging = (np.arange(40) % 5 >= first)[:, None, None]
        return deviations(s - expit(v - 2 * known * nudging), 0).max()

    assert off(3) < 5 < min(off(2), off(5))


def test_the_narrowest_windows_are_those_of_one_step(stdp, digits):
    weights = []
    for changes in ({"hidden_rule": "pairwise"}, {"hidden_rule": "stdp", "window_steps": 0.01}):
        net = stdp.build(stdp.params(SMALL | {"dtype": "float64"} | changes), streams=10, seed=3)
        net.stimulus.show_images(digits.train_images[:100], digits.train_labels[:100])
        before = net["h1_to_h2"].W.copy()
        net.run_steps(20)
        weights.append(np.vstack([net["h1_to_h2"].W, net["h1_to_h2"].b]))
        assert np.abs(weights[-1][:-1] - before).max() > 1e-3
    np.testing.assert_allclose(*weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("hidden_rule", ["real_nudge", "itd_dy", "itd_y", "itd_sub"])
def test_rules_equal_plain_loops(stdp, digits, hidden_rule):
    """Three images of six steps: every weight into the first hidden layer, from what its units and feedback did."""
    params = {"hidden_rule": hidden_rule, "dtype": "float64", "steps_per_image": 6, "gamma": 0.0}
    params |= {"settling_steps": 2, "nudging_strength": 0.5, "window_steps": 1.5}
    net = stdp.build(stdp.params(SMALL | params), seed=5)
    watched = {"image": ["s"], "h1": ["s", "psi"], "feedback_h1": ["delta"]}
    watched |= {"sent_h1": ["sent"]} if hidden_rule == "itd_y" else {}
    monitors = {name: StateMonitor(net[name], v, record=True, when="end") for name, v in watched.items()}
    net.add(list(monitors.values()))
    net.stimulus.show_images(digits.train_images[:3], digits.train_labels[:3])
    W = np.vstack([net["image_to_h1"].W, net["image_to_h1"].b])
    net.run_steps(18)
    x, s, psi = monitors["image"].s, monitors["h1"].s, monitors["h1"].psi
    x = np.vstack([x, np.ones(18)])  # biases are the weights of a unit that always spikes
    delta, eta = monitors["feedback_h1"].delta, SMALL["eta"]
    differenced = monitors["sent_h1"].sent if hidden_rule == "itd_y" else delta
    traces = [np.zeros(len(x)), np.zeros(len(s))]
    decay = np.exp(-1 / 1.5)
    for step in range(18):
        for trace, spikes in zip(traces, (x, s), strict=True):
            trace[:] = (decay * trace + (1 - decay) * spikes[:, step - 1]) * (step % 6 >= 2)
        if step % 6 < 2:
            continue
        if hidden_rule == "real_nudge":
            W += eta / 0.5 * (np.outer(traces[0], s[:, step]) - np.outer(x[:, step], traces[1]))
            continue
        change = differenced[:, step] - differenced[:, step - 1]
        partner = psi[:, step] if hidden_rule == "itd_sub" else delta[:, step]
        W -= eta * np.outer(x[:, step], change * partner)
    learned = np.vstack([net["image_to_h1"].W, net["image_to_h1"].b])
    np.testing.assert_allclose(learned, W, rtol=0, atol=1e-12)


def updates(stdp, digits, hidden_rule, **changes):
    """What each hidden layer's weights gain in four images a stream, while they hardly move."""
    params = SMALL | {"hidden_rule": hidden_rule, "eta": 1e-7, "gamma": 0.0, "dtype": "float64"} | changes
    net = stdp.build(stdp.params(params), streams=1400, seed=2)
    hidden = [p for p in net.projections if p.learning][:-1]
    before = [p.W.copy() for p in hidden]
    net.stimulus.show_images(np.tile(digits.train_images[:1400], (4, 1)), np.tile(digits.train_labels[:1400], 4))
    net.run_steps(20)
    return [(p.W - W).ravel() for p, W in zip(hidden, before, strict=True)]


@pytest.fixture(scope="module")
def published(stdp, digits):
    return updates(stdp, digits, "derivative")


@pytest.mark.parametrize(
    ("hidden_rule", "changes", "slope", "margin"),
    [
        ("rectified", {}, 0.835, 0.02),  # four steps of five, and more where potentials move
        ("nudged", {}, 1.0, 0.13),
        ("nudged", {"nudging_strength": 4.0, "shared_random_number": False}, 0.97, 0.18),
        ("pairwise", {"nudging_strength": 4.0}, 0.8, 0.15),
        ("stdp", {"nudging_strength": 4.0}, 0.53, 0.15),  # of 1 - d^t in the steps t = 0 to 4, d = exp(-1/2)
        ("spikes", {}, 0.0, 0.13),
        ("potential", {}, 0.0, 0.13),
    ],
)
def test_the_mean_update_of_hidden_layers_is_the_published_one(
    stdp, digits, published, hidden_rule, changes, slope, margin
):
    """The same spikes, and each rule's updates fitted by the published rule's; margins are five standard deviations
    of fits with other seeds, or more."""
    for learned, derivative in zip(updates(stdp, digits, hidden_rule, **changes), published, strict=True):
        assert abs(learned @ derivative / (derivative @ derivative) - slope) < margin


def test_hidden_layers_can_be_left_as_they_are(stdp):
    net = stdp.build(stdp.params(SMALL | {"hidden_rule": "none"}))
    assert [p.name for p in net.projections if p.learning] == ["h2_to_output"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_rule": "slope"}, "hidden_rule must be one of derivative, rectified, .*, itd_sub, none, got 'slope'"),
        ({"loss": "hinge"}, "loss must be one of squared_error, cross_entropy, got 'hinge'"),
        ({"dt_over_tau": 0.0}, "dt_over_tau must be above 0 and at most 1, got 0.0"),
        ({"nudging_strength": 0.0}, "nudging_strength must be above 0, got 0.0"),
        ({"weight_range": -1.0}, "weight_range must be at least 0, got -1.0"),
        ({"steps_per_image": 1}, "steps_per_image must be at least 2 for rectified, got 1"),
        ({"settling_steps": 5}, "steps_per_image must be at least 6 for rectified, got 5"),
        (
            {"hidden_rule": "real_nudge", "free_steps": 5},
            "free_steps must be settling_steps at least and below steps_per_image for real_nudge, got 5",
        ),
        (
            {"hidden_rule": "itd_y", "loss": "squared_error"},
            "loss must be cross_entropy for itd_y, got 'squared_error'",
        ),
        ({"window_steps": 0.0}, "window_steps must be above 0, got 0.0"),
    ],
)
def test_bad_parameters_are_refused(stdp, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'differential_stdp': {message}$"):
        stdp.build(stdp.params(SMALL | changes))
