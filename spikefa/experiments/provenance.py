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

from spikefa.datasets import Dataset


def data_digest(dataset: Dataset) -> str:
    """Return a digest of all images, labels and targets of a data set as it was loaded, 16 hexadecimal digits.

    Floats count with the first 12 bits of their fractions: data that are computed, such as those of
    `spikefa.datasets.synthetic`, differ in their last bits between machines.

    Parameters
    ----------
    dataset : Dataset
        Not split or prepared yet.
    """
    digest = hashlib.sha256()
    for part in ("train", "test"):
        for kind in ("images", "labels", "targets"):
            array = getattr(dataset, f"{part}_{kind}")
            if array is None:
                continue
            if array.dtype.kind == "f":
                array = (array.astype("<f4").view("<u4") + np.uint32(1 << 10)) >> np.uint32(11)  # rounded
            digest.update(f"{part} {kind} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]


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
    """Return commit and cleanness of the checkout the package lies in; None outside one."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "clean": git("status", "--porcelain") == ""}
    except (OSError, subprocess.SubprocessError):
        return None


def machine() -> dict[str, Any]:
    """Return the system, its processor and its number of cores."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = names[0].partition(":")[2].strip() if names else processor
    return {"system": platform.platform(), "processor": processor, "cores": os.cpu_count()}
