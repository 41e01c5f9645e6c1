"""The table of metrics that training writes."""

from __future__ import annotations

import csv
import os

import numpy as np

from spikefa._checks import user_path
from spikefa.errors import DataError, did_you_mean

METRICS_COLUMNS = ("epoch", "images_seen", "train_error", "validation_error", "test_error")
"""The columns that every ``metrics.csv`` has; it may have more."""


def read_metrics(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the table of metrics that training writes, ``metrics.csv``.

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
    FileNotFoundError
        If there is no such file.
    DataError
        If it is no metrics table; the message names the file, the line and the rule.
    """
    try:
        with open(user_path(path), newline="", encoding="utf-8-sig") as f:
            rows = list(csv.reader(f, strict=True))
    except (UnicodeDecodeError, csv.Error) as e:
        raise DataError(f"{path}: not a table of metrics (text of comma-separated values), {e}") from e
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
