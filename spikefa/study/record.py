"""The record of a study, ``study.json``: what it is, with a digest of itself, and the model's file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikefa._atomic_write import write_whole
from spikefa.errors import RunError
from spikefa.experiments.run_record import digest_of, now

FORMAT = 1
NAME = "study.json"
#: Bytes that a record may have.
_MOST = 2**26
#: What states a study; the rest of a record says how it came about.
STATED = ("model_sha256", "changes", "vary", "points", "seeds", "resolved", "search")


def write(directory: Path, record: Mapping[str, Any], model_source: str) -> None:
    """Write what a study is; a record that is there keeps its own beginning, with the time of a change.

    Raises
    ------
    RunError
        If the directory holds another study, or files of another kind, or cannot be written.
    """
    there = read(directory) if (directory / NAME).exists() else None
    stated = json.loads(json.dumps({name: record[name] for name in STATED}))
    if there is None:
        if directory.exists() and any(path.name != "run.lock" for path in directory.iterdir()):
            raise RunError(f"{directory}: must be empty or hold this study", hint="another study")
        record = dict(record)
    else:
        _refuse_another(directory, stated, there)
        before = {name: there[name] for name in STATED}
        if before == stated:
            return
        record = there | stated | {"earlier": [*there.get("earlier", []), {**before, "until": now()}]}
    record = {"format": FORMAT, **record}
    record.pop("digest", None)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if there is None:
            write_whole(directory / "model.py", model_source, "the model")
        text = json.dumps(record | {"digest": digest_of(record)}, indent=2) + "\n"
        write_whole(directory / NAME, text, "the study's record")
    except OSError as error:
        raise RunError(f"{directory}: cannot be written ({error.strerror})", hint="another study") from error


def _refuse_another(directory: Path, stated: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    """Refuse a study other than the one that is there; more values, seeds and trials may be added to it."""
    for name in STATED:
        old, new = there[name], stated[name]
        if old != new and not _MORE.get(name, lambda old, new: False)(old, new):
            raise RunError(
                f"{directory}: holds a study with {name} {_short(old)}, not {_short(new)}; only values and seeds after "
                "those that are there may be added",
                hint="another study",
            )


def _begins_with(old: Any, new: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list) and new[: len(old)] == old


def _more_values(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return list(old) == list(new) and all(old[name] == new[name] or _begins_with(old[name], new[name]) for name in old)


def _more_points(old: list | None, new: list | None) -> bool:
    return None not in (old, new) and all(point in new for point in old)


def _more_trials(old: dict[str, Any] | None, new: dict[str, Any] | None) -> bool:
    return None not in (old, new) and new == old | {"trials": new["trials"]} and new["trials"] >= old["trials"]


#: What may be added to a study -> whether the new value only adds to the old one.
_MORE = {"vary": _more_values, "points": _more_points, "seeds": _begins_with, "search": _more_trials}


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def read(directory: Path) -> dict[str, Any]:
    """Read a study's record.

    Raises
    ------
    RunError
        If there is none, or it is of another format, lacks something, or was changed.
    """
    path = directory / NAME
    try:
        if path.stat().st_size > _MOST:
            raise RunError(f"{path}: must have at most {_MOST:,} bytes, got {path.stat().st_size:,}")
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{directory}: is no study, it has no {NAME}") from None
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(f"{path}: cannot be read ({error})") from error
    found = record.get("format") if isinstance(record, dict) else None
    if isinstance(found, bool) or found != FORMAT:
        raise RunError(f"{path}: must have format {FORMAT}, got {found!r}; it is of another version of spikefa")
    if record.get("digest") != digest_of(record):
        raise RunError(f"{path}: was changed since the study wrote it; restore it from a copy, or start a new study")
    missing = [name for name in (*STATED, "model", "model_file", "settings") if name not in record]
    if missing:
        raise RunError(f"{path}: is incomplete or of another version of spikefa ({missing[0]!r})")
    return record
