"""Data sets made of others: standardised or centred images, and images as their own targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikefa._checks import is_finite, is_number, shown, true_or_false
from spikefa.datasets.dataset import PARTS, Dataset, data_errors, pixels, require_dataset
from spikefa.datasets.spike_trains import SpikeTrains
from spikefa.errors import DataError

#: Images whose statistics are summed at once, in float64.
_CHUNK = 5000


def standardised(dataset: Dataset, common: bool = False) -> Dataset:
    """Subtract from each pixel its mean over the training images, and divide by its standard deviation.

    Pixels that are the same in every training image become 0 in every image.

    Parameters
    ----------
    dataset : Dataset
        Not scaled yet.
    common : bool
        Whether all are divided by one deviation instead, the root of their mean variance: pixels that are seldom on
        then do not weigh as much as the others.

    Returns
    -------
    Dataset
        With float32 images of any finite value.

    Raises
    ------
    DataError
        If the set is scaled already.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> rng = np.random.default_rng(0)
    >>> images, labels = rng.random((30, 16)), np.arange(30) % 3
    >>> data = fa.datasets.Dataset("mine", images[:20], labels[:20], images[20:], labels[20:], (4, 4), 3)
    >>> changed = fa.datasets.standardised(data)
    >>> bool(np.allclose(changed.train_images.std(axis=0), 1, atol=1e-5))
    True
    """
    with data_errors():
        true_or_false("standardised", "common", common)
    mean, sd = _statistics(dataset, "standardised")
    divisor = np.full_like(sd, np.sqrt(np.mean(sd**2))) if common else sd
    return _scaled(dataset, mean, np.divide(1, divisor, out=np.zeros_like(sd), where=sd > 0))


def centred(dataset: Dataset) -> Dataset:
    """Subtract from each pixel its mean over the training images; otherwise as `standardised`.

    Raises
    ------
    DataError
        If the set is scaled already.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> rng = np.random.default_rng(0)
    >>> images, labels = rng.random((30, 16)), np.arange(30) % 3
    >>> data = fa.datasets.Dataset("mine", images[:20], labels[:20], images[20:], labels[20:], (4, 4), 3)
    >>> changed = fa.datasets.centred(data)
    >>> bool(np.allclose(changed.train_images.mean(axis=0), 0, atol=1e-6))
    True
    """
    mean, _ = _statistics(dataset, "centred")
    return _scaled(dataset, mean, np.ones_like(mean))


def autoencoder(dataset: Dataset, limits: tuple[float, float] | None = None) -> Dataset:
    """Give each image itself as its targets; labels stay.

    Parameters
    ----------
    dataset : Dataset
    limits : (float, float), optional
        What pixels of 0 and 1 become in the targets, such as ``(-0.9, 0.9)``. For images in [0, 1]: scale the
        inputs afterwards.

    Returns
    -------
    Dataset
        With float32 targets.

    Raises
    ------
    DataError
        If limits are given and the set's pixels are not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> rng = np.random.default_rng(0)
    >>> images, labels = rng.random((30, 16)), np.arange(30) % 3
    >>> data = fa.datasets.Dataset("mine", images[:20], labels[:20], images[20:], labels[20:], (4, 4), 3)
    >>> changed = fa.datasets.autoencoder(data)
    >>> changed.train_targets.shape
    (20, 16)
    """
    _require_images("autoencoder", dataset)
    numbers = isinstance(limits, tuple | list) and len(limits) == 2 and all(map(is_number, limits))
    if limits is not None and not (numbers and all(map(is_finite, limits)) and limits[0] < limits[1]):
        raise DataError(f"autoencoder: limits must be (smallest, largest) or None, got {shown(limits)}")
    low, high = (0, 1) if limits is None else limits
    if limits is not None and dataset.limits != (0, 1):
        raise DataError(
            f"autoencoder: data set {dataset.name!r} must have pixels in [0, 1] to be given the limits {limits}, got "
            f"{dataset.limits}; scale it after autoencoder, not before"
        )
    targets = {f"{part}_targets": low + (high - low) * pixels(images) for part, images in _parts(dataset)}
    return replace(dataset, **targets)


def _require_images(owner: str, dataset: Dataset) -> Dataset:
    images = require_dataset(owner, dataset).train_images
    if isinstance(images, SpikeTrains) or images.ndim != 2:
        raise DataError(f"{owner}: data set {dataset.name!r} must have images, which do not change in time")
    return dataset


def _parts(dataset: Dataset) -> list[tuple[str, np.ndarray]]:
    found = [(part, getattr(dataset, f"{part}_images")) for part in PARTS]
    return [(part, images) for part, images in found if images is not None]


def _statistics(dataset: Dataset, owner: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of each training pixel.

    Float64 sums of fewer than 2**29 equal float32 values are exact: a constant pixel's deviation is exactly 0.
    """
    if _require_images(owner, dataset).scaling is not None:
        raise DataError(f"{owner}: data set {dataset.name!r} must not be scaled already")
    images = dataset.train_images
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(images), _CHUNK)]
    mean = sum(pixels(images[now]).sum(axis=0, dtype=np.float64) for now in chunks) / len(images)
    squares = sum(np.square(pixels(images[now]) - mean).sum(axis=0) for now in chunks)
    return mean, np.sqrt(squares / len(images))


def _scaled(dataset: Dataset, offset: np.ndarray, factor: np.ndarray) -> Dataset:
    scaling = offset.astype(np.float32), factor.astype(np.float32)
    images = {f"{part}_images": (pixels(images) - scaling[0]) * scaling[1] for part, images in _parts(dataset)}
    return replace(dataset, **images, limits=None, scaling=scaling)
