"""Data sets by their names."""

from __future__ import annotations

import os
from collections.abc import Callable

from spikefa._checks import path
from spikefa._registry import Registry
from spikefa.datasets.dataset import Dataset, data_errors
from spikefa.datasets.locate import VARIABLE
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


def load(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load a data set by its name.

    Parameters
    ----------
    name : str
        A name in `datasets`.
    data_dir : path, optional
        Directory of the files, themselves or in a subdirectory called `name`; by default what the
        ``SPIKEFA_DATA`` variable names. With neither, MNIST and Fashion-MNIST are downloaded into the user's
        cache once and their checksums verified. What needs no files ignores it.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If the name is unknown, or a file is missing, damaged, foreign or cannot be downloaded.
    """
    with data_errors():
        directory = None if data_dir is None else path("load", "data_dir", data_dir)
    if _kept is None:
        return datasets[name](directory)
    place = (name, directory, os.environ.get(VARIABLE))
    if place not in _kept:
        _kept.clear()
        _kept[place] = datasets[name](directory)
    return _kept[place]
