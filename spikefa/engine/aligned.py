"""Arrays whose rows are whole cache lines: no row shares a line with another, and vectors are loaded whole."""

from __future__ import annotations

import numpy as np

#: Bytes of a cache line, and of a vector.
LINE = 64


def aligned_zeros(rows: int, columns: int, dtype: np.dtype | type) -> np.ndarray:
    """Return zeros ``(rows, columns)``; each row begins at a multiple of 64 bytes, and ends in unused numbers.

    Parameters
    ----------
    rows, columns : int
    dtype : dtype
    """
    dtype = np.dtype(dtype)
    width = -(-columns * dtype.itemsize // LINE) * LINE // dtype.itemsize
    room = np.zeros(rows * width + LINE // dtype.itemsize, dtype)
    skip = -room.ctypes.data % LINE // dtype.itemsize
    return room[skip : skip + rows * width].reshape(rows, width)[:, :columns]


def zeros_as(array: np.ndarray) -> np.ndarray:
    """Return zeros that lie as an array does: contiguous, or in rows of whole lines."""
    return np.zeros_like(array) if array.flags.c_contiguous else aligned_zeros(*array.shape, array.dtype)


def copy_as(array: np.ndarray) -> np.ndarray:
    """Return a copy that lies as an array does: contiguous, or in rows of whole lines."""
    copy = zeros_as(array)
    copy[...] = array
    return copy


def whole_rows(array: np.ndarray) -> np.ndarray:
    """Return rows together with their unused numbers: contiguous, in two dimensions, of the same memory.

    Parameters
    ----------
    array : ndarray
        As `aligned_zeros` returns them, or contiguous.
    """
    if array.flags.c_contiguous:
        return np.atleast_2d(array)
    return np.lib.stride_tricks.as_strided(array, (len(array), array.strides[0] // array.itemsize), array.strides)
