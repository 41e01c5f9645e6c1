"""MNIST and Fashion-MNIST from directories: found, missing, damaged and foreign files."""

import gzip
import hashlib
import os
import struct
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from idx_files import STEMS, arrays, assert_same, idx, refused, write

import spikefa.datasets.idx
from spikefa.datasets import load
from spikefa.datasets.mnist import Published, load_idx
from spikefa.errors import SpikefaWarning


def mnist_dir():
    """The directory of the real MNIST, from SPIKEFA_DATA or beside the checkout, or None."""
    named = os.environ.get("SPIKEFA_DATA")
    roots = [Path(named)] if named else []
    roots.append(Path(__file__).resolve().parents[3] / "shared/data")
    for root in roots:
        for directory in (root / "mnist", root):
            if any((directory / (STEMS[0] + end)).is_file() for end in ("", ".gz")):
                return directory
    return None


MNIST = mnist_dir()


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


@pytest.mark.skipif(MNIST is None, reason="no MNIST beside the checkout (../shared/data/mnist) or in SPIKEFA_DATA")
def test_mnist_is_the_published_set():
    mnist = load("mnist", MNIST)
    assert mnist.train_images.shape == (60000, 784) and mnist.test_images.shape == (10000, 784)
    assert mnist.train_images.dtype == np.uint8 and mnist.train_labels.dtype == np.int64
    assert mnist.shape == (28, 28) and mnist.classes == 10
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.train_labels).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    assert mnist.train_images[0].sum() == 27525
    # MD5 of the decompressed originals, past the header
    assert mnist.train_images.sum(dtype=np.int64) == 1567298545
    whole = {
        "train_images": (struct.pack(">4I", 2051, 60000, 28, 28), "6bbc9ace898e44ae57da46a324031adb"),
        "train_labels": (struct.pack(">2I", 2049, 60000), "a25bea736e30d166cdddb491f175f624"),
        "test_images": (struct.pack(">4I", 2051, 10000, 28, 28), "2646ac647ad5339dbf082846283269ea"),
        "test_labels": (struct.pack(">2I", 2049, 10000), "27ae3e4e09519cfbb04c329615203637"),
    }
    for field, (head, md5) in whole.items():
        assert hashlib.md5(head + getattr(mnist, field).astype(np.uint8).tobytes()).hexdigest() == md5
    validated = mnist.split(10000)
    assert [len(x) for x in (validated.train_labels, validated.validation_labels)] == [50000, 10000]


@pytest.mark.skipif(MNIST is None, reason="no MNIST beside the checkout (../shared/data/mnist) or in SPIKEFA_DATA")
def test_mnist_is_not_taken_for_fashion_mnist():
    refused(lambda: load("fashion-mnist", MNIST), STEMS[1], "expected fashion-mnist", "labels of mnist", "own")


def test_fashion_mnist_is_not_taken_for_mnist(tmp_path):
    content = arrays()
    content[STEMS[1]][:10] = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    write(tmp_path, content)
    refused(lambda: load("mnist", tmp_path), STEMS[1], "expected mnist", "labels of fashion-mnist")
    assert_same(load("fashion-mnist", tmp_path), content)


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("sub", [False, True])
def test_directory(tmp_path, end, name, sub):
    content = write(tmp_path / name if sub else tmp_path, end=end)
    loaded = load(name, tmp_path)
    assert_same(loaded, content)
    assert loaded.name == name and loaded.shape == (3, 4)
    assert_same(load(name, str(tmp_path)), content)


def test_variable(tmp_path, monkeypatch):
    own, other = write(tmp_path / "own"), write(tmp_path / "all" / "mnist", arrays(seed=1))
    monkeypatch.setenv("SPIKEFA_DATA", str(tmp_path / "own"))
    assert_same(load("mnist"), own)
    monkeypatch.setenv("SPIKEFA_DATA", str(tmp_path / "all"))
    assert_same(load("mnist"), other)
    assert_same(load("mnist", tmp_path / "own"), own)


def test_home_is_expanded(tmp_path, monkeypatch):
    content = write(tmp_path / "data")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert_same(load("mnist", "~/data"), content)


def test_content_counts_and_not_the_ending(tmp_path):
    """A browser may unpack a file and leave its name, or the reverse."""
    content = write(tmp_path, end=".gz")
    plain = tmp_path / f"{STEMS[0]}.gz"
    plain.write_bytes(idx(content[STEMS[0]]))
    packed = tmp_path / f"{STEMS[1]}.gz"
    packed.rename(tmp_path / STEMS[1])
    assert_same(load("mnist", tmp_path), content)


def test_a_directory_of_a_files_name_does_not_hide_the_archive(tmp_path):
    content = write(tmp_path, end=".gz")
    (tmp_path / STEMS[0]).mkdir()
    assert_same(load("mnist", tmp_path), content)


def test_missing_directory(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    refused(lambda: load("mnist", gone), gone, "expected a directory (named by data_dir)", "found nothing")
    monkeypatch.setenv("SPIKEFA_DATA", str(gone))
    refused(lambda: load("mnist"), gone, "named by SPIKEFA_DATA", "data_dir")
    gone.write_text("x")
    refused(lambda: load("mnist"), gone, "found a file")


@pytest.mark.parametrize("stem", STEMS)
def test_missing_file(tmp_path, stem):
    write(tmp_path)
    (tmp_path / stem).unlink()
    refused(lambda: load("mnist", tmp_path), tmp_path / stem, "plain or .gz, found neither", "put train-images")


@pytest.mark.parametrize("end", ["", ".gz"])
def test_directory_instead_of_a_file(tmp_path, end):
    write(tmp_path)
    (tmp_path / STEMS[2]).unlink()
    (tmp_path / (STEMS[2] + end)).mkdir()
    refused(lambda: load("mnist", tmp_path), tmp_path / STEMS[2], "found a directory of that name", "put train")


def test_unreadable_file(tmp_path, monkeypatch):
    write(tmp_path)

    def denied(path, *mode):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(spikefa.datasets.idx, "open", denied, raising=False)
    refused(lambda: load("mnist", tmp_path), tmp_path / STEMS[0], "cannot be read (Permission denied)")


# Damaged and foreign files: (which file, its bytes from the sound array, what the message says)

GZIP = partial(gzip.compress, mtime=0)
BAD_FILES = {
    "empty": (0, lambda a: b"", ["an empty file", "3-dimensional IDX", "again"]),
    "empty-gzip": (0, lambda a: GZIP(b""), ["an empty file"]),
    "web-page": (0, lambda a: b"<html>404</html>", ["starts with 0x3c68746d, not 0x00000803"]),
    "labels-as-images": (0, lambda a: idx(a[STEMS[1]]), ["starts with 0x00000801, not 0x00000803"]),
    "images-as-labels": (3, lambda a: idx(a[STEMS[2]]), ["starts with 0x00000803, not 0x00000801", "1-dim"]),
    "float-idx": (0, lambda a: b"\0\0\x0d\x03" + idx(a[STEMS[0]])[4:], ["starts with 0x00000d03"]),
    "two-bytes": (0, lambda a: b"\0\0", ["starts with 0x0000,"]),
    "header-cut": (0, lambda a: idx(a[STEMS[0]])[:10], ["a header cut off after 10 bytes"]),
    "truncated": (0, lambda a: idx(a[STEMS[0]])[:-1], ["239 bytes of values", "(20, 3, 4), 240 bytes"]),
    "too-long": (1, lambda a: idx(a[STEMS[1]]) + b"\1", ["21 bytes of values", "(20,), 20 bytes"]),
    "huge-header": (
        0,
        lambda a: struct.pack(">4I", 2051, *[2**32 - 1] * 3) + bytes(9),
        ["9 bytes of values", "(4294967295, 4294967295, 4294967295)"],
    ),
    "no-images": (2, lambda a: idx(a[STEMS[2]][:0]), ["one without values, of shape (0, 3, 4)"]),
    "no-labels": (1, lambda a: idx([]), ["one without values, of shape (0,)"]),
    "gzip-truncated": (0, lambda a: GZIP(idx(a[STEMS[0]]))[:-20], ["a damaged gzip file", "ended before"]),
    "gzip-header-only": (0, lambda a: b"\x1f\x8b", ["a damaged gzip file"]),
    "gzip-bit-flip": (
        0,
        lambda a: GZIP(idx(a[STEMS[0]]))[:-8] + b"\0\0\0\0" + GZIP(idx(a[STEMS[0]]))[-4:],
        ["a damaged gzip file", "CRC"],
    ),
    "gzip-garbage": (0, lambda a: GZIP(b"")[:10] + b"\xff" * 30, ["a damaged gzip file"]),
    "fewer-labels": (1, lambda a: idx(a[STEMS[1]][:-1]), ["expected 20 labels", STEMS[0], "found 19"]),
    "more-test-labels": (3, lambda a: idx([1] * 11), ["expected 10 labels", STEMS[2], "found 11"]),
    "label-out-of-range": (1, lambda a: idx([9] * 7 + [37] * 13), ["from 0 to 9", "found 37 at index 7"]),
    "other-size": (2, lambda a: idx(np.zeros((10, 4, 4))), ["(3, 4) pixels", "found (4, 4)", "of one set"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_bad_file(tmp_path, case, end):
    which, make, words = BAD_FILES[case]
    content = write(tmp_path, end=end)
    path = tmp_path / (STEMS[which] + end)
    path.write_bytes(make(content))
    refused(lambda: load("mnist", tmp_path), f"{path}: expected", "found", "; ", *words)


# Files that pack gigabytes of zeros

BOMB = struct.pack(">4I", 2051, 2**20, 128, 128)  # 16 GiB of pixels


def bomb(path, head, megabytes):
    """A gzip file of a header and then zeros, packed a thousandfold."""
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(head)
        for _ in range(megabytes):
            file.write(bytes(2**20))


@pytest.mark.parametrize("case", ["promised", "more-than-promised", "sparse"])
def test_a_bomb_is_read_no_further_than_its_header_says(tmp_path, case):
    path = tmp_path / STEMS[0]
    write(tmp_path)
    if case == "sparse":
        with open(path, "wb") as file:
            file.write(idx(np.zeros((2, 3, 4))))
            file.truncate(2**34)
        words = ["bytes of values where the header says (2, 3, 4), 24 bytes"]
    elif case == "promised":
        bomb(path, BOMB, 1)
        words = ["that are to hold (1048576, 128, 128), 17179869184 bytes"]
    else:
        bomb(path, idx(np.zeros((2, 3, 4))), 300)
        words = ["more than 24 bytes of values where the header says (2, 3, 4), 24 bytes"]
    tracemalloc.start()
    refused(lambda: load("mnist", tmp_path), path, *words)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6


# Files of the published names and sizes with something else in them


@pytest.mark.parametrize("end", ["", ".gz"])
def test_a_file_that_is_not_the_published_one_gets_a_warning(tmp_path, end):
    content = write(tmp_path, end=end)
    shapes = tuple(array.shape for array in content.values())
    sha256 = tuple(hashlib.sha256(idx(array)).hexdigest() for array in content.values())
    small = Published("small", (), ("",) * 4, (), shapes, sha256)
    assert_same(load_idx(small, tmp_path), content)
    content[STEMS[2]][3, 1, 2] ^= 1
    write(tmp_path, content, end)
    with pytest.warns(SpikefaWarning, match=f"{STEMS[2]}{end}: is not the published file of small"):
        assert_same(load_idx(small, tmp_path), content)
    content[STEMS[2]] = content[STEMS[2]][:5]
    content[STEMS[3]] = content[STEMS[3]][:5]
    write(tmp_path, content, end)  # of another size: the user's own
    assert_same(load_idx(small, tmp_path), content)
