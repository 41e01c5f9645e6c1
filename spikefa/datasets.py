"""Labelled images: found in a directory, downloaded once, or bundled.

``load("mnist")`` reads the four IDX files from ``data_dir``, from the directory that the ``SPIKEFA_DATA``
variable names, or from the user's cache, into which they are downloaded (and verified) when absent.
``load("digits")`` needs no files. Every fault in a file or an array raises a `DataError` that says what was
expected, what was found and what to do.
"""

from __future__ import annotations

import gzip
import math
import operator
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

NAMES = ("mnist", "fashion-mnist", "digits")
VARIABLE = "SPIKEFA_DATA"

_TRAIN_IMAGES, _TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_TEST_IMAGES, _TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
_FILES = (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS)
_BY_HAND = (
    f"put {', '.join(_FILES)} (plain or .gz) into a directory "
    f"and name it with data_dir (--data-dir) or the variable {VARIABLE}"
)

_MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
}
# MD5 of the .gz files as published, in the order of _FILES.
_MD5 = {
    "mnist": (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    "fashion-mnist": (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
}
# Both sets use the same file names and sizes: only the labels tell a directory of one from one of the other.
_FIRST_LABELS = {"mnist": (5, 0, 4, 1, 9, 2, 1, 3, 1, 4), "fashion-mnist": (9, 0, 0, 3, 0, 2, 7, 2, 5, 5)}
_DIGITS_TEST = 360


class DataError(ValueError):
    """A data set cannot be found, read or trusted."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled training and test images, checked and read-only.

    Images are uint8 (0 to 255, presented as value / 255) or floats in [0, 1], one row an image.

    Parameters
    ----------
    name : str
        What messages call the set.
    train_images, test_images : ndarray, shape (n, height * width)
        The images, in the type they come in.
    train_labels, test_labels : ndarray, shape (n,)
        Classes, integers from 0 to ``classes - 1``; kept as int64.
    shape : tuple of int
        Height and width of an image.
    classes : int
        Number of classes.
    validation_images, validation_labels : ndarray, optional
        A validation set, usually made by `split`.

    Raises
    ------
    DataError
        If shapes disagree, a label is no class, or a pixel is NaN or outside [0, 1].
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    shape: tuple[int, int]
    classes: int
    validation_images: np.ndarray | None = None
    validation_labels: np.ndarray | None = None

    def __post_init__(self) -> None:
        classes = _whole(self.classes)
        if classes is None or classes < 1:
            self._refuse(f"classes must be a positive integer, got {self.classes!r}")
        sides = tuple(map(_whole, self.shape)) if isinstance(self.shape, (tuple, list)) else ()
        if len(sides) != 2 or not all(side and side > 0 for side in sides):
            self._refuse(f"shape must be two positive integers (height, width), got {self.shape!r}")
        checked = {"classes": classes, "shape": sides}
        for part in ("train", "test", "validation"):
            x, y = f"{part}_images", f"{part}_labels"
            if part == "validation" and getattr(self, x) is None and getattr(self, y) is None:
                continue
            checked[x] = self._check_images(x, getattr(self, x), sides)
            checked[y] = self._check_labels(y, getattr(self, y), classes)
            if len(checked[x]) != len(checked[y]):
                self._refuse(f"{x} and {y} must be equally many, got {len(checked[x])} and {len(checked[y])}")
        for field, value in checked.items():
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        held_out = "" if self.validation_images is None else f"{len(self.validation_images)} validation, "
        return (
            f"<Dataset {self.name}: {len(self.train_images)} training, {held_out}{len(self.test_images)} "
            f"test images of {self.shape[0]} x {self.shape[1]}, {self.classes} classes>"
        )

    def split(self, validation: int) -> Dataset:
        """Set the last training images aside for validation.

        Parameters
        ----------
        validation : int
            How many; 0 (the paper's protocol) returns the set itself.

        Returns
        -------
        Dataset
            The same images, the last `validation` training images now in ``validation_images``.

        Raises
        ------
        DataError
            If `validation` is negative or leaves no training image, or the set is split already.
        """
        count = _whole(validation)
        if count is None or not 0 <= count < len(self.train_images):
            self._refuse(
                f"validation must be an integer from 0 to {len(self.train_images) - 1} "
                f"(it has {len(self.train_images)} training images), got {validation!r}"
            )
        if count == 0:
            return self
        if self.validation_images is not None:
            self._refuse(f"it is split already: it has {len(self.validation_images)} validation images")
        return replace(
            self,
            train_images=self.train_images[:-count],
            train_labels=self.train_labels[:-count],
            validation_images=self.train_images[-count:],
            validation_labels=self.train_labels[-count:],
        )

    def _refuse(self, rule: str) -> None:
        raise DataError(f"data set {self.name!r}: {rule}")

    def _check_images(self, field: str, images: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        images, n_pixels = np.asarray(images), math.prod(sides)
        if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
            self._refuse(f"{field} must be uint8 (0 to 255) or floats (0 to 1), got {images.dtype}")
        if images.ndim != 2 or images.shape[1] != n_pixels or not len(images):
            self._refuse(
                f"{field} must have shape (n, {n_pixels}) with n > 0, one row of "
                f"{sides[0]} x {sides[1]} pixels an image, got {images.shape}"
            )
        if images.dtype != np.uint8:
            bad = ~((images >= 0) & (images <= 1))  # NaN compares false, so it is bad too
            if bad.any():
                image, pixel = divmod(int(bad.argmax()), n_pixels)
                value = images[image, pixel]
                self._refuse(f"{field} must lie in [0, 1], got {value} at image {image}, pixel {pixel}")
        return _read_only(images)

    def _check_labels(self, field: str, labels: np.ndarray, classes: int) -> np.ndarray:
        labels = np.asarray(labels)
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            self._refuse(f"{field} must be integers of shape (n,), got {labels.dtype} of {labels.shape}")
        bad = (labels < 0) | (labels >= classes)
        if bad.any():
            first = int(bad.argmax())
            self._refuse(f"{field} must lie in 0 to {classes - 1}, got {labels[first]} at index {first}")
        return _read_only(labels.astype(np.int64))


def load(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load a data set by its name.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "digits"}
        60,000 + 10,000 handwritten digits or garments of 28 x 28 pixels (uint8), or scikit-learn's bundled
        1,797 digits of 8 x 8 (float32; the first 1,437 train, the last 360 test).
    data_dir : path, optional
        Directory that holds the four IDX files, plain or gzipped, itself or in a subdirectory called `name`;
        by default what the ``SPIKEFA_DATA`` variable names. With neither, the files are downloaded into the
        user's cache once and their checksums verified. "digits" needs no directory and ignores it.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If the name is unknown, or a file is missing, damaged, foreign or cannot be downloaded.

    Notes
    -----
    Files in a directory of the user's own may hold other images than the published ones, of any size, as long
    as they are sound and of ten classes; only downloads must match the published checksums.
    """
    if name not in NAMES:
        raise DataError(f"unknown data set {name!r}; there are: {', '.join(NAMES)}")
    if name == "digits":
        return _digits()
    directory = data_dir or os.environ.get(VARIABLE)
    if directory:
        files = _find(name, Path(directory).expanduser(), "data_dir" if data_dir else VARIABLE)
    else:
        files = _download(name)
    train_images, train_labels = _read_part(files[_TRAIN_IMAGES], files[_TRAIN_LABELS])
    test_images, test_labels = _read_part(files[_TEST_IMAGES], files[_TEST_LABELS])
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{files[_TEST_IMAGES]}: expected images of {train_images.shape[1:]} pixels, as in "
            f"{files[_TRAIN_IMAGES].name}, found {test_images.shape[1:]}; the files must be of one set"
        )
    for other, first in _FIRST_LABELS.items():
        if other != name and tuple(train_labels[: len(first)].tolist()) == first:
            raise DataError(
                f"{files[_TRAIN_LABELS]}: expected {name}, found the labels of {other}, whose files have "
                f"the same names; put {name} into a directory of its own"
            )
    return Dataset(
        name,
        train_images.reshape(len(train_images), -1),
        train_labels,
        test_images.reshape(len(test_images), -1),
        test_labels,
        shape=train_images.shape[1:],
        classes=10,
    )


def pixels(images: np.ndarray) -> np.ndarray:
    """Return images as a network sees them: float32 in [0, 1].

    Parameters
    ----------
    images : ndarray
        Images of a `Dataset`: uint8, divided by 255, or floats, which are only converted.

    Returns
    -------
    ndarray
        float32, of the same shape.
    """
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return np.divide(images, 255, dtype=np.float32)
    if np.issubdtype(images.dtype, np.floating):
        return images.astype(np.float32, copy=False)
    raise DataError(f"pixels: images must be uint8 (0 to 255) or floats (0 to 1), got {images.dtype}")


def _whole(value: object) -> int | None:
    """Return an integer of any integer type as int, and None for everything else."""
    try:
        return None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        return None


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _digits() -> Dataset:
    from sklearn.datasets import load_digits  # takes a second to import

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    cut = len(images) - _DIGITS_TEST
    return Dataset("digits", images[:cut], labels[:cut], images[cut:], labels[cut:], (8, 8), 10)


def _find(name: str, directory: Path, source: str) -> dict[str, Path]:
    """Return the paths of the four files in a user's directory."""
    if not os.path.isdir(directory):
        found = "a file" if os.path.exists(directory) else "nothing readable"
        raise DataError(f"{directory}: expected a directory (named by {source}), found {found}; {_BY_HAND}")
    if os.path.isdir(directory / name):
        directory = directory / name
    return {stem: _find_file(directory, stem) for stem in _FILES}


def _find_file(directory: Path, stem: str) -> Path:
    candidates = [directory / stem, directory / f"{stem}.gz"]
    for path in candidates:
        if os.path.isfile(path):
            return path
    found = "a directory of that name" if any(map(os.path.isdir, candidates)) else "neither"
    raise DataError(f"{candidates[0]}: expected this file, plain or .gz, found {found}; {_BY_HAND}")


def _download(name: str) -> dict[str, Path]:
    """Return the paths of the four files in the user's cache, fetching those that are absent or damaged."""
    import pooch

    cache = pooch.os_cache("spikefa") / name
    files = {}
    for stem, md5 in zip(_FILES, _MD5[name], strict=True):
        reasons = []
        for mirror in _MIRRORS[name]:
            try:
                files[stem] = Path(pooch.retrieve(f"{mirror}{stem}.gz", f"md5:{md5}", f"{stem}.gz", cache))
                break
            except (OSError, ValueError) as error:
                reasons.append(f"{urlsplit(mirror).netloc}: {_reason(error)}")
        else:
            raise DataError(f"{name}: cannot download {stem}.gz ({'; '.join(reasons)}); {_BY_HAND}")
    return files


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, (requests.ConnectionError, requests.Timeout)):
        return f"no connection, {type(error).__name__}"
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return "what it sends does not have the published checksum"
    return str(error)


def _read_part(image_file: Path, label_file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images (n, height, width) and their labels (n,), one of ten classes each."""
    images, labels = _read_idx(image_file, 3), _read_idx(label_file, 1)
    if len(images) != len(labels):
        raise DataError(
            f"{label_file}: expected {len(images)} labels, one for each image of {image_file.name}, "
            f"found {len(labels)}; the files must be of one set"
        )
    if labels.max() > 9:
        first = int((labels > 9).argmax())
        raise DataError(
            f"{label_file}: expected labels from 0 to 9, found {labels[first]} at index {first}; "
            "another set has the same file names, so look where this one comes from"
        )
    return images, labels


def _read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or not, whatever its name ends in.

    IDX: two zero bytes, the type (8), the number of dimensions, each size as big-endian uint32, the values.
    """

    def refuse(found: str) -> DataError:
        return DataError(
            f"{path}: expected a {dimensions}-dimensional IDX file of unsigned bytes (plain or gzipped), "
            f"found {found}; copy or download the file again"
        )

    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise refuse(f"a damaged gzip file ({error})") from error
    except OSError as error:
        raise refuse(f"one that cannot be read ({error.strerror})") from error
    start = 4 + 4 * dimensions
    if not data:
        raise refuse("an empty file")
    if data[:4] != bytes([0, 0, 8, dimensions]):
        raise refuse(f"one that starts with 0x{data[:4].hex()}, not 0x0000080{dimensions}")
    if len(data) < start:
        raise refuse(f"a header cut off after {len(data)} bytes")
    shape = tuple(np.frombuffer(data, ">u4", dimensions, offset=4).tolist())
    size = math.prod(shape)
    if len(data) - start != size:
        raise refuse(f"{len(data) - start} bytes of values where the header says {shape}, {size} bytes")
    if size == 0:
        raise refuse(f"one without values, of shape {shape}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
