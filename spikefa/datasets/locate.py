"""Where data are: the directory that a user names."""

from __future__ import annotations

import os
from pathlib import Path

from spikefa._checks import path, user_path
from spikefa.datasets.dataset import data_errors
from spikefa.errors import DataError

VARIABLE = "SPIKEFA_DATA"
#: Bytes that a compressed file may hold however small it is, and above that, for each of its own bytes. MNIST has 5.
_SMALL, _RATIO = 2**28, 100


def named_directory(data_dir: str | os.PathLike | None) -> tuple[Path | None, str]:
    """Return the directory of the data and what named it: the argument or, without, the environment variable."""
    if data_dir is not None:
        with data_errors():
            data_dir = path("data set", "data_dir", data_dir)
    directory = data_dir or os.environ.get(VARIABLE)
    return (user_path(directory) if directory else None), "data_dir" if data_dir else VARIABLE


def find_files(
    name: str,
    data_dir: str | os.PathLike | None,
    files: tuple[str, ...],
    what: str,
    instead: str = "",
    folders: bool = False,
) -> list[Path]:
    """Find files that cannot be downloaded, in the named directory or its subdirectory `name`.

    Parameters
    ----------
    name : str
        Of the data set and the subdirectory.
    data_dir : path, optional
    files : tuple of str
    what : str
        What the files are and where they come from, for the message.
    instead : str
        What the caller takes in their place, for the message.
    folders : bool
        Whether they are folders of files.

    Raises
    ------
    DataError
        If no directory is named, or a file is not there.
    """
    directory, source = named_directory(data_dir)
    by_hand = f"{name} needs {what}: put {' and '.join(files)}{instead and f', or {instead},'} into a directory"
    if directory is None:
        raise DataError(f"{by_hand} and name it with data_dir or the variable {VARIABLE}", hint="data directory")
    if (directory / name).is_dir():
        directory = directory / name
    kind, is_there = ("folder", Path.is_dir) if folders else ("file", Path.is_file)
    for file in files:
        if not is_there(directory / file):
            raise DataError(
                f"{directory / file}: expected this {kind} (directory named by {source}), found none; {by_hand}",
                hint="data directory",
            )
    return [directory / file for file in files]


def is_bomb(size: int, stored: int) -> bool:
    """Return whether a file of so many bytes promises more than any data: gigabytes of zeros, say, in a megabyte.

    Parameters
    ----------
    size : int
        Bytes that it states to hold.
    stored : int
        Bytes that it has.
    """
    return size > max(_SMALL, _RATIO * stored)
