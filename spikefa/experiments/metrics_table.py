"""The table of metrics that training writes.

The checkpoint beside it holds the same rows, so that a table that was changed, or has lost a row, is noticed.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikefa._checks import path as checked_path
from spikefa.errors import DataError, did_you_mean
from spikefa.experiments import checkpoint

METRICS_COLUMNS = ("epoch", "images_seen", "train_error", "validation_error", "test_error")
"""The columns that every ``metrics.csv`` has; it may have more."""


def read_metrics(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the table of metrics that training writes, ``metrics.csv``.

    A table with a run's checkpoint beside it is compared with the rows in the checkpoint. Rows that the checkpoint does
    not have yet are left out: a run that goes on makes them again.

    Parameters
    ----------
    path : path
        The file, with or without the byte order mark of a spreadsheet.

    Returns
    -------
    dict
        Column name to float array (rows,), NaN where the table is blank.

    Raises
    ------
    ArgumentError
        If `path` is no path.
    FileNotFoundError
        If there is no such file.
    DataError
        If it is no metrics table, or not the one in the checkpoint; the message names the file, the line and the rule.
    CheckpointError
        If the checkpoint is damaged.

    Examples
    --------
    >>> from spikefa.experiments.metrics_table import read_metrics
    >>> float(read_metrics("runs/digits/metrics.csv")["epoch"][0])
    0.0
    """
    path = checked_path("read_metrics", "path", path)
    beside = path.with_name("checkpoint.h5")
    kept = checkpoint.read_metrics_text(beside) if beside.exists() else ""  # first: the table may grow meanwhile
    try:
        table = parsed(path.read_bytes().decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a table of metrics (text of comma-separated values), {error}") from error
    return _same(path, table, parsed(kept, beside)) if kept else table


def rows_of(text: str) -> list[dict[str, str]]:
    """Return the rows of a table, each a dict of texts by column."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def text_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the text of a table; an empty one without rows. A column that a row does not have is blank."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def parsed(text: str, path: Path) -> dict[str, np.ndarray]:
    """Return a table's columns, see `read_metrics`; `path` is for messages."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: not a table of metrics (text of comma-separated values), {error}") from error
    header = rows[0] if rows else []
    missing = [name for name in METRICS_COLUMNS if name not in header]
    if missing:
        hint = did_you_mean(missing[0], set(header) - set(METRICS_COLUMNS))
        raise DataError(f"{path}: a table of metrics must have the columns {missing}, got {header[:12]}{hint}")
    if len(set(header)) != len(header):
        raise DataError(f"{path}: a table of metrics must name each column once, got {header}")
    table = np.empty((len(rows) - 1, len(header)))
    for i, row in enumerate(rows[1:]):
        if len(row) != len(header):
            raise DataError(f"{path}, line {i + 2}: must have {len(header)} values, got {len(row)}")
        for j, text in enumerate(row):
            try:
                table[i, j] = float(text) if text.strip() else np.nan
            except ValueError:
                raise DataError(f"{path}, line {i + 2}: {header[j]} must be a number or blank, got {text!r}") from None
    return {name: table[:, j].copy() for j, name in enumerate(header)}


def _same(path: Path, table: dict[str, np.ndarray], kept: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the rows that the checkpoint has, if they are the same."""
    mend = "it was changed since training wrote it; delete it, and resuming the run writes it again"
    if list(table) != list(kept):
        raise DataError(
            f"{path}: must have the columns that its checkpoint has, {list(kept)}, got {list(table)}; {mend}"
        )
    rows, there = len(kept["epoch"]), len(table["epoch"])
    if there < rows:
        raise DataError(f"{path}: must have {rows} rows, as its checkpoint has, got {there}; {mend}")
    for name, column in kept.items():
        found = table[name][:rows]
        if (wrong := np.flatnonzero((found != column) & ~(np.isnan(found) & np.isnan(column)))).size:
            at = wrong[0]
            raise DataError(
                f"{path}, line {at + 2}: {name} must be {column[at]:.17g}, as its checkpoint has it, "
                f"got {found[at]:.17g}; {mend}"
            )
    return {name: column[:rows] for name, column in table.items()}
