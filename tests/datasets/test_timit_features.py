"""TIMIT's stops from a file of features that the user made."""

import numpy as np
import pytest
from idx_files import refused
from zip_files import damaged_member

from spikefa.datasets import load


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


def stops(**changes):
    rng = np.random.default_rng(4)
    return {
        "train_frames": 3 * rng.standard_normal((30, 39)),
        "train_labels": rng.integers(0, 6, 30),
        "test_frames": rng.standard_normal((20, 39)).astype(np.float32),
        "test_labels": rng.integers(0, 6, 20),
    } | changes


def test_timit_stops(tmp_path):
    content = stops()
    np.savez(tmp_path / "timit-stops.npz", **content)
    loaded = load("timit-stops", tmp_path)
    assert loaded.classes == 6 and loaded.shape == (1, 39) and loaded.limits is None
    np.testing.assert_array_equal(loaded.train_images, content["train_frames"])
    np.testing.assert_array_equal(loaded.test_labels, content["test_labels"])


def test_timit_that_is_not(tmp_path):
    path = tmp_path / "timit-stops.npz"
    refused(lambda: load("timit-stops", tmp_path), path, "expected this file", "LDC93S1", "train_frames")
    refused(lambda: load("timit-stops"), "timit-stops needs features of TIMIT", "data_dir")
    for changes, words in [
        ({"train_labels": np.full(30, 6)}, "train_labels must lie in 0 to 5, got 6"),
        ({"train_frames": np.zeros((30, 40))}, "train_images must have shape (n, 39)"),
        ({"test_frames": np.full((20, 39), np.nan)}, "must be finite, got nan"),
        ({"train_frames": np.zeros((30, 39), np.uint8)}, "train_frames must be floats (n, 39), got uint8"),
        ({"test_frames": np.zeros((20, 39), int)}, "test_frames must be floats (n, 39), got int64"),
    ]:
        np.savez(path, **stops(**changes))
        refused(lambda: load("timit-stops", tmp_path), f"{path}: ", words)
    content = stops()
    del content["test_labels"]
    np.savez(path, **content)
    refused(lambda: load("timit-stops", tmp_path), "found no test_labels")
    for damaged in (b"", b"<html>404</html>", path.read_bytes()[:500]):
        path.write_bytes(damaged)
        refused(lambda: load("timit-stops", tmp_path), path, "found one that cannot be read")
    np.savez(path, **stops(train_labels=np.array([{}] * 30)))
    refused(lambda: load("timit-stops", tmp_path), path, "found one that cannot be read")
    np.savez(path, **stops())
    path.write_bytes(path.read_bytes().replace(b"'descr'", b"'des\x18r", 1))
    refused(lambda: load("timit-stops", tmp_path), path, "found one that cannot be read")
    np.savez_compressed(path, **stops())
    assert load("timit-stops", tmp_path).train_images.shape == (30, 39)
    path.write_bytes(damaged_member(path, "test_frames.npy"))
    refused(lambda: load("timit-stops", tmp_path), path, "found one that cannot be read", "Error -3")
    with path.open("wb") as file:
        np.save(file, stops()["train_frames"])
    refused(lambda: load("timit-stops", tmp_path), f"{path}: expected an .npz file of numpy, found one array")
