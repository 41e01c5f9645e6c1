"""Events of a camera whose pixels report changes: address-event files, and N-MNIST (Orchard et al. 2015)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from spikefa._checks import called, instance, positive_int, refuse, shown
from spikefa._checks import path as checked_path
from spikefa.datasets.dataset import Dataset, data_errors
from spikefa.datasets.locate import find_files
from spikefa.datasets.registry import datasets
from spikefa.datasets.spike_trains import SpikeTrains
from spikefa.errors import ArgumentError, DataError

#: One event as the transforms of `tonic` expect it: column, row, microseconds, and whether it became brighter (1).
EVENT = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i1")])

Transform = Callable[[np.ndarray], np.ndarray]

_BYTES = 5
#: A row that no sensor has: the event only says that this time has passed, in microseconds.
_OVERFLOW_ROW, _OVERFLOW = 240, 2**13
#: N-MNIST's sensor, and seconds that its samples, of three saccades of 0.1 s, last at most.
_SIDE, _DURATION = 34, 0.4
_PARTS = ("Train", "Test")


def read_aer(path: str | os.PathLike) -> np.ndarray:
    """Read a file of address events of 40 bits, the format of N-MNIST.

    An event has 8 bits of column, 8 of row, 1 of polarity and 23 of microseconds, in this order, the high ones first.

    Parameters
    ----------
    path : path

    Returns
    -------
    ndarray of `EVENT`, shape (events,)
        With the fields ``x``, ``y``, ``t`` and ``p``.

    Raises
    ------
    DataError
        If there is no such file, or its size is not a multiple of 5 bytes.

    Examples
    --------
    >>> from pathlib import Path
    >>> import spikefa as fa
    >>> written = Path("events.bin").write_bytes(bytes([3, 5, 0b10000000, 0, 9]))
    >>> fa.datasets.read_aer("events.bin").tolist()
    [(3, 5, 9, 1)]
    """
    with data_errors():
        path = checked_path("read_aer", "path", path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a file of address events, found none ({error.strerror})") from error
    if not data or len(data) % _BYTES:
        raise DataError(f"{path}: expected events of {_BYTES} bytes each, found {len(data)} bytes")
    x, y, high, middle, low = np.frombuffer(data, np.uint8).reshape(-1, _BYTES).T.astype(np.int64)
    t = (high & 127) << 16 | middle << 8 | low
    overflows = y == _OVERFLOW_ROW
    events = np.empty(len(x), EVENT)
    events["x"], events["y"], events["p"], events["t"] = x, y, high >> 7, t + _OVERFLOW * np.cumsum(overflows)
    return events[~overflows]


def camera_trains(
    samples: Sequence[np.ndarray],
    height: int,
    width: int,
    duration: Any,
    *,
    transform: Transform | None = None,
    several: Literal["once", "count"] = "once",
) -> SpikeTrains:
    """Make spike trains of a camera's events: a unit for each polarity and pixel.

    Unit ``(p * height + y) * width + x`` has the events of polarity p in row y and column x.

    Parameters
    ----------
    samples : sequence of ndarray of `EVENT`
        The events of each sample, as `read_aer` returns them.
    height, width : int
        Pixels of the sensor.
    duration : float or Quantity
        Time that each sample lasts: seconds, or a Brian2 quantity. Later events are refused.
    transform : function of the events of a sample, optional
        Returns others with the same fields, such as a transform of `tonic`.
    several : {"once", "count"}
        As in `SpikeTrains`.

    Raises
    ------
    ArgumentError
        If an event is outside the sensor or the duration, or a transform returns something else than events.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> from spikefa.datasets.event_camera import EVENT
    >>> events = np.array([(1, 0, 500, 1)], EVENT)  # column, row, microseconds, polarity
    >>> fa.datasets.camera_trains([events], height=2, width=2, duration=0.001).shape
    (1, 8)
    """
    owner = "camera_trains"
    height, width = positive_int(owner, "height", height), positive_int(owner, "width", width)
    if transform is not None and not callable(transform):
        refuse(owner, "transform", "be a function of the events, or None", transform)
    if not isinstance(samples, Sequence) or not samples:
        refuse(owner, "samples", "be one or more arrays of events", samples)
    if transform is not None:
        samples = [called(owner, "transform", transform, events) for events in samples]
    parts = [_fields(owner, events, number) for number, events in enumerate(samples)]
    x, y, t, p = (np.concatenate(values) for values in zip(*parts, strict=True))
    for name, values, most in (("x", x, width), ("y", y, height), ("p", p, 2)):
        if (bad := (values < 0) | (values >= most)).any():
            raise ArgumentError(f"{owner}: {name} must be 0 to {most - 1}, got {values[bad][0]}")
    return SpikeTrains(
        (p * height + y) * width + x,
        t * 1e-6,
        np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts]),
        units=2 * height * width,
        samples=len(parts),
        duration=duration,
        several=several,
    )


def _fields(owner: str, events: Any, number: int) -> list[np.ndarray]:
    instance(owner, f"events of sample {number}", events, np.ndarray, "an array of events")
    if events.ndim != 1 or not set(EVENT.names) <= set(events.dtype.names or ()):
        raise ArgumentError(
            f"{owner}: events of sample {number} must have the fields {', '.join(EVENT.names)}, got "
            f"{shown(events.dtype.names or str(events.dtype))}"
        )
    return [events[name].astype(np.int64) for name in EVENT.names]


@datasets.register("n-mnist")
def load_nmnist(data_dir: str | os.PathLike | None = None, transform: Transform | None = None) -> Dataset:
    """Load N-MNIST: handwritten digits that a moving event camera of 34 x 34 pixels has seen.

    Units of negative polarity come first: the shape is 68 x 34.

    Parameters
    ----------
    data_dir : path, optional
        Directory of the published ``Train/0`` to ``Train/9`` and ``Test/0`` to ``Test/9``, unpacked, itself or in a
        subdirectory "n-mnist"; by default what ``SPIKEFA_DATA`` names.
    transform : function of the events of a sample, optional
        As in `camera_trains`.

    Raises
    ------
    DataError
        If files are missing or damaged, or an event is outside the sensor or later than 0.4 s.

    Examples
    --------
    >>> import spikefa as fa
    >>> data = fa.datasets.load_nmnist("data")  # doctest: +SKIP
    """
    folders = tuple(f"{part}/{digit}" for part in _PARTS for digit in range(10))
    what = "the unpacked N-MNIST (https://www.garrickorchard.com/datasets/n-mnist)"
    found = find_files("n-mnist", data_dir, folders, what, folders=True)
    parts = []
    for part in (found[:10], found[10:]):
        files = [(path, digit) for digit, folder in enumerate(part) for path in sorted(folder.glob("*.bin"))]
        if not files:
            raise DataError(f"{part[0].parent}: expected files of events in 0/*.bin to 9/*.bin, found none")
        try:
            trains = camera_trains([read_aer(path) for path, _ in files], _SIDE, _SIDE, _DURATION, transform=transform)
        except ArgumentError as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{part[0].parent}: {error}") from error
        parts.append((trains, np.array([digit for _, digit in files])))
    (train, train_labels), (test, test_labels) = parts
    return Dataset("n-mnist", train, train_labels, test, test_labels, (2 * _SIDE, _SIDE), 10)
