"""The model of Lansdell et al. 2020: what is published, what learns when, and what is refused."""

import numpy as np
import pytest

from spikefa.diagnostics import evaluation
from spikefa.errors import ModelError
from spikefa.experiments import model_file

# numpy has nothing to compile; the digests of `tests/frozen` have each model on numba, too.
DIGITS = {"sizes": (64, 30, 20, 10), "eta": 4e-3, "eta_feedback": 1e-3, "warm_up": 5, "target": "numpy"}


@pytest.fixture(scope="module")
def lansdell():
    return model_file.load("lansdell2020_np")


def test_values_of_the_paper(lansdell):
    params = lansdell.params()
    assert (params.sizes, params.units) == ((784, 50, 20, 10), ("logistic", "logistic", "linear"))
    assert (params.eta, params.eta_feedback, params.warm_up) == (4e-4, 5e-4, 1000)
    assert 1e-4 <= params.noise <= 1e-1


def moved(net, images, labels, steps):
    before = {p.name: p.W.copy() for p in net.projections}
    net.stimulus.show_images(images, labels)
    net.run_steps(steps)
    return {p.name for p in net.projections if not np.array_equal(p.W, before[p.name])}


@pytest.mark.parametrize(
    ("pathway", "feedback"),
    [
        ("node_perturbation_feedback", {"error_output_to_feedback_h2", "feedback_h2_to_feedback_h1"}),
        ("alignment", set()),
    ],
)
def test_feedback_weights_alone_learn_in_the_warm_up(lansdell, digits, pathway, feedback):
    net = lansdell.build(lansdell.params(DIGITS | {"pathway": pathway}), streams=32, seed=1)
    assert moved(net, digits.train_images[:160], digits.train_labels[:160], 5) == feedback
    after = moved(net, digits.train_images[160:192], digits.train_labels[160:192], 1)
    forward = {"image_to_h1", "h1_to_h2", "h2_to_output"}
    assert {name for name in after if "noisy" not in name} == forward | feedback


SMALL = DIGITS | {"sizes": (64, 12, 11, 10), "dtype": "float64"}


def test_matched_weights_approach_the_transposed_ones_by_the_decay(lansdell, digits):
    """The paper's "matched": B has the updates of W, and the same decay."""
    params = {"pathway": "kolen_pollack", "decay": 0.05, "warm_up": 2}
    net = lansdell.build(lansdell.params(SMALL | params), streams=8, seed=1)
    W, B = net["h2_to_output"], net["error_output_to_feedback_h2"]
    apart, before = W.W - B.W.T, W.W.copy()
    net.stimulus.show_images(digits.train_images[:80], digits.train_labels[:80])
    net.run_steps(10)
    np.testing.assert_allclose(W.W - B.W.T, 0.95**10 * apart, rtol=0, atol=1e-12)
    assert np.abs(W.W - 0.95**10 * before).max() > 1e-3  # it has learned


def autoencoder(lansdell, digits, streams, **changes):
    """A small one that has seen so many images, one step."""
    small = {"sizes": (64, 12, 2, 12, 64), "dtype": "float64", "target": "numpy"}
    net = lansdell.build(lansdell.params(small | changes, "autoencoder"), streams=streams, seed=0)
    images = digits.train_images[:streams]
    net.stimulus.show_images(images, images)
    return net


def test_the_autoencoder_gives_the_images_back(lansdell, digits):
    params = lansdell.params({}, "autoencoder")
    assert (params.sizes, params.units) == ((784, 200, 2, 200, 784), ("tanh", "linear", "tanh", "rectifier"))
    assert (params.eta, params.eta_feedback, params.noise, params.warm_up) == (1e-4, 8e-6, 0.0189, 0)
    assert lansdell.sizes(params, digits)["sizes"] == (64, 200, 2, 200, 64)
    prepared = lansdell.prepare(params, digits)
    np.testing.assert_array_equal(prepared.test_targets, digits.test_images)
    assert lansdell.prepare(lansdell.params(), digits) is digits


def test_noise_on_activations_while_learning_alone_and_not_in_the_derivative(lansdell, digits):
    net = autoencoder(lansdell, digits, 200, pathway="backprop", activation_noise=0.5)
    net.run_steps(1)
    h1 = net["h1"]
    noise = h1.view("y") - np.tanh(h1.view("I"))
    assert noise.std() == pytest.approx(0.5, rel=0.05)
    np.testing.assert_allclose(h1.psi[:], (1 - np.tanh(h1.view("I")) ** 2).ravel())
    assert (net["output"].view("y") == np.maximum(net["output"].view("I"), 0)).all()
    quiet = autoencoder(lansdell, digits, 200, pathway="backprop")
    for name in ("image_to_h1", "h1_to_h2", "h2_to_h3", "h3_to_output"):
        quiet[name].W, quiet[name].b = net[name].W, net[name].b
    images = digits.test_images[:10]
    np.testing.assert_array_equal(*(evaluation.predict(each, images, 1) for each in (net, quiet)))


def test_noise_on_the_input_and_not_on_the_targets(lansdell, digits):
    net = autoencoder(lansdell, digits, 200, pathway="backprop", input_noise=0.3)
    net.run_steps(1)
    shown = net["image"].view("x")
    np.testing.assert_allclose(shown, digits.train_images[:200].T)
    np.testing.assert_array_equal(net.error.view("target"), shown)
    assert (net["image"].view("y") - shown).std() == pytest.approx(0.3, rel=0.05)


def test_adam_moves_a_weight_by_its_rate_in_the_first_step(lansdell, digits):
    net = autoencoder(lansdell, digits, 20, optimizer="adam", eta=1e-3)
    W, B = net["h2_to_h3"], net["feedback_h3_to_feedback_h2"]
    before, feedback = W.W.copy(), B.W.copy()
    net.run_steps(1)
    np.testing.assert_allclose(np.abs(W.W - before), 1e-3, rtol=1e-3)
    assert 0 < np.abs(B.W - feedback).max() != pytest.approx(1e-3, rel=1e-3)  # which learns as ever


def test_feedback_weights_by_least_squares(lansdell, digits):
    params = SMALL | {"feedback_rule": "least_squares", "ridge": 0.7}
    net = lansdell.build(lansdell.params(params, "fixed"), streams=8, seed=1)
    learned = [net["error_output_to_feedback_h2"], net["feedback_h2_to_feedback_h1"]]
    assert all(np.array_equal(p.regression.gram, 0.7 * np.eye(p.pre.units)) for p in learned)
    assert moved(net, digits.train_images[:8], digits.train_labels[:8], 1) == {p.name for p in learned}


def test_backpropagation_moves_the_weights_down_the_gradient(lansdell, digits):
    """A small step lowers the loss of the same images by rate times squared gradient."""
    net = lansdell.build(
        lansdell.params(DIGITS | {"pathway": "backprop", "warm_up": 0, "eta": 1e-4, "dtype": "float64"}),
        streams=100,
        seed=1,
    )
    losses, before = [], [(p.W.copy(), p.b.copy()) for p in net.projections if p.learning]
    for _ in range(2):
        net.stimulus.show_images(digits.train_images[:100], digits.train_labels[:100])
        net.run_steps(1)
        losses.append(((net["output"].view("y") - net.error.view("target")) ** 2).sum() / 2)
        if len(losses) == 1:
            squares = sum(
                ((p.W - W) ** 2).sum() + ((p.b - b) ** 2).sum()
                for p, (W, b) in zip([p for p in net.projections if p.learning], before, strict=True)
            )
    assert (losses[0] - losses[1]) == pytest.approx(squares / 1e-4, rel=0.1)


def test_noise_reaches_the_copies_alone(lansdell, digits):
    """However strong it is, the layers' own answers are the same."""

    def rates(noise):
        net = lansdell.build(lansdell.params(DIGITS | {"noise": noise}), streams=20)
        net.stimulus.show_images(digits.train_images[:20], digits.train_labels[:20])
        net.run_steps(1)
        return [net[name].view("y") for name in ("h1", "output", "noisy_h1", "noisy_output")]

    weak, strong = rates(1e-3), rates(1.0)
    assert all(np.array_equal(one, other) for one, other in zip(weak[:2], strong[:2], strict=True))
    assert np.abs(weak[2] - weak[0]).std() < 1e-2 < 0.5 < np.abs(strong[2] - strong[0]).std()
    assert np.abs(strong[3] - strong[1]).max() > 10 * np.abs(weak[3] - weak[1]).max() > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (784, 10)}, "sizes must name an input, a hidden layer and an output, at least, got .*784, 10"),
        ({"units": ("logistic", "linear")}, "units must name 3 layers' units, those of sizes but the input, got .*"),
        ({"units": ("logistic", "step", "linear")}, "units must hold any of linear, .*, rectifier, got .*'step'"),
        (
            {"pathway": "none"},
            "pathway must be one of node_perturbation_feedback, alignment, .*, synthetic_gradients, or .*, got 'none'",
        ),
        ({"pathway": "kolen_pollack"}, "decay must be above 0 with kolen_pollack, .*, got 0.0"),
        (
            {"pathway": "alignment", "feedback_rule": "least_squares"},
            "feedback_rule must be sgd, unless .*",
        ),
        ({"optimizer": "adam", "decay": 0.1}, "decay must be 0 with adam, .*, got 0.1"),
        ({"activation_noise": 0.0}, "activation_noise must be above 0, .*got 0.0"),
        ({"warm_up": -1}, "warm_up must be at least 0, got -1"),
    ],
)
def test_bad_parameters_are_refused(lansdell, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'lansdell2020_np': {message}"):
        lansdell.build(lansdell.params(changes))
