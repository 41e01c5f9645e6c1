"""MNIST over photographs: each digit in front of a random patch of a grey photograph.

After the "background images" variation of Larochelle, Erhan, Courville, Bergstra & Bengio (2007), An empirical
evaluation of deep architectures on problems with many factors of variation, ICML.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from spikefa._checks import whole
from spikefa.datasets.archive import read_jpegs, verify
from spikefa.datasets.dataset import Dataset, data_errors
from spikefa.datasets.locate import find_files
from spikefa.datasets.mnist import load_mnist
from spikefa.datasets.registry import datasets
from spikefa.errors import DataError

_FOLDER = "cifar10-jpeg"
_FILES = ("train.zip", "test.zip")
#: Photographs whose pixels (0 to 255) deviate less than this are too smooth to be a background.
_LEAST_DEVIATION = 15


@datasets.register("mnist-background")
def mnist_background(data_dir: str | os.PathLike | None = None, seed: int = 0) -> Dataset:
    """Load MNIST and lay each digit, as white ink, over a patch of a photograph.

    A pixel is ``digit + (1 - digit) * background``. The patches, 28 x 28 at a random place of a random
    photograph, depend on the seed alone; smooth photographs are left out. Training and test images have
    different photographs.

    Parameters
    ----------
    data_dir : path, optional
        Directory with a subdirectory "cifar10-jpeg" of ``train.zip`` and ``test.zip``: any JPEG photographs of one
        size. If ``SHA256SUMS`` lies beside them, they must match it. MNIST is looked for as "mnist" is.
    seed : int

    Returns
    -------
    Dataset
        uint8.

    Raises
    ------
    DataError
        If a file is missing, damaged or foreign, or its photographs are too small or too smooth.

    Examples
    --------
    >>> import spikefa as fa
    >>> data = fa.datasets.mnist_background("data")  # doctest: +SKIP
    """
    with data_errors():
        whole("mnist_background", "seed", seed)
    archives = find_files(_FOLDER, data_dir, _FILES, "photographs for the backgrounds of mnist-background")
    mnist = load_mnist(data_dir)
    parts = {}
    for number, (part, path) in enumerate(zip(("train", "test"), archives, strict=True)):
        verify(path)
        digits = getattr(mnist, f"{part}_images")
        rng = np.random.default_rng([seed, number])
        parts[f"{part}_images"] = over(digits, patches(photographs(path), len(digits), mnist.shape, rng))
    return replace(mnist, name="mnist-background", **parts)


def photographs(path: Path) -> np.ndarray:
    """Read the JPEG files of an archive, in the order of their names, as grey bytes (n, height, width).

    Raises
    ------
    DataError
        As `read_jpegs`.
    """
    return read_jpegs(path, "L")[1]


def patches(photos: np.ndarray, count: int, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Cut `count` patches, each at a random place of a random photograph that is not smooth.

    Parameters
    ----------
    photos : ndarray (n, height, width)
        uint8.
    count : int
    shape : (int, int)
        Height and width of a patch.
    rng : Generator

    Returns
    -------
    ndarray (count, height * width)
        uint8.

    Raises
    ------
    DataError
        If the photographs are smaller than a patch, or all of them are smooth.
    """
    room = np.array(photos.shape[1:]) - shape + 1
    if room.min() < 1:
        raise DataError(f"patches: photographs must be at least {shape} pixels, got {photos.shape[1:]}")
    rough = np.flatnonzero(photos.std(axis=(1, 2)) >= _LEAST_DEVIATION)
    if not rough.size:
        raise DataError(f"patches: all {len(photos)} photographs deviate less than {_LEAST_DEVIATION} of 255")
    windows = np.lib.stride_tricks.sliding_window_view(photos, shape, axis=(1, 2))
    which, top, left = rng.choice(rough, count), rng.integers(room[0], size=count), rng.integers(room[1], size=count)
    return windows[which, top, left].reshape(count, -1)


def over(digits: np.ndarray, backgrounds: np.ndarray) -> np.ndarray:
    """Lay white digits (n, pixels) over backgrounds of the same shape; return uint8, rounded."""
    whole = np.empty_like(backgrounds)
    for start in range(0, len(digits), 10_000):  # a few megabytes at once
        now = slice(start, start + 10_000)
        digit, background = digits[now].astype(np.uint32), backgrounds[now].astype(np.uint32)
        whole[now] = (255 * digit + (255 - digit) * background + 127) // 255
    return whole
