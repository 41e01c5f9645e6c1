"""Small files that promise gigabytes are refused before they are read."""

import zipfile

import numpy as np
import pytest
from idx_files import refused
from scipy.io import savemat

from spikefa.datasets import load, locate
from spikefa.datasets.background import photographs


@pytest.fixture(autouse=True)
def _a_megabyte_is_much(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)
    monkeypatch.setattr(locate, "_SMALL", 2**16)


def test_a_bomb_among_matlabs_files(tmp_path):
    for part in ("train", "test"):
        arrays = {"X": np.zeros((32, 32, 3, 1000), np.uint8), "y": np.ones((1000, 1))}
        savemat(tmp_path / f"{part}_32x32.mat", arrays, do_compression=True)
    refused(lambda: load("svhn", tmp_path), "train_32x32.mat", "bytes that are to hold X of (32, 32, 3, 1000)")


def test_a_bomb_among_numpys_files(tmp_path):
    frames = np.zeros((20_000, 39), np.float32)
    labels = np.zeros(20_000, np.int64)
    np.savez_compressed(
        tmp_path / "timit-stops.npz",
        train_frames=frames,
        train_labels=labels,
        test_frames=frames,
        test_labels=labels,
    )
    refused(lambda: load("timit-stops", tmp_path), "timit-stops.npz", "train_frames.npy that are to hold 3120128")


def test_a_bomb_among_photographs(tmp_path):
    with zipfile.ZipFile(tmp_path / "train.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/0001.jpg", bytes(2**21))
    refused(lambda: photographs(tmp_path / "train.zip"), "train.zip", "bytes of cat/0001.jpg that are to hold 2097152")
