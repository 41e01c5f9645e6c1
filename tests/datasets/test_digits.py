"""The digits that come with scikit-learn."""

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
