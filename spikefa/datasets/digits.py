"""Small handwritten digits that come with scikit-learn."""

from __future__ import annotations

import os

import numpy as np

from spikefa.datasets.dataset import Dataset
from spikefa.datasets.registry import datasets

#: How many of the last images test.
_TEST = 360


@datasets.register("digits")
def load_digits(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load scikit-learn's 1,797 digits of 8 x 8 pixels; the first 1,437 train, the last 360 test.

    Parameters
    ----------
    data_dir : path, optional
        Not used: the images come with scikit-learn.

    Returns
    -------
    Dataset
        float32.
    """
    from sklearn import datasets as bundled  # takes a second to import

    images, labels = bundled.load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    cut = len(images) - _TEST
    return Dataset("digits", images[:cut], labels[:cut], images[cut:], labels[cut:], (8, 8), 10)
