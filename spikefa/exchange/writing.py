"""Write activity in a format that other software reads."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from spikefa._checks import instance, one_of
from spikefa._checks import path as checked_path
from spikefa.exchange.activity import Activity
from spikefa.exchange.formats import formats


def write_activity(activity: Activity, path: str | os.PathLike, format: str) -> Path:
    """Write activity to a file or folder: all of it or, after an error, nothing.

    Parameters
    ----------
    activity : Activity
    path : path
        The format's suffix is added if it is missing. What is there is replaced.
    format : str
        A name in `formats`.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ArgumentError
        If there is no such format, or the library that it needs is not installed.
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> spikes = {"h1": np.eye(4, dtype=bool)}  # four steps, four units
    >>> activity = fa.exchange.Activity("mine", 1e-3, spikes, epochs=((0, 2, "a"), (2, 2, "b")))
    >>> folder = fa.exchange.write_activity(activity, "mine", "csv")
    >>> print((folder / "epochs.csv").read_text())
    start_ms,stop_ms,label
    0.0,2.0,a
    2.0,4.0,b
    <BLANKLINE>
    """
    owner = "write_activity"
    instance(owner, "activity", activity, Activity, "an Activity")
    chosen = formats[one_of(owner, "format", format, tuple(formats))]
    path = checked_path(owner, "path", path)
    if path.suffix != chosen.suffix:
        path = path.with_name(path.name + chosen.suffix)
    near = next(folder for folder in path.absolute().parents if folder.exists())
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=near) as folder:
        made = Path(folder) / path.name
        chosen.write(activity, made)
        path.parent.mkdir(parents=True, exist_ok=True)
        if made.is_dir() and path.is_dir():
            shutil.rmtree(path)
        os.replace(made, path)
    return path
