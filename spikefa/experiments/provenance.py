"""The origin of a run, for its record: versions, the checkout, the machine, and a digest of the data."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from spikefa import datasets
from spikefa.datasets import VARIABLE, Dataset, SpikeTrains
from spikefa.errors import DataError


def data_digest(dataset: Dataset) -> str:
    """Return a digest of all images, labels and targets of a data set as it was loaded, 16 hexadecimal digits.

    Floats count with the first 12 bits of their fractions: data that are computed, such as those of
    `spikefa.datasets.synthetic`, differ in their last bits between machines. Spike times count in microseconds.

    Parameters
    ----------
    dataset : Dataset
        Not split or prepared yet.
    """
    digest = hashlib.sha256()
    for part in ("train", "test"):
        for kind in ("images", "labels", "targets"):
            held = getattr(dataset, f"{part}_{kind}")
            if isinstance(held, SpikeTrains):
                digest.update(f"{part} {held!r} {held.several}".encode())
                arrays = [held.bounds, held.unit, np.rint(held.time * 1e6).astype("<i8")]
            else:
                arrays = [] if held is None else [held]
            for array in arrays:
                if array.dtype.kind == "f":
                    array = (array.astype("<f4").view("<u4") + np.uint32(1 << 10)) >> np.uint32(11)  # rounded
                digest.update(f"{part} {kind} {array.dtype.str} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]


def load_again(name: str, data_dir: str | None, digest: str, code: bool = False) -> Dataset:
    """Load the data that a run began with: where ``SPIKEFA_DATA`` says, if they are there, else where they were.

    Parameters
    ----------
    name : str
        Of the data set.
    data_dir : str or None
        Directory that they were read from; None for the default.
    digest : str
        Their `data_digest`.
    code : bool
        Whether their function may be called, see `datasets.load`.

    Raises
    ------
    DataError
        If they are at neither place; the message tells of the first.
    """
    named = os.environ.get(VARIABLE)
    places = [None, data_dir] if named and data_dir is not None else [data_dir]
    found = []
    for place in places:
        try:
            found.append(datasets.load(name, place, code=code))
        except DataError as error:
            found.append(error)
        else:
            if data_digest(found[-1]) == digest:
                return found[-1]
    if isinstance(found[0], DataError):
        raise found[0]
    return found[0]  # other data, which the caller may take or refuse


def versions() -> dict[str, str]:
    """Return the versions of spikefa, Python and the packages that decide about bits."""
    found = {"python": platform.python_version()}
    for package in ("spikefa", "brian2", "numpy", "numba", "scipy", "h5py"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def git_state() -> dict[str, Any] | None:
    """Return commit and cleanness of the repository that keeps the package's source; None if none does.

    A repository in whose folder the package was installed, as in ``thesis/.venv``, does not keep it.
    """
    here = Path(__file__)
    # A hook of another repository sets GIT_DIR and the like; what configures git stays, such as its safe directories.
    kept = {name: value for name, value in os.environ.items() if name[:4] != "GIT_" or name[:10] == "GIT_CONFIG"}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True, env=kept).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)
        return {"commit": git("rev-parse", "HEAD"), "clean": git("status", "--porcelain") == ""}
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def machine() -> dict[str, Any]:
    """Return the system, its processor and its number of cores."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = names[0].partition(":")[2].strip() if names else processor
    return {"system": platform.platform(), "processor": processor, "cores": os.cpu_count()}
