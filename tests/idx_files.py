"""IDX files for tests, written apart from the reader under test; and how a `DataError` is checked."""

import gzip
import struct

import numpy as np
import pytest

from spikefa.errors import DataError

STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(array):
    """An array as the bytes of an IDX file, written apart from the reader under test."""
    array = np.asarray(array, np.uint8)
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def arrays(n=20, n_test=10, height=3, width=4, seed=0):
    rng = np.random.default_rng(seed)
    return {
        STEMS[0]: rng.integers(0, 256, (n, height, width), np.uint8),
        STEMS[1]: rng.integers(0, 10, n, np.uint8),
        STEMS[2]: rng.integers(0, 256, (n_test, height, width), np.uint8),
        STEMS[3]: rng.integers(0, 10, n_test, np.uint8),
    }


def write(directory, content=None, end=""):
    content = arrays() if content is None else content
    directory.mkdir(parents=True, exist_ok=True)
    for stem, array in content.items():
        data = idx(array)
        (directory / (stem + end)).write_bytes(gzip.compress(data) if end else data)
    return content


def assert_same(loaded, content):
    for field, stem in zip(("train_images", "train_labels", "test_images", "test_labels"), STEMS, strict=True):
        expected = content[stem]
        np.testing.assert_array_equal(getattr(loaded, field), expected.reshape(len(expected), -1).squeeze())


def refused(call, *words):
    """`call` must raise a DataError of one line that holds every one of `words`."""
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message, f"{word!r} not in: {message}"
    return message
