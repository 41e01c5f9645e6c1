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
