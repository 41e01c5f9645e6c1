"""MNIST over photographs, SVHN and TIMIT, on files of their formats made here."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from idx_files import STEMS, refused, write
from PIL import Image
from scipy.io import savemat

from spikefa.datasets import load
from spikefa.datasets.background import mnist_background, over, patches, photographs


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


def damaged_member(path, name):
    """The bytes of a zip file whose member `name` is no sound deflated stream."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(name).header_offset
    # A local header is 30 bytes, the name and the extra field, whose sizes stand at 26 and 28.
    start += 30 + int.from_bytes(data[start + 26 : start + 28], "little")
    start += int.from_bytes(data[start - len(name) - 2 : start - len(name)], "little")
    data[start] = 0xFF  # a block of the type 3, which there is not
    return bytes(data)


def jpeg(pixels):
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "JPEG", quality=95)
    return held.getvalue()


@pytest.fixture
def photos(tmp_path):
    """A directory of digits of 3 x 4 and photographs of 6 x 7; the first photograph of each archive is smooth."""
    rng = np.random.default_rng(9)
    content = write(tmp_path / "mnist")
    (tmp_path / "cifar10-jpeg").mkdir()
    for name, base in (("train", 60), ("test", 190)):
        with zipfile.ZipFile(tmp_path / "cifar10-jpeg" / f"{name}.zip", "w") as archive:
            archive.writestr("cat/0000.jpg", jpeg(np.full((6, 7, 3), 5, np.uint8)))
            for number in range(1, 30):
                rough = base + rng.integers(-55, 56, (6, 7, 3))
                archive.writestr(f"cat/{number:04}.jpg", jpeg(rough.astype(np.uint8)))
            archive.writestr("cat/readme.txt", b"no photograph")
    return tmp_path, content


def test_digits_over_photographs(photos):
    directory, content = photos
    made = load("mnist-background", directory)
    assert made.name == "mnist-background" and made.train_images.dtype == np.uint8 and made.shape == (3, 4)
    np.testing.assert_array_equal(made.train_labels, content[STEMS[1]])
    digits = content[STEMS[0]].reshape(20, 12)
    # The backgrounds, recovered where there is little ink, are patches of the photographs of this part.
    pictures = photographs(directory / "cifar10-jpeg" / "train.zip")
    assert pictures.shape == (30, 6, 7)
    everywhere = np.lib.stride_tricks.sliding_window_view(pictures[1:], (3, 4), axis=(1, 2)).reshape(-1, 12)
    chosen = set()
    for image, digit in zip(made.train_images, digits, strict=True):
        exact = digit / 255 * 255 + (1 - digit / 255) * everywhere
        fits = np.flatnonzero(np.abs(exact - image).max(axis=1) <= 0.5 + 1e-9)
        assert fits.size
        chosen.add(int(fits[0]))
    assert len(chosen) > 15  # places and photographs differ
    assert made.test_images.mean() > made.train_images.mean() + 20  # brighter photographs, in this fixture


def test_the_seed_decides_the_backgrounds(photos):
    directory, _ = photos
    one, same, other = (mnist_background(directory, seed).train_images for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_patches_reach_every_place_and_no_smooth_photograph():
    photos = np.zeros((3, 5, 6), np.uint8)
    photos[1] = np.arange(30).reshape(5, 6) * 8
    photos[2] = 200
    cut = patches(photos, 500, (4, 4), np.random.default_rng(0))
    corners = np.unique(cut[:, 0] // 8)
    assert corners.tolist() == [0, 1, 2, 6, 7, 8]
    refused(lambda: patches(photos[::2], 5, (4, 4), np.random.default_rng(0)), "all 2 photographs deviate less")
    refused(lambda: patches(photos, 5, (6, 4), np.random.default_rng(0)), "at least (6, 4) pixels, got (5, 6)")


def test_over_is_exact():
    digit, background = (x.astype(np.uint8).reshape(1, -1) for x in np.mgrid[:256, :256])
    exact = digit / 255 + (1 - digit / 255) * (background / 255)
    assert np.abs(over(digit, background) - 255 * exact).max() <= 0.5 + 1e-9


def test_photographs_are_verified(photos):
    directory, _ = photos
    archive = directory / "cifar10-jpeg" / "test.zip"
    names = ("train.zip", "test.zip")
    lines = [f"{hashlib.sha256((archive.with_name(n)).read_bytes()).hexdigest()}  {n}\n" for n in names]
    sums = archive.with_name("SHA256SUMS")
    sums.write_text("".join(lines))
    load("mnist-background", directory)
    sums.write_text(lines[0] + lines[1].replace(lines[1][:4], "0000"))
    refused(lambda: load("mnist-background", directory), archive, "expected the SHA-256 0000", "copy the file again")
    sums.write_text("".join(lines).replace("  ", " *"))  # as `sha256sum -b` writes them
    load("mnist-background", directory)
    sums.write_text(lines[0] + lines[1].replace("  ", " *").replace(lines[1][:4], "0000"))
    refused(lambda: load("mnist-background", directory), archive, "expected the SHA-256 0000", "copy the file again")
    for other in (lines[0], lines[0] + "\nno-sum\n"):
        sums.write_text(other)
        refused(
            lambda: load("mnist-background", directory), f"{sums}: expected a line 'SHA-256  test.zip'", "found none"
        )
    sums.unlink()
    archive.write_bytes(archive.read_bytes()[:-40])
    refused(lambda: load("mnist-background", directory), archive, "damaged")
    archive.unlink()
    refused(lambda: load("mnist-background", directory), archive, "expected this file", "put train.zip and test.zip")


def test_without_photographs(tmp_path):
    refused(
        lambda: load("mnist-background"), "needs photographs", "put train.zip and test.zip into a directory",
        "--data-dir", "SPIKEFA_DATA",
    )  # fmt: skip


def test_foreign_archives(tmp_path, photos):
    directory, _ = photos
    path = directory / "cifar10-jpeg" / "train.zip"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("big.jpg", jpeg(np.zeros((9, 9, 3), np.uint8)))
    refused(lambda: photographs(path), "one size, found 31 of sizes [(6, 7), (9, 9)]")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"")
    refused(lambda: photographs(path), "found 0 of sizes []")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"no JPEG")
    refused(lambda: photographs(path), "damaged")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", jpeg(np.zeros((6, 7, 3), np.uint8)))
    path.write_bytes(damaged_member(path, "a.jpg"))
    refused(lambda: photographs(path), path, "damaged", "Error -3")


REAL = Path(__file__).resolve().parents[3] / "shared/data"


@pytest.mark.skipif(not (REAL / "cifar10-jpeg").is_dir(), reason="no photographs in ../shared/data/cifar10-jpeg")
def test_real_photographs():
    pictures = photographs(REAL / "cifar10-jpeg" / "test.zip")
    assert pictures.shape == (5000, 32, 32) and pictures.dtype == np.uint8
    assert 100 < pictures.mean() < 140 and len(np.unique(pictures[:50].mean(axis=(1, 2)))) == 50


# SVHN


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
    refused(lambda: load("svhn"), "svhn needs SVHN's cropped digits", "--data-dir", "SPIKEFA_DATA")
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


# TIMIT


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
    refused(lambda: load("timit-stops"), "timit-stops needs features of TIMIT", "--data-dir")
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
