"""Copies, on the device, of arrays of the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numba import cuda

from spikefa.engine.aligned import whole_rows
from spikefa.engine.cuda.launching import stream
from spikefa.errors import ArgumentError


class Memory:
    """The device's copies of arrays, made when first asked for, and kept.

    Between runs the host's arrays are the truth. In a run it is the device's; whoever needs an array on the host
    says so with `download`, and tells what was changed there with `upload`. Copies are flat; views of one array that
    begin where it does share its copy. The values of sparse weights lie `spread` in theirs, a dense matrix.
    """

    def __init__(self):
        self._copies: dict[int, tuple[np.ndarray, Any]] = {}
        self._pinned: dict[int, np.ndarray] = {}  # what is uploaded again and again, without waiting
        self._uploaded = cuda.event()  # all that was uploaded has been copied
        self._fetched: dict[int, np.ndarray] = {}  # what is fetched again and again, pinned too
        self._arrived = cuda.event()  # all that was fetched has been copied
        self._events: dict[int, np.ndarray] = {}
        self._places: dict[int, tuple[np.ndarray, int]] = {}
        self._used: set[int] = set()
        self._written: set[int] = set()

    def begin(self) -> None:
        """Start a run: nothing is used yet."""
        self._used, self._written, self._places = set(), set(), {}

    def read(self, array: np.ndarray) -> Any:
        """Return the copy ``(size,)`` of an array that kernels read, uploaded if it is new in this run."""
        key = array.ctypes.data
        if key not in self._copies:
            if array.size and not whole_rows(array).flags.c_contiguous:
                raise ArgumentError(
                    f"Memory: an array must be contiguous, got strides {array.strides} of {array.shape}"
                )
            size = self._places[key][1] if key in self._places else array.size
            self._copies[key] = array, cuda.device_array(size, array.dtype, stream=stream())
        if key not in self._used:
            self._used.add(key)
            self._copy_up(key)
        return self._copies[key][1]

    def write(self, array: np.ndarray) -> Any:
        """Return the copy of an array that kernels change."""
        copy = self.read(array)
        self._written.add(array.ctypes.data)
        return copy

    def spread(self, array: np.ndarray, place: np.ndarray, size: int) -> None:
        """Let the copy of an array have this size, its values at these places ``(array.size,)`` and 0 elsewhere."""
        self._places[array.ctypes.data] = place, size

    def events(self, array: np.ndarray) -> Any:
        """Return the copy of Brian2's array of events: for every unit whether it had one, ``(units,)`` bool."""
        key = array.ctypes.data
        if key not in self._events:
            self._events[key] = array
            self._copies[key] = None, cuda.device_array(array.size - 1, np.bool_, stream=stream())
        if key not in self._used:
            self._used.add(key)
            self._copy_up(key)
        self._written.add(key)
        return self._copies[key][1]

    def download(self, arrays: Iterable[np.ndarray] | None = None) -> None:
        """Bring what the device has written to the host: of some arrays, or all."""
        for key in self._chosen(arrays) & self._written:
            array, copy = self._copies[key]
            if key in self._events:
                happened = copy.copy_to_host(stream=stream())
                stream().synchronize()
                events, found = self._events[key], np.flatnonzero(happened)
                events[: found.size], events[-1] = found, found.size
            elif key in self._places:
                dense = copy.copy_to_host(stream=stream())
                stream().synchronize()
                array[...] = dense[self._places[key][0]]
            elif array.flags.c_contiguous:
                copy.copy_to_host(array.reshape(-1), stream=stream())
            else:  # rows of whole lines, which are not on the device
                numbers = copy.copy_to_host(stream=stream())
                stream().synchronize()
                array[...] = numbers.reshape(array.shape)
        stream().synchronize()

    def upload(self, arrays: Iterable[np.ndarray] | None = None) -> None:
        """Bring to the device what the host has changed: some arrays, or all that are used in this run."""
        self._uploaded.synchronize()  # else what is still being copied would be overwritten
        for key in self._chosen(arrays) & self._used:
            self._copy_up(key, pinned=arrays is not None)
        self._uploaded.record(stream())

    def fetch(self, arrays: Iterable[np.ndarray]) -> Callable[[], list[np.ndarray]]:
        """Begin to copy arrays as they are on the device now, and go on; the host's own stay as they are.

        Returns
        -------
        function () -> list of ndarray
            Waits for the copies and returns them, in the arrays' shapes. It must be called before the next `fetch`,
            which writes to the same memory.
        """
        fetched = []
        for array in arrays:
            key = array.ctypes.data
            if key not in self._fetched:
                self._fetched[key] = cuda.pinned_array(array.size, array.dtype)
            self._copies[key][1].copy_to_host(self._fetched[key], stream=stream())
            fetched.append(self._fetched[key].reshape(array.shape))
        self._arrived.record(stream())

        def arrived() -> list[np.ndarray]:
            self._arrived.synchronize()
            return fetched

        return arrived

    def _chosen(self, arrays: Iterable[np.ndarray] | None) -> set[int]:
        return self._used if arrays is None else {array.ctypes.data for array in arrays}

    def _copy_up(self, key: int, pinned: bool = False) -> None:
        array, copy = self._copies[key]
        flat = None if array is None else array.reshape(-1)
        if key in self._places:
            place, size = self._places[key]
            dense = np.zeros(size, flat.dtype)
            dense[place] = flat
            flat = dense
        elif pinned and key not in self._events:
            if key not in self._pinned:
                self._pinned[key] = cuda.pinned_array(flat.shape, flat.dtype)
            self._pinned[key][...] = flat
            flat = self._pinned[key]
        if key in self._events:
            events = self._events[key]
            flat = np.zeros(events.size - 1, np.bool_)
            flat[events[: events[-1]]] = True
        copy.copy_to_device(flat, stream=stream())
