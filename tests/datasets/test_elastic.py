"""Elastic distortions against scipy's filter and interpolation."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from spikefa.datasets.elastic import elastic
from spikefa.errors import ArgumentError


def expected(images, shape, rng, sigma=4.0, alpha=34.0, fill=0.0):
    field = rng.random((2, len(images), *shape), dtype=np.float32) * 2 - 1
    field = alpha * gaussian_filter(field.astype(float), (0, 0, sigma, sigma), mode="constant")
    places = np.indices(shape)
    moved = [
        map_coordinates(image, places + field[:, n], order=1, mode="grid-constant", cval=fill)
        for n, image in enumerate(images.reshape(-1, *shape).astype(float))
    ]
    return np.array(moved).reshape(images.shape)


@pytest.mark.parametrize("options", [{}, {"sigma": 2.0, "alpha": 60.0, "fill": -0.5}, {"alpha": 1e3}])
@pytest.mark.parametrize("shape", [(28, 28), (9, 14)])
def test_as_scipy_does(options, shape):
    images = np.random.default_rng(0).random((5, shape[0] * shape[1]))
    moved = elastic(images, shape, np.random.default_rng(1), **options)
    np.testing.assert_allclose(moved, expected(images, shape, np.random.default_rng(1), **options), atol=2e-3)
    single = elastic(images.astype(np.float32), shape, np.random.default_rng(1), **options)
    assert single.dtype == np.float32 and moved.dtype == np.float64
    np.testing.assert_allclose(single, moved, atol=1e-3)


def test_bytes_are_rounded():
    images = np.random.default_rng(0).integers(0, 256, (20, 784), np.uint8)
    moved = elastic(images, (28, 28), np.random.default_rng(1))
    wanted = expected(images, (28, 28), np.random.default_rng(1))
    assert moved.dtype == np.uint8
    assert np.abs(moved - wanted).max() < 0.5 + 0.2  # float32 places times differences of up to 255
    assert np.abs(moved - wanted).mean() < 0.26


def test_each_image_has_a_field_of_its_own_and_the_generator_decides():
    same = np.repeat(np.random.default_rng(0).random((1, 784)), 3, axis=0)
    moved = elastic(same, (28, 28), np.random.default_rng(1))
    assert not np.array_equal(moved[0], moved[1]) and not np.array_equal(moved[0], same[0])
    assert np.array_equal(moved, elastic(same, (28, 28), np.random.default_rng(1)))
    assert not np.array_equal(moved, elastic(same, (28, 28), np.random.default_rng(2)))


def test_no_strength_changes_nothing():
    images = np.random.default_rng(0).random((4, 784))
    assert np.array_equal(elastic(images, (28, 28), np.random.default_rng(1), alpha=0.0), images)


def test_strength_is_as_documented():
    """A ramp becomes the column component of the field."""
    ramp = np.tile(np.arange(61.0), (61, 1)).reshape(1, -1).repeat(300, axis=0)
    moved = elastic(ramp, (61, 61), np.random.default_rng(1)).reshape(300, 61, 61)
    moved = (moved - np.arange(61))[:, 15:46:5, 15:46:5]
    deviation = 34 / np.sqrt(3) / (2 * np.sqrt(np.pi) * 4)
    assert abs(moved.mean()) < 0.05 and moved.std() == pytest.approx(deviation, rel=0.03)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((2, 783)), {}, r"images must be \(n, 784\) for shape \(28, 28\), got \(2, 783\)"),
        (np.zeros(784), {}, r"got \(784,\)"),
        (np.zeros((2, 784), int), {}, "must be uint8 or floats, got int64"),
        (np.zeros((2, 784)), {"sigma": 0}, "elastic: sigma must be a finite number, above 0, got 0"),
        (np.zeros((2, 784)), {"alpha": np.nan}, "elastic: alpha must be a finite number, at least 0, got nan"),
    ],
)
def test_nonsense_is_refused(images, options, message):
    with pytest.raises(ArgumentError, match=message):
        elastic(images, (28, 28), np.random.default_rng(0), **options)
