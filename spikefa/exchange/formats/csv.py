"""Comma-separated values: a folder of plain tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from spikefa.exchange.activity import Activity, Signal
from spikefa.exchange.formats import Format, formats


def write(activity: Activity, path: Path) -> None:
    """Write ``units.csv``, ``spikes.csv``, ``signals.csv`` and ``epochs.csv`` to a new folder.

    Times are milliseconds. Units have their numbers, also in the headings of signals. Those that never spiked are
    in ``units.csv``, with 0 spikes.
    """
    path.mkdir()
    trains, ms = activity.trains(), activity.dt * 1e3
    _table(path / "units.csv", ("population", "unit", "spikes"), ((name, u, len(t)) for name, u, t in trains))
    spikes = sorted((float(time) * 1e3, name, unit) for name, unit, times in trains for time in times)
    _table(path / "spikes.csv", ("time_ms", "population", "unit"), spikes)
    named = [_heading(name, signal) for name, signal in activity.signals.items()]
    columns = [np.arange(activity.steps) * ms, *(signal.values for signal in activity.signals.values())]
    _table(path / "signals.csv", ("time_ms", *named), zip(*(map(float, c) for c in columns), strict=True))
    write_epochs(activity, path / "epochs.csv")


def write_epochs(activity: Activity, path: Path) -> None:
    """Write a table of what was shown."""
    ms, details = activity.dt * 1e3, activity.details
    rows = ((start * ms, (start + steps) * ms, label) for start, steps, label in activity.epochs)
    columns = zip(*details.values(), strict=True) if details else [()] * len(activity.epochs)
    _table(path, ("start_ms", "stop_ms", "label", *details), (a + tuple(b) for a, b in zip(rows, columns, strict=True)))


def _heading(name: str, signal: Signal) -> str:
    """Return the heading of a signal's column, such as "h1.v of unit 217 (mV)"."""
    of = "" if signal.unit_number is None else f" of unit {signal.unit_number}"
    return f"{name}{of} ({signal.unit})" if signal.unit else f"{name}{of}"


def _table(path: Path, header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


formats.register("csv")(Format("", write))
