"""Read HDF5 files that may be damaged, or made by others: plain arrays that lie in the file itself.

HDF5 can follow links, raw storage and virtual data sets into other files, hold types that Python objects are made of,
and pack gigabytes into a few bytes. None of this is followed or read. Everything is refused by a `ValueError` or a
`KeyError`, from which the caller makes a sentence that names the file.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

_CHECKSUM, _GZIP = h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_DEFLATE
#: HDF5's layout since 1.10, whose headers have checksums, attributes and the sizes of arrays among them.
LAYOUT = ("v110", "v110")
_KINDS = {"S": str, "i": int, "u": int, "f": float, "b": bool}


def texts(values: Sequence[str]) -> np.ndarray:
    """Return texts as bytes of one length, as which they are attached to a file; see `attributes`."""
    encoded = [value.encode() for value in values]
    return np.array(encoded, f"S{max(1, *map(len, encoded))}")


def names(f: h5py.File, group: str = "/", most: int = 100_000) -> list[str]:
    """Return the names in a group, which has at most so many.

    Raises
    ------
    KeyError, ValueError
        If there is no such group in the file itself, or it has more.
    """
    found = own(f, group)
    if not isinstance(found, h5py.Group):
        raise ValueError(f"{group} must be a group")
    if len(found) > most:
        raise ValueError(f"{group} must have at most {most} names, got {len(found)}")
    return list(found)


def read(
    f: h5py.File, name: str, shape: tuple[int, ...] | None = None, most: int = 2**31, gzip: bool = False
) -> np.ndarray:
    """Read an array of numbers, or of true and false.

    Parameters
    ----------
    f : File
    name : str
        With the groups that it is in.
    shape : tuple of int, optional
        What its shape must be.
    most : int
        Bytes that it may have.
    gzip : bool
        Whether it may be compressed.

    Raises
    ------
    KeyError
        If there is no such name.
    ValueError
        If it is no plain array in the file, or of another shape, or larger. It is not read then.
    """
    found = plain(f, name, gzip)
    if shape is not None and found.shape != tuple(shape):
        raise ValueError(f"{name} must be {tuple(shape)}, got {found.shape}")
    if found.nbytes > most:
        raise ValueError(f"{name} must have at most {most:,} bytes, got {found.nbytes:,}")
    if gzip:
        _refuse_bombs(found, name)
    return found[()]


def plain(f: h5py.File, name: str, gzip: bool = False) -> h5py.Dataset:
    """Return an array that was not read yet, once its type and its storage are known to be plain.

    Raises
    ------
    KeyError
        If there is no such name.
    ValueError
        If it is no plain array in the file.
    """
    found = own(f, name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{name} must be an array")
    if found.is_virtual or found.external:  # first: the shape of a virtual one may lie in another file
        raise ValueError(f"{name} must lie in the file itself, got storage outside it")
    if found.shape is None or found.dtype.kind not in "iufb":
        raise ValueError(f"{name} must hold numbers, got {found.dtype}")
    created = found.id.get_create_plist()
    filters = {created.get_filter(number)[0] for number in range(created.get_nfilters())}
    if filters - {_CHECKSUM, _GZIP} or (_GZIP in filters and not gzip):
        raise ValueError(f"{name} must have no filter but a checksum{' and gzip' * gzip}, got {sorted(filters)}")
    if found.chunks is not None and any(c > max(n, 1) for c, n in zip(found.chunks, found.shape, strict=True)):
        raise ValueError(f"{name} must have chunks within {found.shape}, got {found.chunks}")
    if _GZIP not in filters and found.id.get_storage_size() < found.nbytes:
        raise ValueError(f"{name} must lie in the file, which has less than its {found.nbytes:,} bytes")
    return found


def attribute(f: h5py.File, name: str, kind: type) -> Any:
    """Return a text or a number that is attached to the file, as Python's.

    Raises
    ------
    KeyError
        If there is none of the name.
    ValueError
        If it is of another kind.
    """
    (value,) = attributes(f, name, kind, 1)
    return value


def attributes(f: h5py.File, name: str, kind: type, most: int = 1000) -> list[Any]:
    """Return texts or numbers that are attached to the file under one name.

    Texts are of a fixed length: those of any length lie in a heap, and HDF5 does not return from one that is damaged.

    Raises
    ------
    KeyError
        If there are none of the name.
    ValueError
        If they are of another kind, or more.
    """
    if name not in f.attrs:
        raise KeyError(f"it has no attribute {name!r}")
    found = f.attrs.get_id(name)
    if _KINDS.get(found.dtype.kind) is not kind or found.shape is None or math.prod(found.shape) > most:
        raise ValueError(f"its {name} must be of {kind.__name__}, got {found.dtype} {found.shape}")
    values = np.atleast_1d(f.attrs[name])
    return [value.decode() if kind is str else kind(value) for value in values.ravel()]


def own(f: h5py.File, name: str) -> h5py.Group | h5py.Dataset:
    """Return what lies under a name, each link on the way being one to the file itself.

    Raises
    ------
    KeyError, ValueError
        If there is no such name, or a link leads out of the file.
    """
    found = f
    for part in filter(None, name.split("/")):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            raise KeyError(f"it has no {name}")
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name} must lie in the file itself, got a link")
        found = found[part]
    return found


def _refuse_bombs(found: h5py.Dataset, name: str) -> None:
    """Refuse compressed chunks that grow beyond their size: HDF5 itself gives them as much memory as they take."""
    if found.chunks is None:
        return
    most = math.prod(found.chunks) * found.dtype.itemsize
    for number in range(found.id.get_num_chunks()):
        chunk = found.id.get_chunk_info(number)
        if chunk.size > 2 * most + 1024:
            raise ValueError(f"{name} must have chunks of at most {most} bytes, got {chunk.size}")
        if chunk.filter_mask == 0:
            _, packed = found.id.read_direct_chunk(chunk.chunk_offset)
            if _is_larger(packed, most):
                raise ValueError(f"{name} must have chunks of {most} bytes, got a larger one")


def _is_larger(packed: bytes, most: int) -> bool:
    try:
        return len(zlib.decompressobj().decompress(packed, most + 1)) > most
    except zlib.error as error:
        raise ValueError(str(error)) from error
