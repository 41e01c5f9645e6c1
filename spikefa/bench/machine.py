"""On what the numbers were got."""

from __future__ import annotations

import os
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numba
from threadpoolctl import threadpool_info

from spikefa.bench.harness import Setting, all_threads
from spikefa.experiments.provenance import git_state, machine, versions

#: What is recorded of a BLAS library, out of what threadpoolctl knows.
LIBRARY_KEYS = ("internal_api", "version", "architecture", "threading_layer", "filepath")


def describe(setting: Setting, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return model, setting, machine, versions, threads and BLAS libraries.

    Parameters
    ----------
    setting : Setting
    before : dict, optional
        What this function returned at the start: begin and load average are kept.
    """
    record = {
        "format": 2,
        "quick": setting.quick,
        "model": setting.model.name,
        "preset": setting.preset,
        "params": setting.model.recorded(setting.params()),
        "streams": setting.streams,
        "turns": setting.turns,
        "began": datetime.now().astimezone().isoformat(timespec="seconds"),
        "load_average_at_start": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "machine": machine(),
        "git": git_state(),
        "versions": {**versions(), **_optional("torch", "mkl", "Cython")},
        "threads": all_threads(),
        "numba_threading_layer": _threading_layer(),
        "blas": [
            {key: library.get(key) for key in LIBRARY_KEYS}
            for library in threadpool_info()
            if library["user_api"] == "blas"
        ],
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(("OMP_", "OPENBLAS_", "MKL_", "NUMBA_", "SPIKEFA_"))
        },
    }
    if before is not None:
        record |= {name: before[name] for name in ("began", "load_average_at_start")}
    return record


def _optional(*packages: str) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _threading_layer() -> str:
    try:
        return numba.threading_layer()
    except ValueError:  # nothing parallel has run yet
        return "not started"
