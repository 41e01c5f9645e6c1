"""Every registered data set through the same checks; those of files, on small files made here."""

import io
import zipfile

import h5py
import numpy as np
import pytest
from idx_files import write
from PIL import Image
from scipy.io import savemat

from spikefa.datasets import Dataset, SpikeTrains, datasets, load, pixels
from spikefa.errors import DataError


def idx_files(directory):
    write(directory)


def photographs(directory):
    write(directory / "mnist")
    archives(directory)


def archives(directory):
    rng = np.random.default_rng(9)
    (directory / "cifar10-jpeg").mkdir(exist_ok=True)
    for part in ("train", "test"):
        with zipfile.ZipFile(directory / "cifar10-jpeg" / f"{part}.zip", "w") as archive:
            for name in ("cat", "dog"):
                held = io.BytesIO()
                Image.fromarray(rng.integers(0, 256, (6, 7, 3)).astype(np.uint8)).save(held, "JPEG")
                archive.writestr(f"{name}/0001.jpg", held.getvalue())


def matlab_files(directory):
    rng = np.random.default_rng(3)
    for part, n in (("train", 25), ("test", 12)):
        X, y = rng.integers(0, 256, (32, 32, 3, n), np.uint8), rng.integers(1, 11, (n, 1)).astype(np.uint8)
        savemat(directory / f"{part}_32x32.mat", {"X": X, "y": y})


def features(directory):
    rng = np.random.default_rng(4)
    frames = {f"{part}_frames": rng.standard_normal((30, 39)) for part in ("train", "test")}
    labels = {f"{part}_labels": rng.integers(0, 6, 30) for part in ("train", "test")}
    np.savez(directory / "timit-stops.npz", **frames, **labels)


def ragged_rows(directory):
    rng = np.random.default_rng(5)
    for part, n in (("train", 6), ("test", 4)):
        with h5py.File(directory / f"shd_{part}.h5", "w") as f:
            f["labels"] = rng.integers(0, 20, n)
            for name, values in (("times", rng.random((n, 9))), ("units", rng.integers(0, 700, (n, 9)))):
                rows = f.create_dataset(f"spikes/{name}", (n,), h5py.vlen_dtype(values.dtype))
                for number, row in enumerate(values):
                    rows[number] = row


def address_events(directory):
    rng = np.random.default_rng(6)
    for part in ("Train", "Test"):
        for digit in range(10):
            folder = directory / part / str(digit)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "00001.bin").write_bytes(
                (rng.integers(0, 34, (20, 5), np.uint8) % [34, 34, 5, 34, 34]).astype(np.uint8).tobytes()
            )


#: What writes the files of a set; a set without an entry needs none, or is only asked what it says without them.
WRITERS = {
    "cifar10-jpeg": archives,
    "fashion-mnist": idx_files,
    "mnist": idx_files,
    "mnist-background": photographs,
    "n-mnist": address_events,
    "shd": ragged_rows,
    "svhn": matlab_files,
    "timit-stops": features,
}


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


@pytest.fixture(params=list(datasets))
def name(request):
    return request.param


@pytest.fixture
def loaded(name, tmp_path):
    WRITERS.get(name, lambda directory: None)(tmp_path)
    try:
        return load(name, tmp_path)
    except DataError as error:
        if name in WRITERS:
            raise
        pytest.skip(f"no files are made for it here: {error}")


def test_it_is_a_data_set_of_its_name(name, loaded):
    assert isinstance(loaded, Dataset) and loaded.name == name
    assert len(loaded.train_images) > 1 and len(loaded.test_images) > 0
    assert loaded.classes is None or loaded.classes > 1
    assert loaded.validation_images is None and loaded.scaling is None  # the user's to ask for


def arrays(loaded):
    """Every array of a set, those of its spike trains included."""
    for part in ("train", "test"):
        for kind in ("images", "labels", "targets"):
            held = getattr(loaded, f"{part}_{kind}")
            if isinstance(held, SpikeTrains):
                yield from (held.unit, held.time, held.bounds)
            elif held is not None:
                yield held


def test_its_arrays_are_read_only(loaded):
    assert not any(array.flags.writeable for array in arrays(loaded))


def test_a_network_can_be_shown_it(loaded):
    if isinstance(loaded.train_images, SpikeTrains):
        images = loaded.train_images.counts().astype(np.float32)
    else:
        images = pixels(loaded.train_images)
    assert images.dtype == np.float32 and images.shape[1] == loaded.shape[0] * loaded.shape[1]
    assert np.isfinite(images).all()
    assert len(loaded.answers("train", loaded.classes)) == len(images)


def test_it_is_the_same_every_time(name, loaded, tmp_path):
    for one, other in zip(arrays(loaded), arrays(load(name, tmp_path)), strict=True):
        assert np.array_equal(one, other)


def test_a_part_can_be_held_out(loaded):
    held_out = loaded.split(1)
    assert len(held_out.validation_images) == 1 and len(held_out.train_images) == len(loaded.train_images) - 1


def test_without_its_files_it_says_what_to_do(name, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    try:
        load(name, empty)
    except DataError as error:
        message = str(error)
        assert "put " in message and "\n" not in message and str(empty) in message
    else:
        assert name not in WRITERS
