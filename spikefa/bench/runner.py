"""Measure: one section of the benchmark after another."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spikefa.bench.harness import Disturbances, Section, Setting
from spikefa.bench.machine import describe
from spikefa.bench.report import Done, as_json, judge
from spikefa.bench.sections import sections
from spikefa.errors import ArgumentError


def chosen(only: str | None, known: Mapping[str, Callable[..., None]] = sections) -> list[str]:
    """Return the names of the sections asked for, in the order of the question; all of them for None.

    Parameters
    ----------
    only : str or None
        Names with commas between them, such as ``"step,one-stream"``.
    known : mapping
        The sections that there are.

    Raises
    ------
    ArgumentError
        If one is unknown, or there is none.
    """
    if only is None:
        return list(known)
    names = list(dict.fromkeys(name.strip() for name in only.split(",") if name.strip()))
    if not names:
        raise ArgumentError(f"benchmark: sections must be at least one of {', '.join(known)}, got {only!r}")
    for name in names:
        if name not in known:
            known[name]  # says which there are
    return names


def title_of(section: Callable[..., None]) -> str:
    """Return the first line of a section's docstring, without the full stop."""
    return (inspect.getdoc(section) or section.__name__).splitlines()[0].removesuffix(".")


def measure(
    setting: Setting,
    only: str | None = None,
    file: Path | None = None,
    on_row: Callable[[Done], None] = lambda done: None,
    known: Mapping[str, Callable[..., None]] = sections,
) -> dict[str, Any]:
    """Measure section by section, and return everything measured (see `report.as_json`).

    Parameters
    ----------
    setting : Setting
    only : str, optional
        Names of the sections, such as ``"step,one-stream"``.
    file : Path, optional
        Written whole before the first section (so that a bad path is refused at once) and after each row.
    on_row : function of a dict, name -> (title, Section)
        Called with what is measured so far, after each row and each section.
    known : mapping
        The sections that there are.

    Raises
    ------
    ArgumentError
        If a section is unknown.
    OSError
        If the file cannot be written.
    """
    names = chosen(only, known)
    record = describe(setting)
    done: Done = {}

    def write() -> None:
        as_json(record, done, judge(done, setting), file)
        on_row(done)

    as_json(record, done, [], file)
    for name in names:
        section = Section(on_row=write)
        done[name] = title_of(known[name]), section
        now = dataclasses.replace(setting, disturbances=Disturbances())
        known[name](now, section)
        if now.disturbances.repeated or now.disturbances.kept:
            section.notes.append(str(now.disturbances))
        write()  # remarks too
    return as_json(describe(setting, record), done, judge(done, setting), file)
