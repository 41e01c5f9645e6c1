"""Tables, JSON, and what was reached."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from spikefa._atomic_write import write_whole
from spikefa.bench.goals import GOALS
from spikefa.bench.harness import Section, Setting

Record = dict[str, Any]
Done = dict[str, tuple[str, Section]]


def judge(done: Done, setting: Setting) -> list[Record]:
    """Compare the goals with what was measured.

    Returns
    -------
    list of dict
        ``what``, ``goal``, ``row``, ``measured`` (median), ``low``, ``high`` (quartiles), ``unit`` and
        ``met``: a truth value, or None if nothing was measured or the sizes are the small ones of `Setting.quickly`.
    """
    judged = []
    for goal in GOALS:
        name, _, key = goal.row.partition(".")
        row = done[name][1].rows.get(key) if name in done else None
        spread = None if row is None else row.spread
        judged.append(
            {
                "what": goal.what,
                "goal": str(goal),
                "row": goal.row,
                "measured": None if spread is None else spread.median,
                "low": None if spread is None else spread.low,
                "high": None if spread is None else spread.high,
                "unit": goal.unit,
                "met": None if spread is None or setting.quick else goal.met_by(spread.median),
            }
        )
    return judged


def as_json(record: Record, done: Done, judged: list[Record], file: Path | None) -> Record:
    """Return everything as one dict, and write it to `file` if there is one.

    Returns
    -------
    dict
        The record of `machine.describe`, with ``sections`` (name -> ``title``, ``notes``, and ``rows``: key ->
        ``what``, ``unit``, ``median``, ``low``, ``high``, ``turns``, ``note``; the four numbers are None for
        what could not be measured) and ``goals``, see `judge`.
    """
    sections = {}
    for name, (title, section) in done.items():
        rows = {}
        for key, row in section.rows.items():
            none = dict.fromkeys(("median", "low", "high", "turns"))
            numbers = none if row.spread is None else dataclasses.asdict(row.spread)
            rows[key] = {"what": row.what, "unit": row.unit, **numbers, "note": row.note}
        sections[name] = {"title": title, "rows": rows, "notes": section.notes}
    text = json.dumps({**record, "sections": sections, "goals": judged}, indent=2, allow_nan=False)
    if file is not None:
        write_whole(file, text + "\n", "the measurements")
    return json.loads(text)


def number(value: float | None) -> str:
    """Return a number with three digits, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table_of(name: str, title: str, section: Section) -> Table:
    """Return a section as a table."""
    table = Table(title=f"{name}: {title}", title_justify="left", caption="\n".join(section.notes), box=None)
    table.caption_justify = "left"
    table.add_column("what")
    for name in ("median", "quartiles", "unit"):
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    table.add_column("note")
    for row in section.rows.values():
        if row.spread is None:
            table.add_row(row.what, "-", "", "", Text(row.note))
        else:
            between = f"{number(row.spread.low)} .. {number(row.spread.high)}" if row.spread.turns > 1 else ""
            table.add_row(row.what, number(row.spread.median), between, row.unit, Text(row.note))
    return table


def table_of_goals(judged: list[Record], quick: bool) -> Table:
    """Return the goals as a table."""
    table = Table(title="Goals", title_justify="left", box=None)
    for name in ("what", "goal", "measured", "met"):
        table.add_column(name, justify="left" if name == "what" else "right")
    if quick:
        table.caption = "Quick: small sizes, the numbers mean nothing."
    for row in judged:
        met = {True: "yes", False: "no", None: "-"}[row["met"]]
        measured = "-" if row["measured"] is None else f"{number(row['measured'])} {row['unit']}"
        table.add_row(row["what"], row["goal"], measured, met)
    return table


def in_words(record: Record) -> str:
    """Return machine, versions and BLAS in three lines."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    blas = ", ".join(f"{b['internal_api']} {b['version']} ({b['architecture']})" for b in record["blas"])
    load = number(record["load_average_at_start"])
    return (
        f"{record['machine']['processor']}, {record['machine']['cores']} cores, {record['threads']} threads "
        f"(numba: {record['numba_threading_layer']}), load average {load}"
        f"\n{versions}\nBLAS: {blas}"
    )
