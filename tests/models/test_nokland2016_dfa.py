"""models/nokland2016_dfa.py: every pathway against its formulas, starts from zero, the schedule, dropout."""

from itertools import pairwise

import numpy as np
import pytest

import spikefa as fa
from spikefa.diagnostics import evaluation
from spikefa.errors import ModelError
from spikefa.experiments import checkpoint, model_file
from spikefa.experiments.run import Run
from spikefa.experiments.training_config import TrainingConfig

PATHWAYS = ("backprop", "alignment", "direct", "indirect")
every_pathway = pytest.mark.parametrize("pathway", PATHWAYS)
SMALL = {
    "pixels": 64,
    "hidden": (12, 9, 7),
    "target": "numpy",
    "dtype": "float64",
    "rmsprop": None,
    "weights": "fan_in",
}


@pytest.fixture(scope="module")
def nokland():
    return model_file.load("nokland2016_dfa")


@pytest.fixture
def make(nokland):
    def make(streams=6, seed=1, preset=None, **changes):
        return nokland.build(nokland.params(SMALL | changes, preset), streams=streams, seed=seed)

    return make


def forward(net):
    return [p for p in net.projections if p.post in net.layers]


def learn(net, digits, steps, start=0):
    count = steps * net.streams
    net.stimulus.show_images(digits.train_images[start : start + count], digits.train_labels[start : start + count])
    net.run_steps(steps)


def cross_entropy(net, digits, count=240):
    """Of the training images as the network now answers them."""
    W, b = zip(*((p.W, p.b) for p in forward(net)), strict=True)
    y = digits.train_images[:count].astype(float)
    for w, bias in zip(W[:-1], b[:-1], strict=True):
        y = np.tanh(y @ w + bias)
    y = y @ W[-1] + b[-1]
    y -= y.max(axis=1, keepdims=True)
    return -np.mean((y - np.log(np.exp(y).sum(axis=1, keepdims=True)))[np.arange(count), digits.train_labels[:count]])


def test_published_networks(nokland):
    for preset, sizes, units, output in (
        ("slides_small", (784, 100, 10), "logistic", "softmax"),
        ("slides_large", (784, 200, 100, 10), "tanh", "softmax"),
        ("nokland", (784, 800, 800, 10), "tanh", "logistic"),
    ):
        params = nokland.params(preset=preset)
        net = nokland.build(params, streams=2)
        assert [p.shape for p in forward(net)] == list(pairwise(sizes))
        assert (params.units, params.output_unit, params.pathway) == (units, output, "direct")
        B = [p.W for p in net.projections if p not in forward(net)]
        if preset == "nokland":
            rules = [p.learning.plasticity for p in forward(net)]
            assert all((rule.lr, rule.optimizer) == (1e-4, fa.RMSprop(0.99)) for rule in rules)
            assert all((p.W == 0).all() for p in forward(net))
            aligned = nokland.build(nokland.params(preset="nokland_fa"))
            B += [p.W for p in aligned.projections if p not in forward(aligned)]
            assert len(B) == 4 and all(0.95 / 800**0.5 < abs(w).max() <= 1 / 800**0.5 for w in B)
        else:
            assert (params.eta, params.rmsprop, params.momentum) == (0.5, None, None)
            for w in (*B, *(p.W for p in forward(net))):
                assert 0.3 < abs(w).max() <= 0.4  # two standard deviations of .2
                assert abs(w.std() - 0.2 * 0.8796) < 5 * 0.2 / w.size**0.5


@every_pathway
@pytest.mark.parametrize(("units", "output_unit"), [("tanh", "softmax"), ("logistic", "logistic")])
def test_one_update_is_the_formula(make, digits, pathway, units, output_unit):
    """Weights and biases, averaged over the batch, with momentum in the second step."""
    net = make(pathway=pathway, units=units, output_unit=output_unit, eta=0.3, momentum=0.5)
    streams = net.streams
    W = [p.W.copy() for p in forward(net)]
    b = [p.b.copy() for p in forward(net)]
    fixed = {p.post.layer.name: p.W.copy() for p in net.projections if p.post not in net.layers}
    moved = [np.zeros_like(w) for w in (*W, *b)]
    learn(net, digits, 2)
    f, derivative = {
        "tanh": (np.tanh, lambda y: 1 - y**2),
        "logistic": (lambda a: 1 / (1 + np.exp(-a)), lambda y: y * (1 - y)),
    }[units]
    for step in range(2):
        batch = slice(step * streams, (step + 1) * streams)
        y = [digits.train_images[batch].astype(float)]
        for w, bias in zip(W[:-1], b[:-1], strict=True):
            y.append(f(y[-1] @ w + bias))
        a = y[-1] @ W[-1] + b[-1]
        softmax = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
        out = softmax if output_unit == "softmax" else 1 / (1 + np.exp(-a))
        e = out - np.eye(10)[digits.train_labels[batch]]
        delta = {4: e}
        for layer in (3, 2, 1):
            if pathway == "backprop":
                delta[layer] = delta[layer + 1] @ W[layer].T * derivative(y[layer])
            elif pathway == "alignment":
                delta[layer] = delta[layer + 1] @ fixed[f"h{layer}"] * derivative(y[layer])
            elif pathway == "direct":
                delta[layer] = e @ fixed[f"h{layer}"] * derivative(y[layer])
        if pathway == "indirect":
            delta[1] = e @ fixed["h1"] * derivative(y[1])
            for layer in (2, 3):
                delta[layer] = delta[layer - 1] @ W[layer - 1] * derivative(y[layer])
        gradients = [y[layer - 1].T @ delta[layer] for layer in (1, 2, 3, 4)]
        gradients += [delta[layer].sum(axis=0) for layer in (1, 2, 3, 4)]
        moved = [0.5 * v - 0.3 / streams * g for v, g in zip(moved, gradients, strict=True)]
        W = [w + v for w, v in zip(W, moved[:4], strict=True)]
        b = [w + v for w, v in zip(b, moved[4:], strict=True)]
    for projection, w, bias in zip(forward(net), W, b, strict=True):
        np.testing.assert_allclose(projection.W, w, rtol=0, atol=1e-12)
        np.testing.assert_allclose(projection.b, bias, rtol=0, atol=1e-12)


@every_pathway
@pytest.mark.parametrize("layers", [1, 4])
def test_the_loss_falls(make, digits, pathway, layers):
    net = make(40, pathway=pathway, hidden=(30,) * layers, output_unit="softmax", eta=0.2, momentum=0.9)
    before = cross_entropy(net, digits)
    learn(net, digits, 35)
    assert cross_entropy(net, digits) < before - 0.25


@pytest.mark.parametrize(
    ("pathway", "hidden", "learns"),
    [
        ("direct", (30, 20), True),
        ("alignment", (30, 20), True),
        ("alignment", (20,), True),
        ("indirect", (20,), True),
        ("backprop", (30, 20), False),
        ("backprop", (20,), False),
        ("indirect", (30, 20), False),
    ],
)
def test_starts_from_zero(make, digits, pathway, hidden, learns):
    """With tanh units: no signal comes through weights of zero. What is stuck moves the output's biases alone."""
    net = make(40, pathway=pathway, hidden=hidden, weights="zero", output_unit="softmax", eta=0.3, momentum=0.9)
    learn(net, digits, 35)
    moved = [bool(np.any(p.W)) for p in forward(net)]
    if learns:
        assert all(moved) and cross_entropy(net, digits) < 1.7
    else:  # in indirect, the first layer receives the error, but no signal reaches the second
        assert moved == ([True] + [False] * (len(hidden)) if pathway == "indirect" else [False] * len(moved))
        assert cross_entropy(net, digits) > 2.2
        assert forward(net)[-1].b.any()


def test_backpropagation_from_zero_with_logistic_units_keeps_them_alike(make, digits):
    """Their rate of one half lets the output weights learn, but all units of a layer stay the same unit."""
    net = make(40, pathway="backprop", hidden=(20,), units="logistic", weights="zero", eta=0.3)
    learn(net, digits, 12)
    W, V = (p.W for p in forward(net))
    assert W.any() and V.any()
    assert abs(W - W[:, :1]).max() < 1e-12 and abs(V - V[:1]).max() < 1e-12


def test_with_one_hidden_layer_the_three_with_feedback_weights_are_one(make, digits):
    weights = []
    for pathway in PATHWAYS[1:]:
        net = make(pathway=pathway, hidden=(9,), feedback="truncated")
        learn(net, digits, 3)
        weights.append([p.W for p in net.projections])
    for other in weights[1:]:
        assert all(np.array_equal(*pair) for pair in zip(weights[0], other, strict=True))


@pytest.mark.parametrize("streams", [1, 6])
def test_the_slides_decay_subtracts_a_constant_in_every_step(make, digits, streams):
    """From all weights and biases, whatever the streams: two steps, the second from where plain weights were put."""
    plain, decaying = make(streams), make(streams, subtracted=0.02)
    for step in range(2):
        for one, other in zip(forward(plain), forward(decaying), strict=True):
            other.W, other.b = one.W, one.b
        for net in (plain, decaying):
            learn(net, digits, 1, start=step * streams)
        for one, other in zip(forward(plain), forward(decaying), strict=True):
            np.testing.assert_allclose(other.W, one.W - 0.02, rtol=0, atol=1e-12)
            np.testing.assert_allclose(other.b, one.b - 0.02, rtol=0, atol=1e-12)


def test_rmsprop_goes_on_bit_for_bit_from_a_checkpoint(make, digits, tmp_path):
    changes = {"weights": "zero", "rmsprop": 0.9, "eta": 1e-2, "pathway": "direct", "dtype": "float32"}
    whole, resumed = make(20, **changes), make(20, **changes)
    learn(whole, digits, 4)
    checkpoint.save(tmp_path / "c.h5", whole, {}, "")
    checkpoint.load(tmp_path / "c.h5", resumed)
    for net in (whole, resumed):
        learn(net, digits, 3, start=80)
    for name, array in whole.parameters().items():
        assert np.array_equal(array, resumed.parameters()[name]), name
    assert np.ptp(forward(whole)[0].W) > 1e-2 and whole.parameters()["image_to_h1.square"].any()


def test_layers_take_turns(nokland, digits, tmp_path):
    params = nokland.params(SMALL | {"hidden": (12, 9), "layerwise_epochs": 2})
    names = ["image_to_h1", "h1_to_h2", "h2_to_output"]
    turns = [[nokland.lr_factor(params, epoch)[name] for name in names] for epoch in range(7)]
    assert np.argmax(turns, axis=1).tolist() == [0, 0, 1, 1, 2, 2, 0] and np.sum(turns) == 7
    assert nokland.lr_factor(nokland.params(), 3) == 1.0
    falling = nokland.params({"lr_milestones": (2, 4), "lr_divisor": 2.0})
    assert [nokland.lr_factor(falling, epoch) for epoch in range(6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    both = nokland.params(SMALL | {"hidden": (12, 9), "layerwise_epochs": 1, "lr_milestones": (1,)})
    assert nokland.lr_factor(both, 1) == {"image_to_h1": 0.0, "h1_to_h2": 0.1, "h2_to_output": 0.0}
    changes = {"hidden": (12, 9), "layerwise_epochs": 1, "rmsprop": None, "momentum": 0.9, "gamma": 1e-3}
    params = nokland.params(SMALL | changes)
    run = Run(
        tmp_path / "run", nokland, params, 100, 0, TrainingConfig(epochs=2, record_activity=False), "digits", None, 0
    )
    run.create()
    trainer = run.trainer()
    weights = []
    trainer.on_row = lambda row: weights.append([p.W.copy() for p in forward(trainer.network)])
    trainer.run()
    moved = [[not np.array_equal(*pair) for pair in zip(*two, strict=True)] for two in pairwise(weights)]
    assert moved == [[True, False, False], [False, True, False]]


def test_dropout_silences_hidden_units_in_training_alone(make, digits):
    net = make(50, hidden=(40, 30), dropout=0.5, dropout_input=0.1, eta=0.0)
    learn(net, digits, 1)
    x, seen = net["image"].view("x"), net["image"].view("y")
    assert np.array_equal(x.T * 1.0, digits.train_images[:50].astype(x.dtype))
    assert 0.05 < np.mean(seen[x > 0] == 0) < 0.15
    np.testing.assert_allclose(seen[seen > 0], x[seen > 0] / 0.9)
    y = net["h1"].view("y")
    silent = y == 0
    assert 0.4 < silent.mean() < 0.6 and (net["h1"].view("delta")[silent] == 0).all()
    np.testing.assert_allclose(y[~silent], 2 * np.tanh(net["h1"].view("I"))[~silent])
    whole = make(50, hidden=(40, 30), eta=0.0)
    images = digits.test_images[:100]
    assert np.array_equal(evaluation.predict(net, images, 1), evaluation.predict(whole, images, 1))
    assert net["h1"].variables["drop"].get_value() == 0.5 and net["image"].variables["drop"].get_value() == 0.1


def test_a_trained_network_has_all_its_units(nokland, digits, tmp_path):
    """It is looked into as it is tested: without dropout."""
    params = nokland.params(SMALL | {"hidden": (40, 30), "dropout": 0.5, "dropout_input": 0.1})
    run = Run(
        tmp_path / "run", nokland, params, 20, 0, TrainingConfig(epochs=1, record_activity=False), "digits", None, 0
    )
    run.create()
    run.trainer().run()
    net = run.trained_network(streams=50)
    net.learns = False
    learn(net, digits, 1)
    answers = net["output"].view("y").argmax(axis=0)
    assert (net["h1"].view("kept") == 1).all() and (net["image"].view("x") == net["image"].view("y")).all()
    assert np.array_equal(answers, evaluation.predict(net, digits.train_images[:50], 1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": "relu"}, "units must be one of tanh, logistic, got 'relu'"),
        ({"output_unit": "linear"}, "output_unit must be one of logistic, softmax, got 'linear'"),
        ({"pathway": "bp"}, "pathway must be one of backprop, alignment, direct, indirect, or .*, got 'bp'"),
        ({"weights": "one"}, "weights must be one of zero, fan_in, truncated, got 'one'"),
        ({"feedback": "zero"}, "feedback must be one of fan_in, truncated, got 'zero'"),
        ({"hidden": ()}, r"hidden must name at least one hidden layer, got \(\)"),
        ({"spread": 0.0}, "spread must be above 0, got 0.0"),
        ({"dropout": 1.0}, "dropout must be above 0 and below 1, or None, got 1.0"),
        ({"dropout_input": -0.1}, "dropout_input must be above 0 and below 1, or None, got -0.1"),
        ({"layerwise_epochs": -1}, "layerwise_epochs must be a positive whole number, or None, got -1"),
        ({"lr_divisor": 0.0}, "lr_divisor must be above 0, got 0.0"),
        ({"eta": -0.1}, "eta must be at least 0, got -0.1"),
        ({"gamma": 1.0}, "gamma must be at least 0 and below 1, got 1.0"),
        ({"lr_milestones": (3, -1)}, r"lr_milestones must hold whole numbers, each at least 0, got \(3, -1\)"),
        ({"momentum": 0.5, "rmsprop": 0.9}, "momentum must be None with rmsprop, got 0.5"),
        ({"subtracted": 1e-4, "rmsprop": 0.9}, "subtracted must be None with rmsprop, .* got 0.0001"),
    ],
)
def test_bad_parameters_are_refused(make, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'nokland2016_dfa': {message}"):
        make(**changes)
