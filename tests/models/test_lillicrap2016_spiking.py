"""The spiking model: published values, its presets, controls and options."""

import dataclasses

import numpy as np
import pytest

from spikefa.errors import ModelError


def test_published_values(model):
    params = model.params()
    assert (params.pixels, params.hidden, params.outputs) == (784, (1500, 1500, 1500), 1000)
    assert (params.weight_range, params.feedback_range, params.dt_over_tau) == (0.05, 0.1, 0.9)
    assert (params.steps_per_image, params.test_steps, params.eta, params.gamma) == (5, 5, 1e-3, 1e-8)
    net = model.build(model.params({"hidden": (40, 30), "outputs": 20}), streams=2, seed=0)
    assert [p.shape for p in net.projections if p.learning] == [(784, 40), (40, 30), (30, 20)]
    assert [p.shape for p in net.projections if not p.learning] == [(20, 30), (30, 40)]
    for projection in net.projections:
        limit = 0.05 if projection.learning else 0.1
        assert 0.95 * limit < abs(projection.W).max() <= limit and (projection.b == 0).all()
        assert abs(projection.W.mean()) < 5 * limit / (3 * projection.W.size) ** 0.5


@pytest.mark.parametrize("pathway", ["alignment", "direct", "shuffled_feedback", "backprop", "output_only"])
def test_pathways_of_the_spiking_network(small, digits, pathway):
    """Only what a pathway reaches learns, whatever the options, and the output learns in all."""
    net = small(20, pathway=pathway, rate_average_steps=20, averaging_images=100)
    before = [p.W.copy() for p in net.projections]
    net.stimulus.show_images(digits.train_images[:200], digits.train_labels[:200])
    net.run_steps(50)
    moved = [p.name for p, W in zip(net.projections, before, strict=True) if not np.array_equal(p.W, W)]
    learned = ["image_to_h1", "h1_to_h2", "h2_to_output"]
    if pathway == "output_only":
        assert moved == learned[-1:]
    elif pathway == "backprop":
        assert {*learned} <= {*moved}
    else:
        assert moved == learned
    assert all(np.abs(p.b).max() > 0 for p in net.projections if p.name in learned and p.name in moved)


#: Pathway -> what learns beside the forward weights.
OTHERS = {
    "augmented_direct": (),
    "indirect": (),
    "sign_symmetric": (),
    "pseudobackprop": (),
    "relaxation": (),
    "reinforce": (),
    "node_perturbation": (),
    "kolen_pollack": ("error_output_to_feedback_h2", "feedback_h2_to_feedback_h1"),
    "reinforce_feedback": ("error_output_to_feedback_h2", "feedback_h2_to_feedback_h1"),
    "node_perturbation_feedback": ("error_output_to_feedback_h2", "feedback_h2_to_feedback_h1"),
    "product": ("product_h2_to_feedback_h2", "product_h1_to_feedback_h1"),
}


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("pathway", OTHERS)
def test_other_pathways_of_the_spiking_network(small, digits, pathway, loss):
    """psi is in the rule where it is not in what is sent, whatever the loss; and all that learns does."""
    net = small(5, pathway=pathway, loss=loss, rate_average_steps=20, target="numpy")
    learning = {p.name: p.learning.plasticity.rule for p in net.projections if p.learning is not None}
    forward = ["image_to_h1", "h1_to_h2", "h2_to_output"]
    assert {*learning} == {*forward, *OTHERS[pathway]}
    squared, bounded = loss == "squared_error", pathway in ("indirect", "pseudobackprop", "augmented_direct")
    hidden = bounded and pathway != "augmented_direct"
    assert ["psi_post" in learning[name] for name in forward] == [hidden, hidden, bounded and squared]
    if pathway != "node_perturbation":  # which estimates the output's gradient, too
        assert ("psi" in net.error.statement["emit"]) == (squared and not bounded)
    before = {name: net[name].W.copy() for name in learning}
    net.stimulus.show_images(digits.train_images[:10], digits.train_labels[:10])
    net.run_steps(10)
    assert all(not np.array_equal(net[name].W, W) and np.isfinite(W).all() for name, W in before.items())


@pytest.mark.parametrize("trained", ["dense", "receptive_fields"])
@pytest.mark.parametrize(("control", "learn"), [("backprop", 3), ("output_only", 1)])
def test_a_control_differs_from_its_preset_in_what_it_controls_alone(model, digits, trained, control, learn):
    preset = f"{trained}_{control}"
    theirs, its = (dataclasses.asdict(model.params(preset=name)) for name in (trained, preset))
    changed = {name for name in theirs if theirs[name] != its[name]}
    ranges = {"weight_range", "weight_range_first"}
    assert "pathway" in changed and changed <= {"pathway", "eta", "eta_factor_first", "eta_factor_output"} | ranges
    size = its["receptive_field_pixels"] and 7
    sizes = {"pixels": 64, "hidden": (30, 20), "outputs": 20, "receptive_field_pixels": size}
    params = model.params(sizes, preset)
    net = model.build(params, streams=20, seed=0, images=lambda: digits.train_images)
    forward = [p for p in net.projections if p.post in net.layers]
    before = [p.W.copy() for p in forward]
    net.stimulus.show_images(digits.train_images[:100], digits.train_labels[:100])
    net.run_steps(25)
    assert sum(not np.array_equal(p.W, W) for p, W in zip(forward, before, strict=True)) == learn


def test_two_class_feedback_differs_from_receptive_fields_in_its_feedback_alone(model):
    names = ("receptive_fields", "two_class_feedback")
    fields, pairs = (dataclasses.asdict(model.params(preset=name)) for name in names)
    assert {name for name in fields if fields[name] != pairs[name]} == {"pathway", "feedback_pairs", "feedback_range"}


def test_wide_differs_from_two_class_feedback_in_its_widths_alone(model):
    pairs, wide = (dataclasses.asdict(model.params(preset=name)) for name in ("two_class_feedback", "wide"))
    assert {name for name in pairs if pairs[name] != wide[name]} == {"hidden"}


def test_hidden_units_receive_the_errors_of_two_classes(small):
    """Every pair of classes is drawn, in either order; each unit receives all output units of its two."""
    net = small(pathway="direct", feedback_pairs=True, feedback_range=0.25, hidden=(3000, 20))
    for layer in net.hidden:
        B = net[f"error_output_to_feedback_{layer.name}"].W.reshape(10, 2, layer.units)
        assert np.array_equal(B[:, 0], B[:, 1]) and np.array_equal(np.unique(B), np.float32([-0.25, 0, 0.25]))
        assert np.all((B[:, 0] > 0).sum(axis=0) == 1) and np.all((B[:, 0] < 0).sum(axis=0) == 1)
    wide = net["error_output_to_feedback_h1"].W[::2]
    assert len({(column.argmax(), column.argmin()) for column in wide.T}) == 90
    other = small(seed=1, pathway="direct", feedback_pairs=True, feedback_range=0.25, hidden=(3000, 20))
    assert not np.array_equal(other["error_output_to_feedback_h1"].W[::2], wide)


def test_loss_and_learning_rates_by_layer(small, digits):
    """Against the products by hand: no psi in the output layer, and each layer its own rate."""
    rates = {"image_to_h1": 3 * 4e-2, "h1_to_h2": 4e-2, "h2_to_output": 0.5 * 4e-2}
    net = small(5, loss="cross_entropy", eta_factor_first=3.0, eta_factor_output=0.5, dtype="float64", gamma=0.0)
    net.stimulus.show_images(digits.train_images[:25], digits.train_labels[:25])
    net.run_steps(24)
    before = {p.name: p.W.copy() for p in net.projections}
    net.run_steps(1)
    for layer in net.layers:
        projection = next(p for p in net.projections if p.post is layer)
        p = 1 / (1 + np.exp(-layer.view("v")))
        psi = 1 if layer is net.layers[-1] else p * (1 - p)
        error = net["error_output"] if layer is net.layers[-1] else net[f"feedback_{layer.name}"]
        expected = -rates[projection.name] * projection.pre.view("s") @ (error.view("delta") * psi).T
        np.testing.assert_allclose(projection.W - before[projection.name], expected, rtol=0, atol=1e-12)
        assert np.abs(expected).max() > 1e-4


def test_output_bias_starts_the_mean_errors_at_zero(small, digits):
    net = small(20, outputs=500, output_bias=-np.log(9), weight_range=0.01, eta=0.0)
    for projection in net.projections:
        np.testing.assert_allclose(projection.b, -np.log(9) if projection.post is net.layers[-1] else 0, rtol=1e-6)
    net.stimulus.show_images(digits.train_images[:20], digits.train_labels[:20])
    net.run_steps(5)
    assert abs(net["error_output"].view("u").mean()) < 5 * 0.9 * 0.3 / 100  # 10,000 spikes; 0.36 with a bias of 0


def test_release_thins_the_input_spikes(small):
    """64,000 draws of 0.7 x min(pixel, 0.95), within 5 sigma (false alarms 6e-7); without failures it is 90 off."""
    for pixel, p in ((1.0, 0.7 * 0.95), (0.6, 0.7 * 0.6)):
        net = small(20, release_probability=0.7)
        net.stimulus.show_images(np.full((200, 64), pixel, np.float32), np.zeros(200, int))
        spikes = 0.0
        for _ in range(50):
            net.run_steps(1)
            spikes += net["image"].view("s").sum()
        n = 50 * 20 * 64
        assert abs(spikes - n * p) < 5 * np.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("release", [0.0, -0.1, 1.5])
def test_release_that_is_no_probability_is_refused(model, release):
    with pytest.raises(ModelError, match=f"release_probability must be above 0 and at most 1, got {release}$"):
        model.params({"release_probability": release})


def test_a_first_weight_range_of_0_is_0(small):
    assert not small(weight_range_first=0.0)["image_to_h1"].W.any()
    assert small(weight_range_first=None)["image_to_h1"].W.any()


def test_cross_entropy_by_backpropagation_sends_the_output_error_itself(small, digits):
    net = small(5, loss="cross_entropy", pathway="backprop", dtype="float64")
    net.stimulus.show_images(digits.train_images[:25], digits.train_labels[:25])
    net.run_steps(24)
    error, hidden = net["error_output"], net["feedback_h2"]
    np.testing.assert_array_equal(error.view("delta"), error.view("u"))
    psi = np.exp(-net["h2"].view("v")) / (1 + np.exp(-net["h2"].view("v"))) ** 2
    np.testing.assert_allclose(hidden.view("delta"), hidden.view("u") * psi, rtol=1e-12, atol=1e-300)


def test_the_centred_rule_learns_without_the_mean(small, digits):
    """Against the products by hand: presynaptic spikes less their running means, and the bias as ever."""
    net = small(5, rate_average_steps=20, dtype="float64", gamma=0.0)
    net.stimulus.show_images(digits.train_images[:25], digits.train_labels[:25])
    net.run_steps(24)
    projection = next(p for p in net.projections if p.name == "h1_to_h2")
    W, b, h1, h2 = projection.W.copy(), projection.b.copy(), net["h1"], net["h2"]
    net.run_steps(1)
    p = 1 / (1 + np.exp(-h2.view("v")))
    g = -4e-2 * net["feedback_h2"].view("delta") * p * (1 - p)
    np.testing.assert_allclose(projection.W - W, (h1.view("s") - h1.view("m")) @ g.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b - b, g.sum(axis=1), rtol=0, atol=1e-12)
    assert 0.3 < h1.view("m").mean() < 0.7


def test_learning_rate_drops_after_the_epochs_named(model):
    params = model.params({"lr_milestones": (2, 3), "lr_divisor": 10.0})
    assert [model.lr_factor(params, epoch) for epoch in range(5)] == pytest.approx([1, 1, 0.1, 0.01, 0.01])
    assert model.lr_factor(model.params(), 100) == 1.0
