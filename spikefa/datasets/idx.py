"""Files in the IDX format, in which MNIST and its kin are published."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

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
        If the file cannot be read, is damaged, empty, or of another type or number of dimensions.
    """

    def refuse(found: str) -> DataError:
        return DataError(
            f"{path}: expected a {dimensions}-dimensional IDX file of unsigned bytes (plain or gzipped), "
            f"found {found}; copy or download the file again"
        )

    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise refuse(f"a damaged gzip file ({error})") from error
    except OSError as error:
        raise refuse(f"one that cannot be read ({error.strerror})") from error
    start = 4 + 4 * dimensions
    if not data:
        raise refuse("an empty file")
    if data[:4] != bytes([0, 0, 8, dimensions]):
        raise refuse(f"one that starts with 0x{data[:4].hex()}, not 0x0000080{dimensions}")
    if len(data) < start:
        raise refuse(f"a header cut off after {len(data)} bytes")
    shape = tuple(np.frombuffer(data, ">u4", dimensions, offset=4).tolist())
    size = math.prod(shape)
    if len(data) - start != size:
        raise refuse(f"{len(data) - start} bytes of values where the header says {shape}, {size} bytes")
    if size == 0:
        raise refuse(f"one without values, of shape {shape}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
