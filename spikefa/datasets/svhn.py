"""Street View House Numbers (Netzer et al. 2011), cropped digits, in grey."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from spikefa.datasets.dataset import Dataset
from spikefa.datasets.locate import find_files, is_bomb
from spikefa.datasets.registry import datasets
from spikefa.errors import DataError

_FILES = ("train_32x32.mat", "test_32x32.mat")
#: Weights of red, green and blue in grey (ITU-R BT.601).
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
#: Images converted at once.
_CHUNK = 10_000


@datasets.register("svhn")
def load_svhn(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load SVHN's cropped digits: 73,257 + 26,032 images of 32 x 32 pixels, as grey bytes.

    Parameters
    ----------
    data_dir : path, optional
        Directory of ``train_32x32.mat`` and ``test_32x32.mat`` as published (MATLAB files with ``X``, uint8
        (32, 32, 3, n), and ``y``, 1 to 10 with 10 for the digit 0), itself or in a subdirectory "svhn"; by
        default what ``SPIKEFA_DATA`` names.

    Raises
    ------
    DataError
        If a file is missing or damaged, or its images or labels are of another form; labels must be whole numbers.

    Examples
    --------
    >>> import spikefa as fa
    >>> data = fa.datasets.load_svhn("data")  # doctest: +SKIP
    """
    paths = find_files("svhn", data_dir, _FILES, "SVHN's cropped digits (http://ufldl.stanford.edu/housenumbers)")
    (train_images, train_labels), (test_images, test_labels) = map(_read, paths)
    return Dataset("svhn", train_images, train_labels, test_images, test_labels, (32, 32), 10)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read grey images (n, 1024) and labels (n,)."""
    from scipy.io import loadmat, whosmat

    def refuse(found: str) -> DataError:
        return DataError(
            f"{path}: expected SVHN's X, uint8 (32, 32, 3, n), and y, whole numbers 1 to 10 (n,), found {found}"
        )

    try:
        for name, shape, _ in whosmat(path):
            if is_bomb(math.prod(shape), path.stat().st_size):
                raise refuse(f"{path.stat().st_size} bytes that are to hold {name} of {shape}")
        held = loadmat(path, variable_names=("X", "y"))
    except DataError:
        raise
    # loadmat reports damage as any of these, depending on where in the file it lies; not all are exported.
    except Exception as error:
        raise refuse(f"a file that cannot be read as MATLAB's ({error}); copy or download it again") from error
    missing = [name for name in ("X", "y") if name not in held]
    if missing:
        raise refuse(f"no {missing[0]}")
    X, y = held["X"], np.ravel(held["y"])
    if X.dtype != np.uint8 or X.ndim != 4 or X.shape[:3] != (32, 32, 3) or X.shape[3] != len(y) or not len(y):
        raise refuse(f"X of {X.dtype} {X.shape} and y {y.shape}")
    # MATLAB's numbers are floats by default: whole ones are labels too.
    if y.dtype.kind not in "uif":
        raise refuse(f"labels of {y.dtype}, the first {' '.join(str(y[0]).split())[:40]}")
    bad = ~((y >= 1) & (y <= 10) & (y == np.floor(y)))  # NaN compares false: it is bad too
    if bad.any():
        raise refuse(f"a label {y[bad.argmax()]} at index {bad.argmax()}")
    images = np.empty((len(y), 1024), np.uint8)
    for start in range(0, len(y), _CHUNK):
        now = slice(start, start + _CHUNK)
        grey = np.einsum("hwcn,c->nhw", X[..., now].astype(np.float32), _GREY)
        images[now] = np.rint(grey).reshape(-1, 1024)
    return images, y.astype(np.int64) % 10
