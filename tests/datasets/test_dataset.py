"""`Dataset` and `pixels`."""

import numpy as np
import pytest
from idx_files import refused

from spikefa.datasets import Dataset, pixels


def parts(**changes):
    rng = np.random.default_rng(1)
    return {
        "name": "own",
        "train_images": rng.random((8, 6)),
        "train_labels": rng.integers(0, 3, 8),
        "test_images": rng.random((5, 6)),
        "test_labels": rng.integers(0, 3, 5),
        "shape": (2, 3),
        "classes": 3,
    } | changes


def poked(value, at=(2, 4)):
    images = np.full((8, 6), 0.5)
    images[at] = value
    return images


def test_dataset_keeps_what_it_is_given():
    given = parts()
    own = Dataset(**given)
    np.testing.assert_array_equal(own.train_images, given["train_images"])
    assert own.train_images.dtype == np.float64 and own.train_labels.dtype == np.int64
    assert repr(own) == "<Dataset own: 8 training, 5 test images of 2 x 3, 3 classes>"
    with pytest.raises(AttributeError):
        own.name = "other"


def test_channels_lie_one_above_the_other():
    assert Dataset(**parts()).grid == (1, 2, 3)
    assert Dataset(**parts(channels=2)).grid == (2, 1, 3)
    for channels in (0, 3, 1.5):
        refused(lambda n=channels: Dataset(**parts(channels=n)), f"channels must divide the height, 2, got {channels}")


def test_dataset_is_read_only_and_leaves_the_arrays_alone():
    given = parts()
    own = Dataset(**given)
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(own, field)[0] = 0
        assert given[field].flags.writeable


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"train_images": poked(np.nan)}, ["train_images", "[0, 1]", "got nan at image 2, pixel 4"]),
        ({"train_images": poked(1.5)}, ["got 1.5 at image 2, pixel 4"]),
        ({"train_images": poked(-0.25, (0, 0))}, ["got -0.25 at image 0, pixel 0"]),
        ({"train_images": poked(np.inf, (7, 5))}, ["got inf at image 7, pixel 5"]),
        ({"train_images": poked([2, 3], (1, [3, 5]))}, ["got 2.0 at image 1, pixel 3"]),
        ({"train_images": np.zeros((8, 6), int)}, ["uint8 (0 to 255) or floats (0 to 1), got int64"]),
        ({"train_images": np.zeros((8, 6), bool)}, ["got bool"]),
        ({"train_images": np.zeros((8, 2, 3))}, ["shape (n, 6)", "2 x 3", "got (8, 2, 3)"]),
        ({"train_images": np.zeros((8, 7))}, ["shape (n, 6)", "got (8, 7)"]),
        ({"test_images": np.zeros((0, 6)), "test_labels": np.zeros(0, int)}, ["test_images", "got (0, 6)"]),
        ({"train_images": None}, ["train_images", "got object"]),
        ({"train_images": np.zeros((9, 6))}, ["train_images and train_labels", "got 9 and 8"]),
        ({"test_labels": np.array([0, 1, 3, 2, 9])}, ["test_labels", "0 to 2, got 3 at index 2"]),
        ({"test_labels": np.array([0, 1, 2, 2, -1])}, ["got -1 at index 4"]),
        ({"test_labels": np.array([2**64 - 1] * 5, np.uint64)}, ["got 18446744073709551615 at index 0"]),
        ({"test_labels": np.zeros(5)}, ["integers of shape (n,), got float64 of (5,)"]),
        ({"test_labels": np.zeros((5, 1), int)}, ["got int64 of (5, 1)"]),
        ({"validation_images": np.zeros((2, 6))}, ["validation_labels", "got object"]),
        ({"validation_labels": np.zeros(2, int)}, ["validation_images", "got object"]),
        ({"shape": (2, 4)}, ["train_images", "(n, 8)", "got (8, 6)"]),
        ({"shape": 6}, ["shape must be two positive integers (height, width), got 6"]),
        ({"shape": (2, 0)}, ["got (2, 0)"]),
        ({"shape": (2.0, 3)}, ["got (2.0, 3)"]),
        ({"shape": (1, 2, 3)}, ["got (1, 2, 3)"]),
        ({"classes": 0}, ["classes must be a positive integer of at most 2**53, got 0"]),
        ({"classes": 2.5}, ["got 2.5"]),
        ({"classes": True}, ["got True"]),
    ],
)
def test_dataset_refuses(changes, words):
    refused(lambda: Dataset(**parts(**changes)), "data set 'own': ", *words)


def test_split():
    whole = Dataset(**parts())
    own = whole.split(3)
    np.testing.assert_array_equal(own.train_images, whole.train_images[:5])
    np.testing.assert_array_equal(own.train_labels, whole.train_labels[:5])
    np.testing.assert_array_equal(own.validation_images, whole.train_images[5:])
    np.testing.assert_array_equal(own.validation_labels, whole.train_labels[5:])
    np.testing.assert_array_equal(own.test_images, whole.test_images)
    assert len(whole.train_images) == 8 and whole.validation_images is None
    assert "5 training, 3 validation, 5 test" in repr(own)
    assert len(whole.split(np.int32(7)).train_images) == 1


def test_split_of_none_is_the_set_itself():
    whole = Dataset(**parts())
    assert whole.split(0) is whole
    own = whole.split(2)
    assert own.split(0) is own


@pytest.mark.parametrize("count", [-1, 8, 100, 2.0, "2", None, True])
def test_split_refuses(count):
    whole = Dataset(**parts())
    refused(lambda: whole.split(count), "'own'", "from 0 to 7", "8 training images", f"got {count!r}")


def test_split_twice_is_refused():
    own = Dataset(**parts()).split(2)
    refused(lambda: own.split(1), "'own'", "split already", "2 validation images")


# pixels


def test_pixels_of_bytes():
    images = np.arange(256, dtype=np.uint8).reshape(16, 16)
    seen = pixels(images)
    assert seen.dtype == np.float32 and seen.shape == images.shape
    assert seen.min() == 0 and seen.max() == 1
    np.testing.assert_allclose(seen.ravel(), np.arange(256) / 255, rtol=1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_pixels_of_floats(dtype):
    images = np.array([[0, 0.25, 1]], dtype)
    seen = pixels(images)
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen, [[0, 0.25, 1]])


@pytest.mark.parametrize("dtype", [int, bool, np.int8])
def test_pixels_refuses(dtype):
    refused(lambda: pixels(np.ones((2, 3), dtype)), "pixels", "uint8 (0 to 255) or floats", str(np.dtype(dtype)))
