"""The record of a run, ``run.json``: what it is, written once, with a digest of itself, and checked when it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from spikefa._atomic_write import write_new, write_whole
from spikefa._checks import refuse, text, whole
from spikefa.errors import ArgumentError, RunError

FORMAT = 3
#: Earlier formats, and the commit of the repository that reads them.
EARLIER_FORMATS = {1: "f669c0d", 2: "6c29802"}
#: Bytes that a record may have.
_MOST = 2**24
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
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_new(path, sealed(record), "the run's record")  # first, and once: of two commands at once, one is refused
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
        write_whole(path, sealed(record), "the run's record")


def sealed(record: Mapping[str, Any]) -> str:
    """Return the text of a record, with its format and its digest."""
    values = {"format": FORMAT, **record} | {"format": FORMAT}
    return json.dumps(values | {"digest": digest_of(values)}, indent=2) + "\n"


def digest_of(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all values of a record but the digest itself."""
    rest = {name: value for name, value in record.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read(directory: Path) -> dict[str, Any]:
    """Read a run's record.

    Raises
    ------
    RunError
        If there is none, or it is of another format, or a value cannot be, or any was changed; the message names it.
    """
    path = directory / "run.json"
    try:
        if path.stat().st_size > _MOST:
            raise RunError(f"{path}: must have at most {_MOST:,} bytes, got {path.stat().st_size:,}")
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise RunError(f"{directory}: is no run directory, it has no run.json") from None
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(f"{path}: cannot be read ({error})") from error
    found = record.get("format") if isinstance(record, dict) else None
    if isinstance(found, int) and found in EARLIER_FORMATS:
        raise RunError(
            f"{path}: has format {found} of an earlier spikefa; commit {EARLIER_FORMATS[found]} of its repository "
            "opens it"
        )
    if isinstance(found, bool) or found != FORMAT:
        raise RunError(f"{path}: must have format {FORMAT}, got {found!r}; it is of another version of spikefa")
    _check(path, record)
    if record.get("digest") != digest_of(record):
        raise RunError(f"{path}: was changed since the run wrote it; restore it from a copy, or start a new run")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of a record")


def _or_none(check: Callable[..., Any]) -> Callable[..., Any]:
    return lambda owner, name, value, *rest: None if value is None else check(owner, name, value, *rest)


def _mapping(owner: str, name: str, value: Any) -> None:
    if not isinstance(value, dict):
        refuse(owner, name, "map names to values", value)


def _config(owner: str, name: str, value: Any) -> None:
    _mapping(owner, name, value)
    whole(owner, "epochs", value.get("epochs"))  # `TrainingConfig` checks the others when the run is opened


def _texts(owner: str, name: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        refuse(owner, name, "be a list of texts", value)


#: What a run needs of its record; each check is called with the owner, the name and the value.
_CHECKS: dict[str, tuple[Callable[..., Any], tuple]] = {
    "model": (text, ()),
    "model_file": (text, ()),
    "model_sha256": (text, ()),
    "params": (_mapping, ()),
    "streams": (whole, (1,)),
    "seed": (whole, (0,)),
    "config": (_config, ()),
    "data": (text, ()),
    "data_dir": (_or_none(text), ()),
    "data_digest": (_or_none(text), ()),
    "validation": (whole, (0,)),
    "classes": (_or_none(whole), (2,)),
    "device": (text, ()),
    "schedule": (_texts, ()),
}


def _check(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse a record that lacks something, or has it of a kind that it cannot be."""
    for name, (check, limits) in _CHECKS.items():
        if name == "schedule" and name not in record:  # of a run from before there were callbacks
            continue
        if name not in record:
            raise RunError(f"{path}: is incomplete or of another version of spikefa ({name!r})")
        try:
            check(str(path), name, record[name], *limits)
        except ArgumentError as error:
            raise RunError(str(error)) from None
