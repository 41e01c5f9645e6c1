"""The digits that come with scikit-learn."""

import subprocess
import sys

import numpy as np

from spikefa.datasets import load


def test_digits():
    digits = load("digits")
    assert digits.train_images.shape == (1437, 64) and digits.test_images.shape == (360, 64)
    assert digits.shape == (8, 8) and digits.classes == 10
    assert digits.train_images.dtype == np.float32
    assert digits.train_images.min() == 0 and digits.train_images.max() == 1
    assert set(np.unique(digits.train_images * 16)) == set(range(17))
    assert digits.train_labels[:10].tolist() == list(range(10))
    assert set(digits.test_labels.tolist()) == set(range(10))


def test_digits_need_no_directory(monkeypatch):
    monkeypatch.setenv("SPIKEFA_DATA", "/nowhere")
    assert len(load("digits").train_images) == 1437


def test_they_are_those_of_scikit_learn_whose_file_is_read_without_it():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    digits = load("digits")
    np.testing.assert_array_equal(np.vstack([digits.train_images, digits.test_images]), (images / 16).astype("float32"))
    np.testing.assert_array_equal(np.concatenate([digits.train_labels, digits.test_labels]), labels)
    loading = "import sys, spikefa; spikefa.datasets.load('digits'); assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", loading], check=True)
