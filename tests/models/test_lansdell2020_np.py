"""The model of Lansdell et al. 2020: what is published, what learns when, and what is refused."""

import numpy as np
import pytest

from spikefa.errors import ModelError
from spikefa.experiments import model_file

DIGITS = {"sizes": (64, 30, 20, 10), "eta": 4e-3, "eta_feedback": 1e-3, "warm_up": 5}


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


SMALL = DIGITS | {"sizes": (64, 12, 11, 10), "dtype": "float64", "target": "numpy"}


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
            "pathway must be one of node_perturbation_feedback, alignment, backprop, kolen_pollack, or .*, got 'none'",
        ),
        ({"pathway": "kolen_pollack"}, "decay must be above 0 with kolen_pollack, .*, got 0.0"),
        (
            {"pathway": "alignment", "feedback_rule": "least_squares"},
            "feedback_rule must be sgd, unless .*",
        ),
        ({"warm_up": -1}, "warm_up must be at least 0, got -1"),
    ],
)
def test_bad_parameters_are_refused(lansdell, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'lansdell2020_np': {message}"):
        lansdell.build(lansdell.params(changes))
