"""Stop consonants of TIMIT: frames of 39 features and one of six classes, prepared by the user."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np

from .dataset import DataError, Dataset
from .files import find_files

_FILE = "timit-stops.npz"
_FEATURES, _CLASSES = 39, 6
_ARRAYS = ("train_frames", "train_labels", "test_frames", "test_labels")


def load_timit_stops(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load frames of TIMIT's stop consonants (Lillicrap et al. 2016, Supp. Note 7: 63,881 + 22,257 frames).

    TIMIT is licensed by the LDC, so the features are made by the user, who saves them with ``numpy.savez`` as
    ``timit-stops.npz``: ``train_frames`` and ``test_frames``, floats (n, 39), and ``train_labels`` and
    ``test_labels``, integers 0 to 5 (n,).

    Parameters
    ----------
    data_dir : path, optional
        Directory of the file, itself or in a subdirectory "timit-stops"; by default what ``SPIKEFA_DATA`` names.
    """
    what = f"features of TIMIT (LDC93S1), an .npz file with {', '.join(_ARRAYS)}"
    (path,) = find_files("timit-stops", data_dir, (_FILE,), what)
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            missing = [name for name in _ARRAYS if name not in held]
            if missing:
                raise DataError(f"{path}: expected the arrays {', '.join(_ARRAYS)}, found no {missing[0]}")
            arrays = [held[name] for name in _ARRAYS]
    except DataError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected an .npz file of numpy, found one that cannot be read ({error})") from error
    train_images, train_labels, test_images, test_labels = arrays
    try:
        return Dataset(
            "timit-stops", train_images, train_labels, test_images, test_labels, (1, _FEATURES), _CLASSES, limits=None
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
