"""The rate networks' model file: every preset, every pathway, and its steps against formulas written by hand."""

import re

import numpy as np
import pytest

import spikefa as fa
from spikefa import datasets
from spikefa.core.sandbox import sandboxed
from spikefa.datasets import Dataset, synthetic
from spikefa.diagnostics import evaluation
from spikefa.errors import ModelError
from spikefa.experiments import model_file

SMALL = {"sizes": (6, 5, 4, 3), "classes": 3, "dtype": "float64", "target": "numpy", "weight_range": 0.6}
LINEAR = {
    "sizes": (10, 8, 4),
    "classes": None,
    "units": "tanh",
    "output_unit": "linear",
    "weight_range": 0.3,
    "feedback_range": 0.5,
    "gamma": 0.0,
    "eta": 4e-3,
    "dtype": "float64",
    "target": "numpy",
}


@pytest.fixture(scope="module")
def rate():
    return model_file.load("lillicrap2016_rate")


@pytest.fixture
def build(rate):
    def made(streams=1, seed=0, preset=None, **changes):
        return rate.build(rate.params(changes, preset), streams=streams, seed=seed)

    return made


def forward(net):
    return [p for p in net.projections if p.post in net.layers]


def backward(net):
    return [p for p in net.projections if p.post not in net.layers]


def examples(params, rng, count):
    """A data set of `count` examples with the input and output of a network."""
    first, last = params.sizes[0], params.sizes[-1]
    side = int(first**0.5)
    shape = (side, side) if side**2 == first else (1, first)
    images = rng.integers(0, 256, (count, first), np.uint8)
    if params.classes:
        labels = rng.integers(0, params.classes, count)
        return Dataset("some", images, labels, images, labels, shape, params.classes)
    if params.autoencode:
        return Dataset("some", images, np.zeros(count, int), images, np.zeros(count, int), shape, 1)
    x, y = rng.standard_normal((count, first)), rng.standard_normal((count, last))
    return datasets.regression("some", x, y, x, y)


def smaller(params):
    """The changes that make a preset small."""
    first, *hidden, last = params.sizes
    if first < 100:
        return {"sizes": (first, *(min(units, 9) for units in hidden), last)}
    field = 6 if params.maps else params.receptive_field_side
    hidden = [9 + number % 2 for number in range(len(hidden))]
    if params.maps:
        hidden[0] = params.maps * 9
    return {"sizes": (64, *hidden, 64 if params.autoencode else last), "receptive_field_side": field}


# What the file states.


def test_published_values(rate):
    params = rate.params()
    assert params.sizes == (784, 1000, 10) and params.units == params.output_unit == "logistic"
    assert (params.eta, params.gamma, params.target_low, params.target_high) == (1e-3, 1e-6, 0, 1)
    assert rate.params(preset="fig3") == params
    half = rate.params(preset="fig3_half")
    assert half.connection_probability == half.feedback_connection_probability == 0.5
    fig2 = rate.params(preset="fig2")
    assert fig2.sizes == (30, 20, 10) and (fig2.weight_range, fig2.feedback_range) == (0.01, 0.5)
    note5 = rate.params(preset="note5")
    assert note5.sizes == (784, 1500, 1500, 1500, 10) and note5.units == note5.output_unit == "tanh"
    assert (note5.eta, note5.gamma, note5.target_low, note5.target_high) == (1e-2, 1e-6, -0.9, 0.9)
    assert rate.params(preset="note5_deep").sizes == (784, *[1000] * 10, 10)
    assert rate.params(preset="timit").sizes == (39, 1000, 1000, 1000, 6)
    assert rate.params(preset="fig3d_4").sizes == (30, 20, 10, 10)


def test_every_preset_learns_on_small_networks(rate, rng):
    for preset in rate.presets:
        params = rate.params(preset=preset)
        params = rate.params({**smaller(params), "target": "numpy"}, preset)
        data = rate.prepare(params, examples(params, rng, 16))
        net = rate.build(params, streams=4, seed=1)
        before = [p.W.copy() for p in net.projections]
        images = data.train_images
        if params.distort:
            images = data.scaled(rate.augmentation(params)(data.as_loaded(images), rng))
        net.stimulus.show_images(images, data.answers("train", net.readout.classes))
        net.run_steps(4)
        for projection, W in zip(net.projections, before, strict=True):
            assert np.isfinite(projection.W).all(), preset
            fixed = projection in backward(net) and not isinstance(projection, fa.TiedProjection)
            assert np.array_equal(projection.W, W) == fixed, (preset, projection.title)


@pytest.mark.parametrize("preset", ["note5_local", "note5_distortions", "svhn_local", "svhn_leaky"])
def test_presets_with_maps_fit_their_images(rate, preset):
    params = rate.params(preset=preset)
    mask = fa.local_receptive_fields(*[int(params.sizes[0] ** 0.5)] * 2, params.receptive_field_side, 1, params.maps)
    assert mask.shape == params.sizes[:2]


# The updates.


def values(kind, v):
    """Output and derivative of the units, by hand."""
    if kind == "tanh":
        return np.tanh(v), 1 / np.cosh(v) ** 2
    if kind == "logistic":
        return 1 / (1 + np.exp(-v)), np.exp(-v) / (1 + np.exp(-v)) ** 2
    if kind == "leaky":
        return np.where(v > 0, v, v / 20), np.where(v > 0, 1, 1 / 20)
    return v, np.ones_like(v)


def by_hand(net, params, x, targets, sends_derivative):
    """Weights and biases after one step from those of a network."""
    W, b = [p.W for p in forward(net)], [p.b for p in forward(net)]
    B = {p.post.layer.name: p.W for p in backward(net)}
    kinds = [params.units] * (len(W) - 1) + [params.output_unit]
    y, slopes = [x], []
    for weights, biases, kind in zip(W, b, kinds, strict=True):
        rates, slope = values(kind, y[-1] @ weights + biases)
        y.append(rates)
        slopes.append(slope)
    error = y[-1] - targets
    deltas = [error * slopes[-1]]
    down = deltas[0] if sends_derivative else error
    gated = params.gated or params.pathway != "alignment"
    for layer, slope in zip(net.hidden[::-1], slopes[-2::-1], strict=True):
        received = (error if params.pathway == "direct" else down) @ B[layer.name]
        deltas.insert(0, received * slope)
        down = deltas[0] if gated else received
    eta = params.eta / (len(x) if params.mean_over_streams else 1)
    return [
        (w - eta * below.T @ delta - params.gamma * w, c - eta * delta.sum(axis=0) - params.gamma * c)
        for w, c, below, delta in zip(W, b, y, deltas, strict=False)
    ]


@pytest.mark.parametrize(
    ("pathway", "units", "output_unit", "streams", "mean"),
    [
        ("alignment", "tanh", "tanh", 4, True),
        ("alignment", "leaky", "logistic", 3, False),
        ("gated alignment", "logistic", "tanh", 2, False),
        ("direct", "logistic", "tanh", 1, False),
        ("backprop", "linear", "linear", 2, True),
        ("backprop", "logistic", "logistic", 5, False),
        ("backprop", "leaky", "tanh", 5, True),
    ],
)
@pytest.mark.parametrize("classes", [None, 3])
def test_one_step_equals_the_formula(build, rate, rng, pathway, units, output_unit, streams, mean, classes):
    changes = SMALL | {
        "pathway": pathway.removeprefix("gated "),
        "gated": pathway.startswith("gated"),
        "units": units,
        "output_unit": output_unit,
        "mean_over_streams": mean,
        "eta": 0.2,
        "gamma": 1e-3,
        "classes": classes,
        "target_low": -0.9,
        "target_high": 0.8,
    }
    net = build(streams, **changes)
    for projection in forward(net):
        projection.b = rng.uniform(-0.3, 0.3, projection.b.shape)
    x = rng.random((streams, 6))
    labels, target_values = rng.integers(0, 3, streams), rng.normal(size=(streams, 3))
    targets = np.where(np.arange(3) == labels[:, None], 0.8, -0.9) if classes else target_values
    expected = by_hand(net, rate.params(changes), x, targets, pathway == "backprop")
    net.stimulus.show_images(x, labels if classes else target_values)
    net.run_steps(1)
    for projection, (W, b) in zip(forward(net), expected, strict=True):
        np.testing.assert_allclose(projection.W, W, rtol=1e-12, atol=1e-14, err_msg=projection.title)
        np.testing.assert_allclose(projection.b, b, rtol=1e-12, atol=1e-14, err_msg=projection.title)


def test_error_comes_down_through_the_feedback_weights_alone(build, rng):
    """What each hidden layer receives is e @ B_2 @ B_1, as published: no derivative on the way."""
    net = build(7, **SMALL | {"units": "tanh"})
    net.stimulus.show_images(rng.random((7, 6)), rng.integers(0, 3, 7))
    net.run_steps(1)
    e = np.asarray(net.error.get_states(["err"], units=False)["err"]).reshape(3, 7)
    to_h2, to_h1 = (net[f"{pre}_to_feedback_{post}"].W for pre, post in (("error_output", "h2"), ("feedback_h2", "h1")))
    np.testing.assert_allclose(net["feedback_h1"].view("J"), ((e.T @ to_h2) @ to_h1).T, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("weighting", ["window", "none"])
def test_modulators_are_weighted_roughly_and_biases_may_be_absent(build, rng, weighting):
    net = build(
        9,
        **SMALL
        | {"units": "tanh", "weighting": weighting, "biases": False, "weight_range": 3.0, "eta": 0.2, "gamma": 0},
    )
    x, before = rng.random((9, 6)), forward(net)[0].W.copy()
    net.stimulus.show_images(x, rng.integers(0, 3, 9))
    net.run_steps(1)
    received, v = net["feedback_h1"].view("J").T, x @ before
    weights = np.abs(v) < 0.88 if weighting == "window" else np.ones_like(v)
    assert 0 < (np.abs(v) < 0.88).mean() < 1
    expected = before - 0.2 * x.T @ (received * weights)
    np.testing.assert_allclose(forward(net)[0].W, expected, rtol=1e-12, atol=1e-14)
    assert not any(projection.b.any() for projection in forward(net))


def test_alignment_may_send_the_derivative_and_momentum_adds_up(build, rate, rng):
    changes = SMALL | {"derivative_sent": True, "momentum": 0.5, "eta": 0.3, "gamma": 0.0, "classes": None}
    net = build(2, **changes)
    x, targets = rng.random((2, 6)), rng.normal(size=(2, 3))
    start = [p.W.copy() for p in forward(net)]
    first = by_hand(net, rate.params(changes), x, targets, True)
    net.stimulus.show_images(np.tile(x, (2, 1)), np.tile(targets, (2, 1)))
    net.run_steps(1)
    plain = by_hand(net, rate.params(changes), x, targets, True)
    net.run_steps(1)
    for projection, before, (one, _), (two, _) in zip(forward(net), start, first, plain, strict=True):
        np.testing.assert_allclose(projection.W, two + 0.5 * (one - before), rtol=1e-11, atol=1e-13)


def test_targets_are_mapped_with_classes_and_not_without(build):
    for classes, shown, expected in (
        (3, np.array([2]), (-0.9, -0.9, 0.9)),
        (None, np.array([[3.0, 0, -2]]), (3, 0, -2)),
    ):
        net = build(**SMALL | {"classes": classes, "target_low": -0.9, "target_high": 0.9})
        net.stimulus.show_images(np.zeros((1, 6)), shown)
        net.run_steps(1)
        error = np.asarray(net.error.get_states(["err"], units=False)["err"])
        np.testing.assert_allclose(net["output"].view("y")[:, 0] - error, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("pathway", "changes"),
    [
        ("alignment", {}),
        ("backprop", {}),
        ("output_only", {}),
        ("node_perturbation", {"eta": 2e-3}),
        ("pseudobackprop", {"eta": 1e-3, "weight_range": 1.0}),
        ("direct", {}),
        ("indirect", {}),
        ("sign_symmetric", {}),
    ],
)
def test_every_pathway_reduces_the_error(build, pathway, changes):
    task = synthetic.linear(10, 4, train=2000, test=200)
    net = build(20, **LINEAR | {"pathway": pathway} | changes)
    hidden = forward(net)[0].W.copy()

    def error():
        return evaluation.error(net, task.test_images, task.test_targets, 1)

    before = error()
    net.stimulus.show_images(task.train_images, task.train_targets)
    net.run_steps(100)
    assert error() < 0.8 * before
    assert np.array_equal(hidden, forward(net)[0].W) == (pathway == "output_only")


# Options.


def test_masks_are_drawn_and_stay(build, rng):
    net = build(
        4,
        **SMALL
        | {"sizes": (20, 30, 25, 3), "connection_probability": 0.5, "eta": 0.1, "feedback_connection_probability": 0.4},
    )
    absent = [p.W == 0 for p in net.projections]
    for projection, zero in zip(net.projections, absent, strict=True):
        kept = 0.5 if projection in forward(net) else 0.4
        assert abs(1 - zero.mean() - kept) < 4 * np.sqrt(kept * (1 - kept) / zero.size)
    net.stimulus.show_images(rng.random((40, 20)), rng.integers(0, 3, 40))
    net.run_steps(10)
    for projection, zero in zip(net.projections, absent, strict=True):
        assert np.array_equal(projection.W == 0, zero)


def test_maps_are_local_receptive_fields_with_weights_of_their_own(build, rng):
    net = build(4, **SMALL | {"sizes": (25, 18, 3), "maps": 2, "receptive_field_side": 3, "scaled": True, "eta": 0.1})
    first = net["image_to_h1"]
    patches = fa.local_receptive_fields(5, 5, 3, 1, 2)
    assert np.array_equal(first.mask, patches) and np.abs(first.W).max() <= 0.6 / 3
    net.stimulus.show_images(rng.random((40, 25)), rng.integers(0, 3, 40))
    net.run_steps(10)
    assert not first.W[~patches].any() and len(np.unique(first.W[patches])) == patches.sum()


def test_ranges_are_scaled_by_a_units_synapses(build):
    net = build(
        sizes=(400, 100, 50, 10), scaled=True, weight_range=1.0, feedback_range=2.0, connection_probability=0.25
    )
    for projection in net.projections:
        limit = 1 / (0.25 * projection.shape[0]) ** 0.5 if projection.learning else 2 / projection.shape[0] ** 0.5
        assert 0.95 * limit < np.abs(projection.W).max() <= limit


def test_dropout_silences_units_in_learning_and_keeps_the_mean(build, rng):
    net = build(500, **SMALL | {"units": "logistic", "dropout": 0.3, "eta": 0.0, "gamma": 0.0})
    x = np.tile(rng.random(6), (500, 1))
    net.stimulus.show_images(np.tile(x, (4, 1)), np.zeros(2000, int))
    silent, sums = [], np.zeros(5)
    for _ in range(4):
        net.run_steps(1)
        y, r, kept = (net["h1"].view(name) for name in ("y", "r", "kept"))
        silent.append(y == 0)
        np.testing.assert_allclose(y, np.where(y == 0, 0, r / 0.7), rtol=1e-12)
        slope = np.where(y == 0, 0, r * (1 - r) / 0.7)
        psi = np.asarray(net["h1"].get_states(["psi"], units=False)["psi"])
        np.testing.assert_allclose(psi, slope.ravel(), rtol=1e-12, atol=1e-15)
        assert set(np.unique(kept)) == {0, 1 / 0.7}
        sums += y.mean(axis=1)
    assert abs(np.mean(silent) - 0.3) < 4 * np.sqrt(0.21 / 10000)
    np.testing.assert_allclose(sums / 4, r[:, 0], rtol=0.06)  # 0.7 has a spread of 1.5 % over 2,000 draws
    assert not np.array_equal(silent[0], silent[1])


def test_dropout_is_off_in_evaluation_and_on_again_afterwards(build, rng):
    changes = SMALL | {"sizes": (6, 20, 20, 3), "eta": 0.1}
    net, plain = build(5, **changes | {"dropout": 0.5}), build(5, **changes)
    images, labels = rng.random((20, 6)), rng.integers(0, 3, 20)
    net.stimulus.show_images(images, labels)
    net.run_steps(2)
    for mine, theirs in zip(forward(plain), forward(net), strict=True):
        mine.W, mine.b = theirs.W, theirs.b
    outputs = {}
    for name, network in (("dropping", net), ("plain", plain)):
        with sandboxed(network, "recording"):
            network.stimulus.show_images(images, labels)
            network.run_steps(1)
            outputs[name] = network["output"].view("y").copy()
    assert np.array_equal(outputs["dropping"], outputs["plain"])
    assert np.array_equal(evaluation.predict(net, images, 1), evaluation.predict(plain, images, 1))
    net.run_steps(1)
    assert 0.3 < np.mean(net["h1"].view("y") == 0) < 0.7


def test_frozen_layers_do_not_move(build, rng):
    net = build(2, **SMALL | {"frozen": (1, 3)})
    before = [(p.W.copy(), p.b.copy()) for p in forward(net)]
    net.stimulus.show_images(rng.random((8, 6)), rng.integers(0, 3, 8))
    net.run_steps(4)
    moved = [not np.array_equal(p.W, W) for p, (W, b) in zip(forward(net), before, strict=True)]
    assert moved == [False, True, False]


def test_schedule(rate):
    params = rate.params({"lr_milestones": (2, 3), "lr_divisor": 10})
    assert [rate.lr_factor(params, epoch) for epoch in range(5)] == pytest.approx([1, 1, 0.1, 0.01, 0.01])
    assert rate.lr_factor(rate.params(), 1000) == 1


def test_prepare(rate, digits, rng):
    def prepared(**changes):
        return rate.prepare(rate.params(changes), digits)

    assert prepared() is digits
    one = prepared(standardise=True)
    varies = one.train_images.std(axis=0) > 0
    np.testing.assert_allclose(one.train_images.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(one.train_images.std(axis=0)[varies], 1, rtol=1e-4)
    both = prepared(standardise=True, autoencode=True, classes=None, target_low=-0.9, target_high=0.9)
    np.testing.assert_allclose(both.test_targets, 1.8 * digits.test_images - 0.9, atol=1e-6)
    np.testing.assert_array_equal(both.train_images, one.train_images)


def test_augment_distorts_only_where_asked(rate, rng):
    images = rng.integers(0, 256, (3, 64), np.uint8)
    assert rate.augmentation(rate.params({"sizes": (64, 10, 10)}))(images, rng) is images
    distort = rate.augmentation(rate.params({"sizes": (64, 10, 10), "distort": True}))
    one, same = (distort(images, np.random.default_rng(0)) for _ in range(2))
    assert one.shape == images.shape and np.array_equal(one, same) and (one != images).any()


# What is refused.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": "relu"}, "units must be one of linear, tanh, logistic, leaky, got 'relu'"),
        ({"output_unit": "softmax"}, "output_unit must be one of linear, .*, got 'softmax'"),
        ({"pathway": "back"}, "pathway must be one of alignment, backprop, .*, got 'back'"),
        ({"sizes": (784,)}, "sizes must name at least an input and an output, got (784,)"),
        ({"connection_probability": 0.0}, "connection_probability must be above 0 and at most 1, got 0.0"),
        ({"feedback_range": -1.0}, "feedback_range must be at least 0, got -1.0"),
        (
            {"feedback_connection_probability": 1.5},
            "feedback_connection_probability must be above 0 and at most 1, got 1.5",
        ),
        ({"dropout": 1.0}, "dropout must be above 0 and below 1, or None, got 1.0"),
        ({"target_low": 1.0}, "target_low must be below target_high, 1.0, got 1.0"),
        ({"lr_divisor": 0.0}, "lr_divisor must be above 0, got 0.0"),
        ({"eta": -0.1}, "eta must be at least 0, got -0.1"),
        ({"gamma": -1.0}, "gamma must be at least 0 and below 1, got -1.0"),
        ({"noise": 0.0}, "noise must be above 0, got 0.0"),
        ({"lr_milestones": (-1,)}, "lr_milestones must hold whole numbers, each at least 0, got (-1,)"),
        ({"distort": True, "distort_sigma": 0.0}, "distort_sigma must be above 0, got 0.0"),
        ({"distort_alpha": -1.0}, "distort_alpha must be at least 0, got -1.0"),
        ({"maps": -1}, "maps must be a positive whole number, or None, got -1"),
        ({"autoencode": True}, "classes must be None with autoencode, whose targets are the images, got 10"),
        ({"turns": (0, 3)}, "turns must hold positive whole numbers, got (0, 3)"),
        ({"turns": (2,), "pathway": "output_only"}, "turns must be empty with output_only, .*, got (2,)"),
        (
            {"weighting": "none", "pathway": "backprop"},
            "weighting must be 'derivative' but in alignment that is not gated",
        ),
        ({"frozen": (3,)}, "frozen must hold numbers from 1 to 2, the forward projections, got (3,)"),
        ({"maps": 6}, "sizes must have 3174 units in the first hidden layer, for 6 maps, got (784, 1000, 10)"),
        ({"maps": 6, "receptive_field_side": 29}, "receptive_field_side must fit the image of 28 x 28 pixels, got 29"),
        (
            {"maps": 6, "connection_probability": 0.5},
            "connection_probability must be 1 with maps, which have a mask of their own, got 0.5",
        ),
        ({"maps": 6, "sizes": (784, 10)}, "sizes must have a hidden layer for the maps, got (784, 10)"),
        ({"distort": True, "sizes": (30, 10)}, "sizes must begin with the pixels of a square image"),
    ],
)
def test_bad_parameters_are_refused(build, changes, message):
    pattern = "Model 'lillicrap2016_rate': " + re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(ModelError, match=pattern):
        build(**changes)


def test_unknown_parameters_are_refused(rate):
    with pytest.raises(ModelError, match="no parameter 'hidden'; there are sizes, units"):
        rate.params({"hidden": (3,)})
