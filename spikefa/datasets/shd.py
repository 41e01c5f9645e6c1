"""Spiking Heidelberg Digits (Cramer et al. 2020): spoken digits as spikes of a model of the inner ear."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from spikefa._checks import path as checked_path
from spikefa.datasets.dataset import Dataset, data_errors
from spikefa.datasets.locate import find_files
from spikefa.datasets.registry import datasets
from spikefa.datasets.spike_trains import SpikeTrains
from spikefa.errors import ArgumentError, DataError

_FILES = ("shd_train.h5", "shd_test.h5")
#: Ten digits in English and in German.
_CLASSES = 20
_UNITS = 700
#: Seconds: the longest of the published samples ends before.
_DURATION = 1.4


@datasets.register("shd")
def load_shd(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load the Spiking Heidelberg Digits: 8,156 + 2,264 samples of 700 units, in 20 classes.

    Parameters
    ----------
    data_dir : path, optional
        Directory of ``shd_train.h5`` and ``shd_test.h5`` as published, unpacked, itself or in a subdirectory "shd"; by
        default what ``SPIKEFA_DATA`` names.

    Raises
    ------
    DataError
        If a file is missing or damaged, or its events or labels are of another form.

    Examples
    --------
    >>> import spikefa as fa
    >>> data = fa.datasets.load_shd("data")  # doctest: +SKIP
    """
    paths = find_files("shd", data_dir, _FILES, "the Heidelberg digits (https://zenkelab.org/datasets), unpacked")
    (train, train_labels), (test, test_labels) = (read_spikes_hdf5(p, _UNITS, _DURATION) for p in paths)
    return Dataset("shd", train, train_labels, test, test_labels, (1, _UNITS), _CLASSES)


def read_spikes_hdf5(path: str | os.PathLike, units: int, duration: Any) -> tuple[SpikeTrains, np.ndarray]:
    """Read spike trains and labels from an HDF5 file in the format of the Heidelberg digits.

    It has ``spikes/times`` (seconds) and ``spikes/units``, both a row of its own length for each sample, and
    ``labels``. What else it has, such as ``extra`` about the speakers, is not read.

    Parameters
    ----------
    path : path
    units : int
        Number of units.
    duration : float or Quantity
        Time that each sample lasts: seconds, or a Brian2 quantity.

    Returns
    -------
    trains : SpikeTrains
    labels : ndarray of int (n,)

    Raises
    ------
    DataError
        If the file cannot be read, is of another form, or has an event outside the units or the duration.

    Examples
    --------
    >>> import h5py
    >>> import numpy as np
    >>> import spikefa as fa
    >>> with h5py.File("digits.h5", "w") as f:
    ...     f["labels"] = [0, 1]
    ...     for name, rows in (("times", [[0.1, 0.2], [0.3]]), ("units", [[0, 1], [1]])):
    ...         kind = "f4" if name == "times" else "i4"
    ...         made = f.create_dataset(f"spikes/{name}", 2, h5py.vlen_dtype(kind))
    ...         made[:] = [np.array(row, kind) for row in rows]
    >>> trains, labels = fa.datasets.read_spikes_hdf5("digits.h5", units=2, duration=1.0)
    >>> trains.counts().tolist(), labels.tolist()
    ([[1, 1], [0, 1]], [0, 1])
    """
    import h5py  # the list of data sets needs it not

    from spikefa import _hdf5, _hdf5_ragged

    with data_errors():
        path = checked_path("read_spikes_hdf5", "path", path)
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        with open(path, "rb") as held, h5py.File(held, "r") as f:
            times, unit = (
                _hdf5_ragged.read(f, data, f"spikes/{name}", k) for name, k in (("times", "f"), ("units", "iu"))
            )
            labels = _hdf5.read(f, "labels", gzip=True)
        _check_lengths(times, unit, labels)
        sample = np.repeat(np.arange(len(times)), [len(row) for row in times])
        time, unit = np.concatenate(times).astype(np.float64), np.concatenate(unit)
        return SpikeTrains(unit, time, sample, units=units, samples=len(times), duration=duration), labels
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected this file, found none", hint="data directory") from error
    except ArgumentError as error:
        raise DataError(f"{path}: {error}") from error
    # h5py reports damage as any of these, depending on where in the file it lies.
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: not a whole file of spikes of the Heidelberg digits' format ({error})") from error


def _check_lengths(times: list[np.ndarray], units: list[np.ndarray], labels: np.ndarray) -> None:
    if not times or len(times) != len(units) or labels.shape != (len(times),):
        raise ValueError(
            f"times, units and labels must be equally many, got {len(times)}, {len(units)} and {labels.shape}"
        )
    for number, (time, unit) in enumerate(zip(times, units, strict=True)):
        if len(time) != len(unit):
            raise ValueError(f"times and units of sample {number} must be equally many, got {len(time)}, {len(unit)}")
