"""Data sets by their names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from spikefa._checks import path, true_or_false
from spikefa._registry import Registry
from spikefa.datasets.dataset import Dataset, data_errors
from spikefa.datasets.locate import VARIABLE
from spikefa.datasets.own import is_function, is_path, load_function, load_path
from spikefa.errors import DataError

#: Name -> function of the directory of the files (or None) that returns the data set. What needs no files ignores it.
#: Other distributions add data sets by entry points of the group ``spikefa.datasets``.
datasets: Registry[Callable[[str | os.PathLike | None], Dataset]] = Registry(
    "data set", "spikefa.datasets", error=DataError
)

_kept: dict[tuple, Dataset] | None = None  # the last data set and where it is from, in a process that keeps it


def keep_loaded() -> None:
    """From now on, keep the last data set in this process, and return it if it is loaded again.

    For processes that train one run after the other. The arrays are read-only.
    """
    global _kept
    _kept = {} if _kept is None else _kept


def load(name: str, data_dir: str | os.PathLike | None = None, *, code: bool = False) -> Dataset:
    """Load a data set by its name, or from a user's own file, folder or function.

    Parameters
    ----------
    name : str
        A name in `datasets`; the path of an ``.npz`` file (`own.load_npz`) or of a folder of images by class
        (`own.load_folder`); or ``module:function`` (`own.load_function`).
    data_dir : path, optional
        Directory of the files, themselves or in a subdirectory called `name`; by default what the
        ``SPIKEFA_DATA`` variable names. With neither, MNIST and Fashion-MNIST are downloaded into the user's
        cache once and their checksums verified. What needs no files ignores it. A user's own file is looked for
        there if it is not at its path.
    code : bool
        Whether a function may be called, which runs the code of its module.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If the name is unknown, or is code that may not be run; or a file is missing, damaged, foreign or cannot be
        downloaded.

    Examples
    --------
    >>> import spikefa as fa
    >>> fa.datasets.load("digits").train_images.shape
    (1437, 64)
    """
    with data_errors():
        directory = None if data_dir is None else path("load", "data_dir", data_dir)
        true_or_false("load", "code", code)
    if isinstance(name, str) and name not in datasets:
        if is_path(name):
            moved = directory is not None and not Path(name).exists()
            return load_path(directory / Path(name).name if moved else name)
        if is_function(name):
            if not code:
                raise DataError(f"data set {name!r}: is code, which was not run", hint="trust")
            return load_function(name)
    if _kept is None:
        return datasets[name](directory)
    place = (name, directory, os.environ.get(VARIABLE))
    if place not in _kept:
        _kept.clear()
        _kept[place] = datasets[name](directory)
    return _kept[place]
