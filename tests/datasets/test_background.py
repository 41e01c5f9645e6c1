"""MNIST over photographs, on archives made here."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from idx_files import STEMS, refused, write
from PIL import Image
from zip_files import damaged_member

from spikefa.datasets import load
from spikefa.datasets.background import mnist_background, over, patches, photographs


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


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
        lambda: load("mnist-background"),
        "needs photographs",
        "put train.zip and test.zip into a directory",
        "data_dir",
        "SPIKEFA_DATA",
    )


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
