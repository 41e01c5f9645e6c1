"""Stimulus: which images can be shown, and when."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.errors import ArgumentError, SpikefaError

BAD_IMAGES = [
    (np.zeros((4, 63)), None, r"images must be \(n, 64\) for input 'image', got \(4, 63\)"),
    (np.full((4, 64), np.nan), None, r"pixels must be in \[0, 1\], got nan at image 0, pixel 0"),
    (np.full((4, 64), 1.5), None, r"pixels must be in \[0, 1\], got 1.5"),
    (np.zeros((4, 64), int), None, r"images must be uint8 or floats in \[0, 1\], got int64"),
    (np.zeros((5, 64)), None, r"must be a multiple of 2 streams, got 5"),
    (np.zeros((4, 64)), np.array([0, 1, 2]), r"labels must be \(4,\), got \(3,\)"),
    (np.zeros((4, 64)), np.array([0, 1, 10, 2]), r"labels must be 0 to 9, got 10 at image 2"),
]


@pytest.mark.parametrize(("images", "labels", "message"), BAD_IMAGES)
def test_bad_images_are_refused(small, images, labels, message):
    with pytest.raises(ArgumentError, match=message):
        small(2).stimulus.show_images(images, labels)


def test_running_on_after_the_last_image_is_refused(small, digits):
    net = small(2)
    net.stimulus.show_images(digits.train_images[:4], digits.train_labels[:4])
    net.run_steps(10)
    with pytest.raises(SpikefaError, match="all 4 images have been shown; run 5 steps for each 2"):
        net.run_steps(1)
    net.stimulus.show_images(digits.train_images[:4], digits.train_labels[:4])
    net.run_steps(10)


def test_limits_of_the_input(rate):
    net = rate.build(rate.params(), streams=1)
    net.stimulus.show_images(np.full((1, 30), -1e3))
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(ArgumentError, match=f"pixels must be finite, got {value} at image 0, pixel 0"):
            net.stimulus.show_images(np.full((1, 30), value))
    other = fa.Network()
    fa.Input(other, "x", 3, limits=(-1, 1))
    fa.Layer(other, "y", 2, "I : 1\ns : 1", emit="s = I")
    fa.regression_task(other, 1)
    other.stimulus.show_images(np.array([[-1.0, 0, 1]]))
    with pytest.raises(ArgumentError, match=r"pixels must be in \[-1, 1\], got 1.5 at image 0, pixel 1"):
        other.stimulus.show_images(np.array([[-1, 1.5, 0]]))
    with pytest.raises(ArgumentError, match=r"Input 'x': limits must be \(smallest, largest\) or None, got \(1, 0\)"):
        fa.Input(fa.Network(), "x", 3, limits=(1, 0))


@pytest.mark.parametrize(
    "source, message",
    [
        (3, "Stimulus: source must be a function that returns images and targets, got 3"),
        (lambda: None, "Stimulus: what the source returns must be images and targets, got None"),
        (lambda: (np.ones((1, 6)), None), "Stimulus: images of the source must be one a stream, 2, got 1"),
        (lambda: (np.ones((2, 5)), None), r"Stimulus: images must be \(n, 6\) for input 'image', got \(2, 5\)"),
        (lambda: (np.full((2, 6), 2.0), None), r"Stimulus: pixels must be in \[0, 1\], got 2.0 at image 0"),
        (lambda: (np.ones((2, 6)), np.array([0, 7])), "ClassReadout: labels must be 0 to 1, got 7 at image 1"),
        (lambda: (np.ones((2, 6)), np.array([0.5, 1])), "ClassReadout: labels must be integers, got float64"),
        (lambda: (np.ones((2, 6)), np.array([0])), r"ClassReadout: labels must be \(2,\), got \(1,\)"),
    ],
)
def test_what_a_function_gives_is_checked(source, message):
    net = fa.Network(streams=2, target="numpy")
    fa.Input(net, "image", 6, emit="s = x")
    fa.Layer(net, "out", 4, "I : 1\ns : 1", emit="s = I")
    fa.Projection(net, "image", "out", np.ones((6, 4)))
    fa.classification_task(net, 2, 2)
    with pytest.raises(fa.ArgumentError, match=message):
        net.stimulus.show(source)
        net.run_steps(1)
