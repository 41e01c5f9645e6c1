"""The part of CIFAR-10 in JPEG files, on archives made here."""

import hashlib
import io
import zipfile

import numpy as np
import pytest
from idx_files import refused
from PIL import Image

from spikefa.datasets import cifar10, load
from spikefa.errors import SpikefaWarning


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


def jpeg(colour, size=(4, 6)):
    held = io.BytesIO()
    Image.new("RGB", size[::-1], colour).save(held, "JPEG", quality=95)
    return held.getvalue()


def write(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


#: Class -> its colour; an image's number is added to its blue.
COLOURS = {"cat": (200, 20, 60), "ant": (10, 150, 90), "bee": (90, 80, 220)}


@pytest.fixture
def archives(tmp_path):
    for part, each in (("train", 3), ("test", 2)):
        files = {
            f"{name}/{n:04}.jpg": jpeg((r, g, b + 9 * n)) for name, (r, g, b) in COLOURS.items() for n in range(each)
        }
        write(tmp_path / f"{part}.zip", {**files, "cat/readme.txt": b"no image"})
    return tmp_path


def test_channels_come_one_after_the_other_and_classes_in_turn(archives):
    data = load("cifar10-jpeg", archives)
    assert (data.shape, data.channels, data.grid, data.classes) == ((12, 6), 3, (3, 4, 6), 3)
    assert data.train_images.dtype == np.uint8 and data.train_images.shape == (9, 72)
    assert data.train_labels.tolist() == 3 * [0, 1, 2] and data.test_labels.tolist() == 2 * [0, 1, 2]
    names = sorted(COLOURS)
    for k, image in enumerate(data.train_images.astype(int).reshape(9, 3, 24)):
        r, g, b = COLOURS[names[k % 3]]
        assert np.abs(image - [[r], [g], [b + 9 * (k // 3)]]).max() <= 3  # what JPEG changes
    assert data.split(3).validation_labels.tolist() == [0, 1, 2]


def test_archives_must_match_the_checksums_beside_them(archives):
    digests = {name: hashlib.sha256((archives / name).read_bytes()).hexdigest() for name in ("train.zip", "test.zip")}
    sums = archives / "SHA256SUMS"
    sums.write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))
    load("cifar10-jpeg", archives)
    sums.write_text(sums.read_text().replace(digests["test.zip"], 64 * "0"))
    refused(lambda: load("cifar10-jpeg", archives), archives / "test.zip", f"SHA-256 {64 * '0'}", "copy the file again")


def test_as_many_images_that_are_others_get_a_warning(archives, monkeypatch):
    right = hashlib.sha256((archives / "train.zip").read_bytes()).hexdigest()
    monkeypatch.setattr(cifar10, "_PUBLISHED", ((9, right), (6, 64 * "0")))
    with pytest.warns(SpikefaWarning, match=r"test\.zip: is not the file of cifar10-jpeg") as caught:
        load("cifar10-jpeg", archives)
    assert len(caught) == 1


def test_what_is_no_such_archive_is_refused(archives):
    for files, words in [
        ({"a.jpg": jpeg((1, 2, 3))}, ["expected CLASS/NNNN.jpg of at least two classes, found a.jpg"]),
        ({f"{name}/1.jpg": jpeg((1, 2, 3)) for name in ("ant", "bee")}, ["as in train.zip, found ['ant', 'bee']"]),
        ({f"{name}/1.jpg": jpeg((1, 2, 3), (5, 5)) for name in COLOURS}, ["images of (3, 4, 6)", "(3, 5, 5)"]),
        ({f"{name}/1.jpg": jpeg((1, 2, 3))[:50] for name in COLOURS}, ["one that is damaged"]),
        ({"ant/1.jpg": jpeg((1, 2, 3), (5, 5)), "bee/1.jpg": jpeg((1, 2, 3))}, ["expected JPEG files of one size"]),
    ]:
        write(archives / "test.zip", files)
        refused(lambda: load("cifar10-jpeg", archives), archives / "test.zip", *words)
    (archives / "test.zip").unlink()
    refused(lambda: load("cifar10-jpeg", archives), "test.zip: expected this file", "put train.zip and test.zip")
    refused(lambda: load("cifar10-jpeg"), "cifar10-jpeg needs a part of CIFAR-10", "data_dir", "SPIKEFA_DATA")
