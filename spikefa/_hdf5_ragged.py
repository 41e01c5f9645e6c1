"""Read rows of numbers, each of its own length, from HDF5 files that may be damaged, or made by others.

HDF5 keeps such rows in heaps, and its own reader of heaps ends the process if one is damaged. So references and heaps
are read here, byte by byte as the format states them (HDF5 File Format Specification, "Global Heap"), and a reference
to anything else is refused.
"""

from __future__ import annotations

import zlib

import h5py
import numpy as np

from spikefa import _hdf5

#: What stands for a row in the array itself: its length, its heap's place in the file, and its number in the heap.
_REFERENCE = np.dtype([("length", "<u4"), ("heap", "<u8"), ("number", "<u4")])
#: An object of a heap begins with this; its bytes follow, filled up to a multiple of 8.
_OBJECT = np.dtype([("number", "<u2"), ("references", "<u2"), ("reserved", "<u4"), ("size", "<u8")])
_GZIP = h5py.h5z.FILTER_DEFLATE


def read(f: h5py.File, data: np.ndarray, name: str, kinds: str, most: int = 2**31) -> list[np.ndarray]:
    """Read an array (n,) of rows of numbers.

    Parameters
    ----------
    f : File
    data : ndarray of uint8
        The bytes of the same file.
    name : str
        With the groups that it is in.
    kinds : str
        Letters of the types of numbers that it may have, such as ``"iu"``.
    most : int
        Bytes that all rows may have.

    Raises
    ------
    KeyError
        If there is no such name.
    ValueError
        If it is no such array in the file, or larger.
    """
    found = _hdf5.own(f, name)
    base = h5py.check_vlen_dtype(found.dtype) if isinstance(found, h5py.Dataset) else None
    if not isinstance(base, np.dtype) or base.kind not in kinds or len(found.shape or ()) != 1:
        raise ValueError(f"{name} must hold rows of numbers, each of its own length")
    if found.is_virtual or found.external:
        raise ValueError(f"{name} must lie in the file itself, got storage outside it")
    if f.userblock_size or f.id.get_create_plist().get_sizes() != (8, 8):
        raise ValueError("it must have addresses of 8 bytes from its beginning")
    references = _references(found, data, name)
    if (size := int(references["length"].sum(dtype=np.int64)) * base.itemsize) > most:
        raise ValueError(f"{name} must have at most {most:,} bytes, got {size:,}")
    heaps = {int(at): _heap(data, int(at), name) for at in np.unique(references["heap"][references["length"] > 0])}
    return [_row(heaps, *reference, base, name) for reference in references.tolist()]


def _references(found: h5py.Dataset, data: np.ndarray, name: str) -> np.ndarray:
    count = len(found)
    if count * _REFERENCE.itemsize > 100 * len(data):
        raise ValueError(f"{name} must lie in the file, which is too small for {count:,} rows")
    if found.chunks is None:
        return _bytes(data, found.id.get_offset() or 0, count * _REFERENCE.itemsize, name).view(_REFERENCE)
    created = found.id.get_create_plist()
    filters = [created.get_filter(number)[0] for number in range(created.get_nfilters())]
    if filters not in ([], [_GZIP]):
        raise ValueError(f"{name} must have no filter but gzip, got {filters}")
    (rows,) = found.chunks
    references = np.zeros(count, _REFERENCE)
    for number in range(found.id.get_num_chunks()):
        chunk = found.id.get_chunk_info(number)
        packed = _bytes(data, chunk.byte_offset or 0, chunk.size, name)
        if filters and chunk.filter_mask == 0:
            packed = _unpacked(packed.tobytes(), min(rows, 100 * len(data)) * _REFERENCE.itemsize, name)
        place = slice(chunk.chunk_offset[0], min(chunk.chunk_offset[0] + rows, count))
        room = max(0, place.stop - place.start)
        references[place] = packed[: len(packed) // _REFERENCE.itemsize * _REFERENCE.itemsize].view(_REFERENCE)[:room]
    return references


def _unpacked(packed: bytes, most: int, name: str) -> np.ndarray:
    try:
        return np.frombuffer(zlib.decompressobj().decompress(packed, most), np.uint8)
    except zlib.error as error:
        raise ValueError(f"{name} must be packed by gzip ({error})") from error


def _bytes(data: np.ndarray, start: int, size: int, name: str) -> np.ndarray:
    if start < 0 or start + size > len(data):
        raise ValueError(f"{name} must lie in the file of {len(data):,} bytes, got {size:,} from {start:,} on")
    return np.ascontiguousarray(data[start : start + size])


def _heap(data: np.ndarray, start: int, name: str) -> dict[int, np.ndarray]:
    """Return the objects of the heap at an address, by their numbers."""
    head = _bytes(data, start, 16, name)
    if head[:5].tobytes() != b"GCOL\x01":
        raise ValueError(f"{name} must refer to heaps, got something else at {start:,}")
    size, objects, at = int(head[8:].view("<u8")[0]), {}, 16
    heap = _bytes(data, start, size, name)
    while at + _OBJECT.itemsize <= size:
        number, _, _, length = heap[at : at + _OBJECT.itemsize].view(_OBJECT)[0].tolist()
        if number == 0:  # the rest is free
            break
        at += _OBJECT.itemsize
        if at + length > size:
            raise ValueError(f"{name} must refer to whole heaps, got one with an object of {length:,} bytes")
        objects[number] = heap[at : at + length]
        at += -(-length // 8) * 8
    return objects


def _row(heaps: dict[int, dict], length: int, heap: int, number: int, base: np.dtype, name: str) -> np.ndarray:
    if length == 0:
        return np.empty(0, base)
    held = heaps[heap].get(number)
    if held is None or len(held) < length * base.itemsize:
        raise ValueError(f"{name} must refer to rows in heaps, got one that is not there or shorter")
    return held[: length * base.itemsize].view(base)
