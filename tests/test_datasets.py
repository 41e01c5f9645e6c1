"""Loading, checking and downloading of data sets. Nothing here needs a network."""

import gzip
import hashlib
import os
import struct
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from spikefa import datasets
from spikefa.datasets import DataError, Dataset, load, pixels

STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def mnist_dir():
    """The directory of the real MNIST, from SPIKEFA_DATA or beside the checkout, or None."""
    named = os.environ.get("SPIKEFA_DATA")
    roots = [Path(named)] if named else []
    roots.append(Path(__file__).resolve().parents[2] / "shared/data")
    for root in roots:
        for directory in (root / "mnist", root):
            if any((directory / (STEMS[0] + end)).is_file() for end in ("", ".gz")):
                return directory
    return None


MNIST = mnist_dir()


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


def idx(array):
    """An array as the bytes of an IDX file, written apart from the reader under test."""
    array = np.asarray(array, np.uint8)
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def arrays(n=20, n_test=10, height=3, width=4, seed=0):
    rng = np.random.default_rng(seed)
    return {
        STEMS[0]: rng.integers(0, 256, (n, height, width), np.uint8),
        STEMS[1]: rng.integers(0, 10, n, np.uint8),
        STEMS[2]: rng.integers(0, 256, (n_test, height, width), np.uint8),
        STEMS[3]: rng.integers(0, 10, n_test, np.uint8),
    }


def write(directory, content=None, end=""):
    content = arrays() if content is None else content
    directory.mkdir(parents=True, exist_ok=True)
    for stem, array in content.items():
        data = idx(array)
        (directory / (stem + end)).write_bytes(gzip.compress(data) if end else data)
    return content


def assert_same(loaded, content):
    for field, stem in zip(
        ("train_images", "train_labels", "test_images", "test_labels"), STEMS, strict=True
    ):
        expected = content[stem]
        np.testing.assert_array_equal(getattr(loaded, field), expected.reshape(len(expected), -1).squeeze())


def refused(call, *words):
    """`call` must raise a DataError of one line that holds every one of `words`."""
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message, f"{word!r} not in: {message}"
    return message


# The real thing


@pytest.mark.skipif(
    MNIST is None, reason="no MNIST beside the checkout (../shared/data/mnist) or in SPIKEFA_DATA"
)
def test_mnist_is_the_published_set():
    mnist = load("mnist", MNIST)
    assert mnist.train_images.shape == (60000, 784) and mnist.test_images.shape == (10000, 784)
    assert mnist.train_images.dtype == np.uint8 and mnist.train_labels.dtype == np.int64
    assert mnist.shape == (28, 28) and mnist.classes == 10
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.train_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
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


@pytest.mark.skipif(
    MNIST is None, reason="no MNIST beside the checkout (../shared/data/mnist) or in SPIKEFA_DATA"
)
def test_mnist_is_not_taken_for_fashion_mnist():
    refused(
        lambda: load("fashion-mnist", MNIST), STEMS[1], "expected fashion-mnist", "labels of mnist", "own"
    )


def test_fashion_mnist_is_not_taken_for_mnist(tmp_path):
    content = arrays()
    content[STEMS[1]][:10] = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    write(tmp_path, content)
    refused(lambda: load("mnist", tmp_path), STEMS[1], "expected mnist", "labels of fashion-mnist")
    assert_same(load("fashion-mnist", tmp_path), content)


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


@pytest.mark.parametrize("name", ["cifar10", "MNIST", "", None, 3])
def test_unknown_name(name):
    refused(lambda: load(name), repr(name), "mnist, fashion-mnist, digits")


# Directories


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
    refused(lambda: load("mnist"), gone, "named by SPIKEFA_DATA", "--data-dir")
    gone.write_text("x")
    refused(lambda: load("mnist"), gone, "found a file")


@pytest.mark.parametrize("stem", STEMS)
def test_missing_file(tmp_path, stem):
    write(tmp_path)
    (tmp_path / stem).unlink()
    refused(
        lambda: load("mnist", tmp_path), tmp_path / stem, "plain or .gz, found neither", "put train-images"
    )


@pytest.mark.parametrize("end", ["", ".gz"])
def test_directory_instead_of_a_file(tmp_path, end):
    write(tmp_path)
    (tmp_path / STEMS[2]).unlink()
    (tmp_path / (STEMS[2] + end)).mkdir()
    refused(
        lambda: load("mnist", tmp_path), tmp_path / STEMS[2], "found a directory of that name", "put train"
    )


def test_unreadable_file(tmp_path, monkeypatch):
    write(tmp_path)

    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
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
    "gzip-bit-flip": (0, lambda a: GZIP(idx(a[STEMS[0]]))[:-8] + b"\0\0\0\0" + GZIP(idx(a[STEMS[0]]))[-4:],
                      ["a damaged gzip file", "CRC"]),
    "gzip-garbage": (0, lambda a: GZIP(b"")[:10] + b"\xff" * 30, ["a damaged gzip file"]),
    "fewer-labels": (1, lambda a: idx(a[STEMS[1]][:-1]), ["expected 20 labels", STEMS[0], "found 19"]),
    "more-test-labels": (3, lambda a: idx([1] * 11), ["expected 10 labels", STEMS[2], "found 11"]),
    "label-out-of-range": (1, lambda a: idx([9] * 7 + [37] * 13), ["from 0 to 9", "found 37 at index 7"]),
    "other-size": (2, lambda a: idx(np.zeros((10, 4, 4))), ["(3, 4) pixels", "found (4, 4)", "of one set"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_bad_file(tmp_path, case, end):
    which, make, words = BAD_FILES[case]
    content = write(tmp_path, end=end)
    path = tmp_path / (STEMS[which] + end)
    path.write_bytes(make(content))
    refused(lambda: load("mnist", tmp_path), f"{path}: expected", "found", "; ", *words)


# Downloading, from a server on this machine


class Server:
    """Serves `content` (path -> bytes) and remembers every request."""

    def __init__(self):
        self.content, self.requests, server = {}, [], self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                body = server.content.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args):
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def mirrors(server, monkeypatch, tmp_path):
    """Two mirrors, one/ and two/, of a small "mnist"; the cache is in tmp_path."""
    import pooch

    content = arrays()
    files = {f"{stem}.gz": GZIP(idx(array)) for stem, array in content.items()}
    server.content.update(
        {f"/{place}/{file}": data for place in ("one", "two") for file, data in files.items()}
    )
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setitem(datasets._MIRRORS, "mnist", (f"{server.url}/one/", f"{server.url}/two/"))
    monkeypatch.setitem(
        datasets._MD5, "mnist", tuple(hashlib.md5(data).hexdigest() for data in files.values())
    )
    return content


def test_download_once(server, mirrors, tmp_path):
    assert_same(load("mnist"), mirrors)
    assert server.requests == [f"/one/{stem}.gz" for stem in STEMS]
    assert sorted(p.name for p in (tmp_path / "cache/spikefa/mnist").iterdir()) == sorted(
        f"{s}.gz" for s in STEMS
    )
    server.requests.clear()
    assert_same(load("mnist"), mirrors)
    assert server.requests == []


def test_an_empty_variable_is_none(server, mirrors, monkeypatch):
    monkeypatch.setenv("SPIKEFA_DATA", "")
    assert_same(load("mnist"), mirrors)
    assert len(server.requests) == 4


def test_a_directory_is_never_filled_by_downloads(server, mirrors, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(lambda: load("mnist", tmp_path / "empty"), STEMS[0], "found neither")
    assert server.requests == []


def test_damaged_cache_is_fetched_again(server, mirrors, tmp_path):
    load("mnist")
    server.requests.clear()
    cached = tmp_path / "cache/spikefa/mnist" / f"{STEMS[3]}.gz"
    cached.write_bytes(cached.read_bytes()[:-5])
    assert_same(load("mnist"), mirrors)
    assert server.requests == [f"/one/{STEMS[3]}.gz"]


@pytest.mark.parametrize("fault", ["absent", "altered"])
def test_second_mirror(server, mirrors, fault):
    if fault == "absent":
        del server.content[f"/one/{STEMS[1]}.gz"]
    else:
        server.content[f"/one/{STEMS[1]}.gz"] += b"\0"
    assert_same(load("mnist"), mirrors)
    assert f"/two/{STEMS[1]}.gz" in server.requests and f"/two/{STEMS[0]}.gz" not in server.requests


def test_wrong_checksum(server, mirrors, tmp_path):
    for place in ("one", "two"):
        server.content[f"/{place}/{STEMS[2]}.gz"] = GZIP(idx(np.zeros((10, 3, 4))))
    refused(
        lambda: load("mnist"), "mnist: cannot download", f"{STEMS[2]}.gz", "127.0.0.1", "published checksum",
        "put train-images-idx3-ubyte", "data_dir", "--data-dir", "SPIKEFA_DATA",
    )  # fmt: skip
    assert not (tmp_path / "cache/spikefa/mnist" / f"{STEMS[2]}.gz").exists()


def test_not_found(server, mirrors):
    server.content.clear()
    message = refused(
        lambda: load("mnist"), "cannot download train-images-idx3-ubyte.gz", "404", "SPIKEFA_DATA"
    )
    assert message.count("404") == 2


def test_no_connection(server, mirrors, monkeypatch):
    monkeypatch.setitem(datasets._MIRRORS, "mnist", ("http://127.0.0.1:1/",))
    refused(
        lambda: load("mnist"), "cannot download", "127.0.0.1:1: no connection", "--data-dir", "SPIKEFA_DATA"
    )


def test_cache_that_cannot_be_made(server, mirrors, tmp_path):
    (tmp_path / "cache").write_text("a file where the cache should be")
    refused(lambda: load("mnist"), "cannot download", str(tmp_path / "cache"), "SPIKEFA_DATA")


def test_published_addresses_and_checksums_are_complete():
    assert set(datasets._MIRRORS) == set(datasets._MD5) == set(datasets.NAMES) - {"digits"}
    for sums in datasets._MD5.values():
        assert len(sums) == len(set(sums)) == 4 and all(len(md5) == 32 for md5 in sums)
    for urls in datasets._MIRRORS.values():
        assert all(url.startswith("http") and url.endswith("/") for url in urls)


# Dataset


def parts(**changes):
    rng = np.random.default_rng(1)
    return {
        "name": "own",
        "train_images": rng.random((8, 6)),
        "train_labels": rng.integers(0, 3, 8),
        "test_images": rng.random((5, 6)),
        "test_labels": rng.integers(0, 3, 5),
        "shape": (2, 3),
        "classes": 3,
    } | changes


def poked(value, at=(2, 4)):
    images = np.full((8, 6), 0.5)
    images[at] = value
    return images


def test_dataset_keeps_what_it_is_given():
    given = parts()
    own = Dataset(**given)
    np.testing.assert_array_equal(own.train_images, given["train_images"])
    assert own.train_images.dtype == np.float64 and own.train_labels.dtype == np.int64
    assert repr(own) == "<Dataset own: 8 training, 5 test images of 2 x 3, 3 classes>"
    with pytest.raises(AttributeError):
        own.name = "other"


def test_dataset_is_read_only_and_leaves_the_arrays_alone():
    given = parts()
    own = Dataset(**given)
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(own, field)[0] = 0
        assert given[field].flags.writeable


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"train_images": poked(np.nan)}, ["train_images", "[0, 1]", "got nan at image 2, pixel 4"]),
        ({"train_images": poked(1.5)}, ["got 1.5 at image 2, pixel 4"]),
        ({"train_images": poked(-0.25, (0, 0))}, ["got -0.25 at image 0, pixel 0"]),
        ({"train_images": poked(np.inf, (7, 5))}, ["got inf at image 7, pixel 5"]),
        ({"train_images": poked([2, 3], (1, [3, 5]))}, ["got 2.0 at image 1, pixel 3"]),
        ({"train_images": np.zeros((8, 6), int)}, ["uint8 (0 to 255) or floats (0 to 1), got int64"]),
        ({"train_images": np.zeros((8, 6), bool)}, ["got bool"]),
        ({"train_images": np.zeros((8, 2, 3))}, ["shape (n, 6)", "2 x 3", "got (8, 2, 3)"]),
        ({"train_images": np.zeros((8, 7))}, ["shape (n, 6)", "got (8, 7)"]),
        ({"test_images": np.zeros((0, 6)), "test_labels": np.zeros(0, int)}, ["test_images", "got (0, 6)"]),
        ({"train_images": None}, ["train_images", "got object"]),
        ({"train_images": np.zeros((9, 6))}, ["train_images and train_labels", "got 9 and 8"]),
        ({"test_labels": np.array([0, 1, 3, 2, 9])}, ["test_labels", "0 to 2, got 3 at index 2"]),
        ({"test_labels": np.array([0, 1, 2, 2, -1])}, ["got -1 at index 4"]),
        ({"test_labels": np.array([2**64 - 1] * 5, np.uint64)}, ["got 18446744073709551615 at index 0"]),
        ({"test_labels": np.zeros(5)}, ["integers of shape (n,), got float64 of (5,)"]),
        ({"test_labels": np.zeros((5, 1), int)}, ["got int64 of (5, 1)"]),
        ({"validation_images": np.zeros((2, 6))}, ["validation_labels", "got object"]),
        ({"validation_labels": np.zeros(2, int)}, ["validation_images", "got object"]),
        ({"shape": (2, 4)}, ["train_images", "(n, 8)", "got (8, 6)"]),
        ({"shape": 6}, ["shape must be two positive integers (height, width), got 6"]),
        ({"shape": (2, 0)}, ["got (2, 0)"]),
        ({"shape": (2.0, 3)}, ["got (2.0, 3)"]),
        ({"shape": (1, 2, 3)}, ["got (1, 2, 3)"]),
        ({"classes": 0}, ["classes must be a positive integer, got 0"]),
        ({"classes": 2.5}, ["got 2.5"]),
        ({"classes": True}, ["got True"]),
    ],
)
def test_dataset_refuses(changes, words):
    refused(lambda: Dataset(**parts(**changes)), "data set 'own': ", *words)


def test_split():
    whole = Dataset(**parts())
    own = whole.split(3)
    np.testing.assert_array_equal(own.train_images, whole.train_images[:5])
    np.testing.assert_array_equal(own.train_labels, whole.train_labels[:5])
    np.testing.assert_array_equal(own.validation_images, whole.train_images[5:])
    np.testing.assert_array_equal(own.validation_labels, whole.train_labels[5:])
    np.testing.assert_array_equal(own.test_images, whole.test_images)
    assert len(whole.train_images) == 8 and whole.validation_images is None
    assert "5 training, 3 validation, 5 test" in repr(own)
    assert len(whole.split(np.int32(7)).train_images) == 1


def test_split_of_none_is_the_set_itself():
    whole = Dataset(**parts())
    assert whole.split(0) is whole
    own = whole.split(2)
    assert own.split(0) is own


@pytest.mark.parametrize("count", [-1, 8, 100, 2.0, "2", None, True])
def test_split_refuses(count):
    whole = Dataset(**parts())
    refused(lambda: whole.split(count), "'own'", "from 0 to 7", "8 training images", f"got {count!r}")


def test_split_twice_is_refused():
    own = Dataset(**parts()).split(2)
    refused(lambda: own.split(1), "'own'", "split already", "2 validation images")


# pixels


def test_pixels_of_bytes():
    images = np.arange(256, dtype=np.uint8).reshape(16, 16)
    seen = pixels(images)
    assert seen.dtype == np.float32 and seen.shape == images.shape
    assert seen.min() == 0 and seen.max() == 1
    np.testing.assert_allclose(seen.ravel(), np.arange(256) / 255, rtol=1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_pixels_of_floats(dtype):
    images = np.array([[0, 0.25, 1]], dtype)
    seen = pixels(images)
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen, [[0, 0.25, 1]])


@pytest.mark.parametrize("dtype", [int, bool, np.int8])
def test_pixels_refuses(dtype):
    refused(
        lambda: pixels(np.ones((2, 3), dtype)), "pixels", "uint8 (0 to 255) or floats", str(np.dtype(dtype))
    )
