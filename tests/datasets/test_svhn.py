"""SVHN, on files of its format made here."""

import numpy as np
import pytest
from idx_files import refused
from scipy.io import savemat

from spikefa.datasets import load


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


def svhn(directory, **changes):
    rng = np.random.default_rng(3)
    directory.mkdir(exist_ok=True)
    content = {}
    for part, n in (("train", 25), ("test", 12)):
        X, y = rng.integers(0, 256, (32, 32, 3, n), np.uint8), rng.integers(1, 11, (n, 1)).astype(np.uint8)
        y[:2, 0] = 10, 3
        content[part] = {"X": X, "y": y}
        savemat(directory / f"{part}_32x32.mat", {**content[part], **(changes if part == "test" else {})})
    return content


@pytest.mark.parametrize("sub", [False, True])
def test_svhn(tmp_path, sub):
    content = svhn(tmp_path / "svhn" if sub else tmp_path)
    loaded = load("svhn", tmp_path)
    assert loaded.train_images.shape == (25, 1024) and loaded.shape == (32, 32) and loaded.classes == 10
    assert loaded.train_labels[:2].tolist() == [0, 3]
    for part in ("train", "test"):
        X = content[part]["X"].astype(float)
        images = getattr(loaded, f"{part}_images").reshape(-1, 32, 32)
        for n, row, column in [(0, 0, 0), (3, 5, 30), (11, 31, 2)]:
            red, green, blue = X[row, column, :, n]
            assert abs(images[n, row, column] - (0.299 * red + 0.587 * green + 0.114 * blue)) <= 0.5001
        np.testing.assert_array_equal(getattr(loaded, f"{part}_labels") % 10, content[part]["y"].ravel() % 10)


def test_svhn_labels_may_be_floats(tmp_path):
    svhn(tmp_path, y=np.r_[10.0, 3.0, np.ones(10)])  # MATLAB's usual numbers
    assert load("svhn", tmp_path).test_labels.tolist() == [0, 3] + 10 * [1]


def test_svhn_that_is_not(tmp_path):
    refused(lambda: load("svhn", tmp_path), "train_32x32.mat: expected this file", "ufldl.stanford.edu", "put")
    refused(lambda: load("svhn"), "svhn needs SVHN's cropped digits", "data_dir", "SPIKEFA_DATA")
    for changes, words in [
        ({"y": np.zeros((12, 1), np.uint8)}, "found a label 0"),
        ({"y": np.full((12, 1), 11, np.uint8)}, "found a label 11"),
        ({"y": np.ones((11, 1), np.uint8)}, "X of uint8 (32, 32, 3, 12) and y (11,)"),
        ({"y": np.r_[3, np.nan, np.ones(10)]}, "found a label nan at index 1"),
        ({"y": np.r_[np.ones(11), 1.5]}, "found a label 1.5 at index 11"),
        ({"y": np.r_[np.inf, np.ones(11)]}, "found a label inf at index 0"),
        ({"y": np.full(12, 3 + 1j)}, "found labels of complex128, the first (3+1j)"),
        ({"y": np.array(["7"] * 12)}, "found labels of <U1, the first 7"),
        ({"X": np.zeros((12, 32, 32, 3), np.uint8)}, "X of uint8 (12, 32, 32, 3)"),
        ({"X": np.zeros((32, 32, 3, 12))}, "X of float64"),
    ]:
        svhn(tmp_path, **changes)
        refused(lambda: load("svhn", tmp_path), tmp_path / "test_32x32.mat", "expected SVHN's X", words)
    path = tmp_path / "train_32x32.mat"
    data = path.read_bytes()
    for damaged in (b"", b"<html>404</html>", data[: len(data) // 2]):
        path.write_bytes(damaged)
        refused(lambda: load("svhn", tmp_path), path, "expected SVHN's X", "cannot be read as MATLAB's")
    savemat(path, {"other": np.zeros(3)})
    refused(lambda: load("svhn", tmp_path), path, "found no X")
