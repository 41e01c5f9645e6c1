"""The convolutional network of Lansdell et al. 2020: its sizes, what learns, and what is refused."""

import math

import numpy as np
import pytest

import spikefa as fa
from spikefa.errors import ModelError
from spikefa.experiments import model_file

SMALL = {
    "grid": (1, 8, 8),
    "maps": (3, 4),
    "hidden": (12, 11),
    "dtype": "float64",
    "target": "numpy",
    "dropout": 0.0,
    "eta_feedback": 1e-2,
}


@pytest.fixture(scope="module")
def cnn():
    return model_file.load("lansdell2020_cnn")


def test_values_of_the_paper(cnn):
    params = cnn.params()
    assert (params.maps, params.hidden, params.noise, params.dropout) == ((32, 128, 256), (2048, 2048), 0.067, 0.5)
    assert params.layers["pool3"] == (256, 3, 3) and list(params.layers)[-3:] == ["h1", "h2", "output"]
    assert cnn.data_of(None) == "cifar10-jpeg"
    assert cnn.module.sizes(params, fa.datasets.load("digits")) == {"grid": (1, 8, 8), "classes": 10}


FORWARD = {"image_to_conv1", "pool1_to_conv2", "pool2_to_h1", "h1_to_h2", "h2_to_output"}
TO = ("conv1", "pool1", "conv2", "pool2", "h1", "h2")


@pytest.mark.parametrize(
    ("pathway", "feedback"),
    [
        ("node_perturbation_feedback", {f"error_output_to_feedback_{name}" for name in TO}),
        ("synthetic_gradients", {f"error_output_to_feedback_{name}" for name in TO}),
        ("direct", set()),
        ("backprop", set()),
    ],
)
def test_forward_weights_learn_and_so_does_direct_feedback_if_it_is_learned(cnn, digits, pathway, feedback):
    net = cnn.build(cnn.params(SMALL | {"pathway": pathway}), streams=8, seed=1)
    own = [p for p in net.projections if p.learning is not None or p.name in feedback]
    before = {p.name: p.W.copy() for p in own}
    net.stimulus.show_images(digits.train_images[:16], digits.train_labels[:16])
    net.run_steps(2)
    assert {p.name for p in own if not np.array_equal(p.W, before[p.name])} == FORWARD | feedback
    for name in FORWARD:  # Adam's move is its rate, whatever the update, or less where it turns
        assert np.abs(net[name].W - before[name]).max() == pytest.approx(2e-3, rel=1e-3)


def test_the_noise_on_all_maps_tells_the_change_of_the_cross_entropy(cnn):
    """To first order, the sum of noise and gradient; dropped units are dropped in the copy, too."""
    images = np.random.default_rng(2).random((8, 64))  # without equal pixels, between which noise decides who wins
    nets = [
        cnn.build(cnn.params(SMALL | {"pathway": name, "dropout": 0.5, "noise": 1e-6, "eta": 0.0}), streams=8, seed=1)
        for name in ("node_perturbation_feedback", "backprop")
    ]
    for net in nets:
        net.stimulus.show_images(images, np.arange(8))
        net.run_steps(1)
    noisy, exact = nets
    assert np.array_equal(noisy["h2"].view("kept"), exact["h2"].view("kept")) and (exact["h2"].view("kept") == 0).any()
    change = sum((exact[f"feedback_{name}"].view("J") * noisy[name].view("copy_noise")).sum(0) for name in TO)
    assert np.abs(change).min() > 1e-8
    np.testing.assert_allclose(noisy["loss_change"].view("J")[0], change, rtol=1e-3)


def test_weights_begin_with_a_variance_of_one_by_the_fan_in(cnn):
    net = cnn.build(cnn.params({"pathway": "direct"}, "reduced"), streams=1, seed=0)
    for name in ("image_to_conv1", "pool1_to_conv2", "h1_to_h2"):
        W = net[name].W
        assert W.std() == pytest.approx(1 / math.sqrt(math.prod(W.shape[:-1])), rel=0.15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"maps": ()}, r"maps must be those of one to 3 convolutions, got \(\)"),
        ({"maps": (2, 2, 2, 2)}, "maps must be those of one to 3 convolutions, got .*"),
        ({"maps": (2, 2, 2), "grid": (1, 8, 8)}, "maps must be fewer for an image of 8 x 8, got .*"),
        ({"hidden": ()}, r"hidden must name at least one layer, got \(\)"),
        ({"grid": (8, 8)}, r"grid must be colours, height and width, got \(8, 8\)"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
    ],
)
def test_bad_parameters_are_refused(cnn, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'lansdell2020_cnn': {message}$"):
        cnn.params(changes)
