"""Small handwritten digits that come with scikit-learn."""

from __future__ import annotations

import gzip
import importlib.util
import os
from pathlib import Path

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
    # To import scikit-learn takes two seconds, to read its file a tenth of one.
    folder = Path(importlib.util.find_spec("sklearn").origin).parent
    with gzip.open(folder / "datasets" / "data" / "digits.csv.gz", "rt") as rows:
        table = np.loadtxt(rows, delimiter=",")
    images, labels = (table[:, :-1] / 16).astype(np.float32), table[:, -1].astype(int)
    cut = len(images) - _TEST
    return Dataset("digits", images[:cut], labels[:cut], images[cut:], labels[cut:], (8, 8), 10)
