"""Files in the IDX format, in which MNIST and its kin are published."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path

import numpy as np

from spikefa.datasets.locate import is_bomb
from spikefa.errors import DataError


def read_part(image_file: Path, label_file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images (n, height, width) and their labels (n,), one of ten classes each.

    Raises
    ------
    DataError
        If a file is damaged or foreign, or the two are not of one set.
    """
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if len(images) != len(labels):
        raise DataError(
            f"{label_file}: expected {len(images)} labels, one for each image of {image_file.name}, "
            f"found {len(labels)}; the files must be of one set"
        )
    if labels.max() > 9:
        first = int((labels > 9).argmax())
        raise DataError(
            f"{label_file}: expected labels from 0 to 9, found {labels[first]} at index {first}; "
            "another set has the same file names, so look where this one comes from"
        )
    return images, labels


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or not, whatever its name ends in.

    IDX: two zero bytes, the type (8), the number of dimensions, each size as big-endian uint32, the values.

    Parameters
    ----------
    path : Path
    dimensions : int
        The number of dimensions that the file must have.

    Returns
    -------
    ndarray
        uint8.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged, empty, or of another type or number of dimensions; or is so small that
        what its header states can be no images. No more is read than that.
    """

    def refuse(found: str) -> DataError:
        return DataError(
            f"{path}: expected a {dimensions}-dimensional IDX file of unsigned bytes (plain or gzipped), "
            f"found {found}; copy or download the file again"
        )

    start = 4 + 4 * dimensions
    if path.exists() and not path.is_file() and not path.is_dir():
        raise refuse("a pipe or a device")  # which would be waited for
    try:
        with open(path, "rb") as file:
            stored = os.fstat(file.fileno()).st_size
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            source = gzip.GzipFile(fileobj=file) if packed else file
            head = source.read(start)
            if not head:
                raise refuse("an empty file")
            if head[:4] != bytes([0, 0, 8, dimensions]):
                raise refuse(f"one that starts with 0x{head[:4].hex()}, not 0x0000080{dimensions}")
            if len(head) < start:
                raise refuse(f"a header cut off after {len(head)} bytes")
            shape = tuple(np.frombuffer(head, ">u4", dimensions, offset=4).tolist())
            size = math.prod(shape)
            if size == 0:
                raise refuse(f"one without values, of shape {shape}")
            if not packed and stored - start != size:
                raise refuse(f"{stored - start} bytes of values where the header says {shape}, {size} bytes")
            if is_bomb(size, stored):
                raise refuse(f"{stored} bytes that are to hold {shape}, {size} bytes of values")
            data = source.read(size)
            if packed and (len(data) < size or source.read(1)):  # which also compares the checksum at the end
                found = len(data) if len(data) < size else f"more than {size}"
                raise refuse(f"{found} bytes of values where the header says {shape}, {size} bytes")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise refuse(f"a damaged gzip file ({error})") from error
    except OSError as error:
        raise refuse(f"one that cannot be read ({error.strerror})") from error
    return np.frombuffer(data, np.uint8).reshape(shape)


def idx_digest(values: np.ndarray) -> str:
    """Return the SHA-256 of an IDX file of unsigned bytes, not compressed, that holds these values."""
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    digest = hashlib.sha256(head)
    digest.update(np.ascontiguousarray(values))
    return digest.hexdigest()
