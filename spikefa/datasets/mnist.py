"""MNIST and Fashion-MNIST: found in a directory, or downloaded once and verified."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from spikefa.datasets.dataset import Dataset
from spikefa.datasets.idx import read_part
from spikefa.datasets.locate import VARIABLE, named_directory
from spikefa.errors import DataError

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


def load_idx(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load MNIST or Fashion-MNIST.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
    data_dir : path, optional
        Directory that holds the four IDX files, plain or gzipped, itself or in a subdirectory called `name`;
        by default what the ``SPIKEFA_DATA`` variable names. With neither, the files are downloaded into the
        user's cache once and their checksums verified.

    Returns
    -------
    Dataset

    Notes
    -----
    Files in a directory of the user's own may hold other images than the published ones, of any size, as long
    as they are sound and of ten classes; only downloads must match the published checksums.
    """
    directory, source = named_directory(data_dir)
    files = _download(name) if directory is None else _find(name, directory, source)
    train_images, train_labels = read_part(files[_TRAIN_IMAGES], files[_TRAIN_LABELS])
    test_images, test_labels = read_part(files[_TEST_IMAGES], files[_TEST_LABELS])
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
