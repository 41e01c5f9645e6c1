"""The part of CIFAR-10 (Krizhevsky 2009, Learning multiple layers of features from tiny images) in JPEG files.

1,500 training and 500 test images of each class, JPEG at quality 75: neither the whole set nor its pixels. Results of
it are labelled "CIFAR-10 part, JPEG", and compared with others of the same files alone.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path, PurePosixPath

import numpy as np

from spikefa.datasets.archive import read_jpegs, sha256, verify
from spikefa.datasets.dataset import Dataset
from spikefa.datasets.locate import find_files
from spikefa.datasets.registry import datasets
from spikefa.errors import DataError, SpikefaWarning

_NAME, _FILES = "cifar10-jpeg", ("train.zip", "test.zip")
#: Images of each archive, and its SHA-256.
_PUBLISHED = (
    (15_000, "2937e65517aff6b2745360cc335446694242bee436f412e73f22332a0792cb9d"),
    (5_000, "64ea5a17500fad6bcae726be0155d794e1488e3e188c79c6eb13f74f0fff34d0"),
)


@datasets.register(_NAME)
def load_cifar10_jpeg(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load the part of CIFAR-10 in JPEG files: 15,000 + 5,000 images in colour of 32 x 32 pixels, ten classes.

    An image is red, then green, then blue. Images of the classes alternate, in the order of their names and numbers, so
    that any row of them has all classes.

    Parameters
    ----------
    data_dir : path, optional
        Directory of ``train.zip`` and ``test.zip``, which hold ``CLASS/NNNN.jpg``, itself or in a subdirectory
        "cifar10-jpeg"; by default what ``SPIKEFA_DATA`` names. If ``SHA256SUMS`` lies beside them, they must match it.

    Returns
    -------
    Dataset
        uint8, with three channels.

    Raises
    ------
    DataError
        If a file is missing or damaged, or holds something else.

    Notes
    -----
    Archives of other images of one size are read as well; as many images that are others get a `SpikefaWarning`.

    Examples
    --------
    >>> import spikefa as fa
    >>> data = fa.datasets.load_cifar10_jpeg("data")  # doctest: +SKIP
    """
    paths = find_files(_NAME, data_dir, _FILES, "a part of CIFAR-10 as CLASS/NNNN.jpg in two archives")
    (classes, images, labels), (test_classes, test_images, test_labels) = map(_read, paths)
    if test_classes != classes or test_images.shape[1:] != images.shape[1:]:
        raise DataError(
            f"{paths[1]}: expected classes {classes} and images of {images.shape[1:]}, as in {paths[0].name}, found "
            f"{test_classes} and {test_images.shape[1:]}"
        )
    for path, count, (published, digest) in zip(paths, (len(images), len(test_images)), _PUBLISHED, strict=True):
        if count == published and sha256(path) != digest:
            warnings.warn(
                f"{path}: is not the file of {_NAME}, whose name and number of images it has: its SHA-256 is not "
                f"{digest[:16]}...; if these are no data of your own, copy it again",
                SpikefaWarning,
                stacklevel=2,
            )
    _, channels, height, width = images.shape
    return Dataset(
        _NAME,
        images.reshape(len(images), -1),
        labels,
        test_images.reshape(len(test_images), -1),
        test_labels,
        (channels * height, width),
        len(classes),
        channels=channels,
    )


def _read(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Read the names of the classes, images (n, 3, height, width) and labels (n,)."""
    verify(path)
    names, images = read_jpegs(path, "RGB")
    folders = [PurePosixPath(name).parent.name for name in names]
    classes = sorted(set(folders))
    if "" in classes or len(classes) < 2:
        raise DataError(f"{path}: expected CLASS/NNNN.jpg of at least two classes, found {names[0]} of {classes}")
    labels = np.array([classes.index(folder) for folder in folders])
    # Names are sorted class by class: a stable sort by the place within the class takes one of each in turn.
    place = np.arange(len(labels)) - np.searchsorted(labels, labels)
    order = np.argsort(place, kind="stable")
    return classes, images.transpose(0, 3, 1, 2)[order], labels[order]
