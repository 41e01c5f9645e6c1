"""The record of a run, ``run.json``: what it is, written once, and read with its format checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from spikefa._atomic_write import write_new, write_whole
from spikefa.errors import RunError

FORMAT = 2
#: Earlier formats, and the commit of the repository that reads them.
EARLIER_FORMATS = {1: "f669c0d"}
#: What training writes beside ``run.json``.
_WRITTEN = ("model.py", "metrics.csv", "checkpoint.h5", "recordings")


def now() -> str:
    """Return the time, with the zone, as records have it."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def create(directory: Path, record: Mapping[str, Any], model_source: str) -> None:
    """Make a run's directory with its record and its model file.

    Raises
    ------
    RunError
        If there is a run already, or files that would be overwritten, or the directory cannot be written.
    """
    path = directory / "run.json"
    taken = RunError(f"{directory}: holds a run already", hint="directory taken")
    there = [name for name in _WRITTEN if (directory / name).exists()]
    if path.exists():
        raise taken
    if there:
        raise RunError(
            f"{directory}: must not have {', '.join(there)} without run.json, which would be overwritten",
            hint="another directory",
        )
    text = json.dumps({"format": FORMAT, **record}, indent=2) + "\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_new(path, text, "the run's record")  # first, and once: of two commands at once, one is refused
        try:
            write_whole(directory / "model.py", model_source, "the model")
        except BaseException:
            path.unlink()
            raise
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise taken from error
        raise RunError(f"{directory}: cannot be written ({error.strerror})", hint="another directory") from error


def change_epochs(directory: Path, epochs: int) -> None:
    """Write another number of epochs into the record, which keeps the earlier ones with the time of the change.

    Raises
    ------
    OSError
        If it cannot be read or written; it is as it was.
    """
    path = directory / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    earlier = record["config"]["epochs"]
    if earlier != epochs:
        record["config"]["epochs"] = epochs
        record["earlier_epochs"] = [*record.get("earlier_epochs", []), {"epochs": earlier, "until": now()}]
        write_whole(path, json.dumps(record, indent=2) + "\n", "the run's record")


def read(directory: Path) -> dict[str, Any]:
    """Read a run's record.

    Raises
    ------
    RunError
        If there is none, or it is of another format.
    """
    path = directory / "run.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{directory}: is no run directory, it has no run.json") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error})") from error
    found = record.get("format") if isinstance(record, dict) else record
    if isinstance(found, int) and found in EARLIER_FORMATS:
        raise RunError(
            f"{path}: has format {found} of an earlier spikefa; commit {EARLIER_FORMATS[found]} of its repository "
            "opens it"
        )
    if found != FORMAT:
        raise RunError(f"{path}: must have format {FORMAT}, got {found!r}; it is of another version of spikefa")
    return record
