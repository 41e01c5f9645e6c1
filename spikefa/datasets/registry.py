"""Data sets by their names."""

from __future__ import annotations

import os

import numpy as np

from spikefa.datasets.background import mnist_background
from spikefa.datasets.dataset import Dataset
from spikefa.datasets.mnist import load_idx
from spikefa.datasets.svhn import load_svhn
from spikefa.datasets.timit import load_timit_stops
from spikefa.errors import DataError

#: Tasks of `spikefa.tasks`, drawn from seed 0.
_TASKS = ("linear", "teacher", "quadratic", "xor")
NAMES = ("mnist", "fashion-mnist", "digits", "mnist-background", "svhn", "timit-stops", *_TASKS)

_DIGITS_TEST = 360


def load(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load a data set by its name.

    Parameters
    ----------
    name : str
        - "mnist", "fashion-mnist": 60,000 + 10,000 handwritten digits or garments of 28 x 28 pixels (uint8).
        - "digits": scikit-learn's bundled 1,797 digits of 8 x 8 (float32; the first 1,437 train, the last 360
          test).
        - "mnist-background": MNIST over photographs, see `mnist_background`.
        - "svhn": house numbers in grey, see `load_svhn`. "timit-stops": see `load_timit_stops`.
        - "linear", "teacher", "quadratic", "xor": regression, see `spikefa.tasks`; of the last, each pattern 250 times.
    data_dir : path, optional
        Directory of the files, themselves or in a subdirectory called `name`; by default what the
        ``SPIKEFA_DATA`` variable names. With neither, MNIST and Fashion-MNIST are downloaded into the user's
        cache once and their checksums verified. What needs no files ignores it.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If the name is unknown, or a file is missing, damaged, foreign or cannot be downloaded.
    """
    if name not in NAMES:
        raise DataError(f"unknown data set {name!r}; there are: {', '.join(NAMES)}")
    if name in _TASKS:
        from spikefa.datasets import synthetic

        return synthetic.xor(repeats=250) if name == "xor" else getattr(synthetic, name)()
    if name == "digits":
        return _digits()
    files = {"mnist-background": mnist_background, "svhn": load_svhn, "timit-stops": load_timit_stops}
    return files[name](data_dir) if name in files else load_idx(name, data_dir)


def _digits() -> Dataset:
    from sklearn.datasets import load_digits  # takes a second to import

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    cut = len(images) - _DIGITS_TEST
    return Dataset("digits", images[:cut], labels[:cut], images[cut:], labels[cut:], (8, 8), 10)
