"""Regression sets, scaled images, and images as their own targets."""

import numpy as np
import pytest
from idx_files import refused

from spikefa.datasets import Dataset, autoencoder, centred, pixels, regression, standardised

SCALED = {"standardised": standardised, "centred": centred}


@pytest.fixture
def images():
    """A set of bytes with a constant pixel (3), which varies in the test images, and one that varies once (4)."""
    rng = np.random.default_rng(5)
    train, test = rng.integers(0, 256, (9000, 12), np.uint8), rng.integers(0, 256, (50, 12), np.uint8)
    train[:, 3], train[:, 4], train[17, 4] = 77, 0, 1
    return Dataset("own", train, rng.integers(0, 3, 9000), test, rng.integers(0, 3, 50), (3, 4), 3)


def test_standardised(images):
    done = standardised(images)
    x = images.train_images / 255
    mean, sd = x.mean(axis=0), x.std(axis=0)
    for part in ("train", "test"):
        raw, now = getattr(images, f"{part}_images") / 255, getattr(done, f"{part}_images")
        expected = (raw - mean) / sd
        expected[:, 3] = 0
        assert now.dtype == np.float32 and (now[:, 3] == 0).all()
        # The pixel that varies once has a deviation of 4e-5: it is right to float32, and not set to 0.
        np.testing.assert_allclose(now, expected, rtol=2e-3, atol=2e-5)
        assert getattr(done, f"{part}_labels") is not None
    assert done.train_images[17, 4] == pytest.approx(np.sqrt(8999), rel=1e-3)
    assert np.abs(np.delete(done.train_images, 3, axis=1).std(axis=0) - 1).max() < 1e-3
    assert abs(done.test_images[:, 0].mean()) > 1e-3  # statistics are not the test images' own
    assert done.limits is None and done.classes == 3 and images.scaling is None


def test_standardised_by_a_common_deviation(images):
    done = standardised(images, common=True)
    x = images.train_images / 255
    varies = x.std(axis=0) > 0
    expected = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0).mean())
    np.testing.assert_allclose(done.train_images[:, varies], expected[:, varies], rtol=1e-4, atol=1e-5)
    assert (done.test_images[:, ~varies] == 0).all()
    assert np.mean(done.train_images.astype(float) ** 2) == pytest.approx(1, rel=1e-4)


def test_centred(images):
    done = centred(images)
    x = images.train_images / 255
    np.testing.assert_allclose(done.train_images, x - x.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(done.test_images, images.test_images / 255 - x.mean(axis=0), atol=1e-6)


def test_statistics_leave_the_validation_images_out(images):
    split = images.split(4000)
    for transform in SCALED.values():
        done = transform(split)
        fewer = images.train_images[:5000]
        np.testing.assert_allclose(done.train_images[:, 0].mean(dtype=float), 0, atol=1e-6)
        assert done.scaling[0][0] == pytest.approx(fewer[:, 0].mean() / 255, rel=1e-6)
        np.testing.assert_array_equal(done.validation_images, done.scaled(split.validation_images))


@pytest.mark.parametrize("name", SCALED)
def test_scaling_is_undone(images, name):
    done = SCALED[name](images)
    np.testing.assert_allclose(done.as_loaded(done.train_images), pixels(images.train_images), atol=1e-6)
    np.testing.assert_array_equal(done.scaled(images.test_images), done.test_images)
    assert images.as_loaded(images.test_images) is images.test_images
    assert images.scaled(images.test_images) is images.test_images
    refused(lambda: SCALED[name](done), f"{name}: data set 'own' must not be scaled already")


def test_autoencoder(images):
    plain, scaled = autoencoder(images.split(100)), autoencoder(images, (-0.9, 0.9))
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(plain, f"{part}_targets"), pixels(getattr(plain, f"{part}_images")))
    np.testing.assert_allclose(scaled.train_targets, 1.8 * images.train_images / 255 - 0.9, atol=1e-6)
    assert scaled.train_labels is not None and "3 classes and 12 targets" in repr(scaled)
    both = standardised(scaled)
    assert np.array_equal(both.train_targets, scaled.train_targets)
    refused(lambda: autoencoder(standardised(images), (0, 2)), "'own' must have pixels in [0, 1]", "(0, 2)", "after")
    own = autoencoder(standardised(images))
    assert np.array_equal(own.train_targets, own.train_images)


def test_regression_set():
    rng = np.random.default_rng(0)
    x, y = 5 * rng.standard_normal((8, 6)), rng.standard_normal((8, 2))
    own = regression("own", x, y, x[:3], y[:3])
    assert repr(own) == "<Dataset own: 8 training, 3 test images of 1 x 6, 2 targets>"
    assert np.array_equal(own.answers("test", None), y[:3]) and not own.train_targets.flags.writeable
    split = own.split(2)
    assert np.array_equal(split.train_targets, y[:6]) and np.array_equal(split.validation_targets, y[6:])
    refused(
        lambda: own.answers("train", 10),
        "data set 'own': must have the network's 10 classes, got targets and no classes",
    )
    done = standardised(own)
    np.testing.assert_allclose(done.train_images, (x - x.mean(axis=0)) / x.std(axis=0), rtol=1e-4, atol=1e-5)


def parts(**changes):
    x, y = np.zeros((4, 3)), np.zeros((4, 2))
    return {
        "name": "own",
        "train_images": x,
        "train_labels": None,
        "test_images": x,
        "test_labels": None,
        "shape": (1, 3),
        "classes": None,
        "train_targets": y,
        "test_targets": y,
    } | changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_targets": None, "test_targets": None}, ["must have labels and classes, or targets, got neither"]),
        ({"test_targets": None}, ["test_targets", "floats of shape ('n', 2)"]),
        ({"test_targets": np.zeros((4, 3))}, ["test_targets", "('n', 2), got float64 of (4, 3)"]),
        ({"test_targets": np.zeros((5, 2))}, ["test_images and test_targets must be equally many, got 4 and 5"]),
        ({"train_targets": np.zeros((4, 2), int)}, ["train_targets must be floats", "got int64"]),
        ({"train_targets": np.full((4, 2), np.inf)}, ["train_targets must be finite, got inf at image 0, unit 0"]),
        ({"train_labels": np.zeros(4, int)}, ["train_labels must be None in a set without labels"]),
        ({"train_images": np.full((4, 3), -1.0)}, ["train_images must lie in [0, 1], got -1.0 at image 0"]),
        ({"train_images": np.full((4, 3), np.nan), "limits": None}, ["must be finite, got nan at image 0, pixel 0"]),
        ({"train_images": np.zeros((4, 3), int), "limits": None}, ["uint8 (0 to 255) or floats, got int64"]),
        ({"validation_images": np.zeros((2, 3))}, ["validation_targets must be floats"]),
        ({"validation_targets": np.zeros((2, 2))}, ["validation_images", "got object"]),
    ],
)
def test_regression_sets_are_checked(changes, words):
    refused(lambda: Dataset(**parts(**changes)), "data set 'own': ", *words)
    Dataset(**parts())
