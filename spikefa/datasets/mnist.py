"""MNIST and Fashion-MNIST: found in a directory, or downloaded once and verified."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from spikefa._checks import user_path
from spikefa.datasets.dataset import Dataset
from spikefa.datasets.idx import idx_digest, read_part
from spikefa.datasets.locate import VARIABLE, named_directory
from spikefa.datasets.registry import datasets
from spikefa.errors import DataError, SpikefaWarning

_TRAIN_IMAGES, _TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_TEST_IMAGES, _TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
_FILES = (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS)
_BY_HAND = (
    f"put {', '.join(_FILES)} (plain or .gz) into a directory and name it with data_dir or the variable {VARIABLE}"
)


@dataclass(frozen=True)
class Published:
    """A set as it is published: its addresses, and what identifies it.

    Parameters
    ----------
    name : str
    mirrors : tuple of str
        Addresses of directories with the four .gz files; the first that has a file will do.
    md5 : tuple of str
        Checksums of the .gz files: training images and labels, test images and labels.
    first_labels : tuple of int
        The first training labels. All sets use the same file names and sizes: only labels distinguish them.
    shapes : tuple of tuple of int
        What the files hold, in the same order.
    sha256 : tuple of str
        Digests of the files, not compressed; none where none has been published.
    """

    name: str
    mirrors: tuple[str, ...]
    md5: tuple[str, str, str, str]
    first_labels: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...] = ()
    sha256: tuple[str, ...] = ()

    def warn_of_others(self, files: list[Path], contents: list[np.ndarray]) -> None:
        """Warn of files that have the shapes of the published ones and other contents, such as damaged pixels."""
        for path, values, shape, published in zip(files, contents, self.shapes, self.sha256, strict=False):
            if values.shape == shape and idx_digest(values) != published:
                warnings.warn(
                    f"{path}: is not the published file of {self.name}, whose name and size it has: the SHA-256 of its "
                    f"content is not {published[:16]}...; if these are no data of your own, copy or download it again",
                    SpikefaWarning,
                    stacklevel=3,
                )


MNIST = Published(
    name="mnist",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    md5=(
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    first_labels=(5, 0, 4, 1, 9, 2, 1, 3, 1, 4),
    shapes=((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)),
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
FASHION_MNIST = Published(
    name="fashion-mnist",
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    md5=(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    first_labels=(9, 0, 0, 3, 0, 2, 7, 2, 5, 5),
)


@datasets.register("mnist")
def load_mnist(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load MNIST: 60,000 + 10,000 handwritten digits of 28 x 28 pixels (uint8); see `load_idx`.

    Raises
    ------
    DataError
        If a file is missing, damaged, of another set or cannot be downloaded.
    """
    return load_idx(MNIST, data_dir)


@datasets.register("fashion-mnist")
def load_fashion_mnist(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load Fashion-MNIST: 60,000 + 10,000 garments of 28 x 28 pixels (uint8); see `load_idx`.

    Raises
    ------
    DataError
        If a file is missing, damaged, of another set or cannot be downloaded.
    """
    return load_idx(FASHION_MNIST, data_dir)


def load_idx(
    published: Published, data_dir: str | os.PathLike | None = None, cache: str | os.PathLike | None = None
) -> Dataset:
    """Load a set that is published as four IDX files.

    Parameters
    ----------
    published : Published
    data_dir : path, optional
        Directory that holds the four IDX files, plain or gzipped, itself or in a subdirectory called as the set is;
        by default what the ``SPIKEFA_DATA`` variable names. With neither, the files are downloaded into the
        cache once and their checksums verified.
    cache : path, optional
        By default the user's cache.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a file is missing, damaged, of another set or cannot be downloaded.

    Notes
    -----
    Files in a directory of the user's own may hold other images than the published ones, of any size, as long
    as they are sound and of ten classes; only downloads must match the published checksums. Files of the published
    sizes that hold something else get a `SpikefaWarning`.
    """
    name = published.name
    directory, source = named_directory(data_dir)
    files = _download(published, cache) if directory is None else _find(name, directory, source)
    train_images, train_labels = read_part(files[_TRAIN_IMAGES], files[_TRAIN_LABELS])
    test_images, test_labels = read_part(files[_TEST_IMAGES], files[_TEST_LABELS])
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{files[_TEST_IMAGES]}: expected images of {train_images.shape[1:]} pixels, as in "
            f"{files[_TRAIN_IMAGES].name}, found {test_images.shape[1:]}; the files must be of one set"
        )
    for other in (MNIST, FASHION_MNIST):
        first = other.first_labels
        if other.name != name and tuple(train_labels[: len(first)].tolist()) == first:
            raise DataError(
                f"{files[_TRAIN_LABELS]}: expected {name}, found the labels of {other.name}, whose files have "
                f"the same names; put {name} into a directory of its own"
            )
    if directory is not None:
        published.warn_of_others([*files.values()], [train_images, train_labels, test_images, test_labels])
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
        raise DataError(
            f"{directory}: expected a directory (named by {source}), found {found}; {_BY_HAND}", hint="data directory"
        )
    if os.path.isdir(directory / name):
        directory = directory / name
    return {stem: _find_file(directory, stem) for stem in _FILES}


def _find_file(directory: Path, stem: str) -> Path:
    candidates = [directory / stem, directory / f"{stem}.gz"]
    for path in candidates:
        if os.path.isfile(path):
            return path
    found = "a directory of that name" if any(map(os.path.isdir, candidates)) else "neither"
    raise DataError(
        f"{candidates[0]}: expected this file, plain or .gz, found {found}; {_BY_HAND}", hint="data directory"
    )


def _download(published: Published, cache: str | os.PathLike | None) -> dict[str, Path]:
    """Return the paths of the four files in the cache, fetching those that are absent or damaged."""
    import pooch

    place = user_path(cache or pooch.os_cache("spikefa")) / published.name
    files = {}
    for stem, md5 in zip(_FILES, published.md5, strict=True):
        reasons = []
        for mirror in published.mirrors:
            try:
                files[stem] = Path(pooch.retrieve(f"{mirror}{stem}.gz", f"md5:{md5}", f"{stem}.gz", place))
                break
            except (OSError, ValueError) as error:
                reasons.append(f"{urlsplit(mirror).netloc}: {_reason(error)}")
        else:
            raise DataError(
                f"{published.name}: cannot download {stem}.gz ({'; '.join(reasons)}); {_BY_HAND}", hint="data directory"
            )
    return files


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, (requests.ConnectionError, requests.Timeout)):
        return f"no connection, {type(error).__name__}"
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return "what it sends does not have the published checksum"
    return str(error)
