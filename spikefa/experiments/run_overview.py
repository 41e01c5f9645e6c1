"""What a run is, how it went, and where its files are, from its directory alone: no code is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefa._checks import path as checked_path
from spikefa.core.summary import size_text
from spikefa.experiments import run_record
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.params import value_text
from spikefa.experiments.progress import epoch_text

if TYPE_CHECKING:
    from rich.table import Table

#: Columns that the overview shows of the first, the best and the last row.
_SHOWN = ("epoch", "train_error", "validation_error", "test_error")

#: What the overview has from the record.
_RECORDED = (
    *("model", "params", "data", "data_digest", "streams", "seed", "validation", "device", "classes", "created"),
    *("command", "versions", "git", "machine"),
)


def overview(directory: str | Path) -> dict[str, Any]:
    """Return what a run's directory says.

    Parameters
    ----------
    directory : path

    Returns
    -------
    dict
        ``run``, ``model``, ``params``, ``data``, ``settings``, ``created``, ``versions``, ``machine``; ``status``, one
        of ``"new"``, ``"begun"`` and ``"finished"``; ``rows``, the number of evaluations; ``first``, ``best`` (by the
        validation error if there is one, else by the test error) and ``last``, rows of the metrics; ``files``, of each
        its path and bytes.

    Raises
    ------
    RunError
        If it is no run directory of this version, or was changed.
    DataError
        If the table of metrics was changed.

    Examples
    --------
    >>> from spikefa.experiments.run_overview import overview
    >>> overview("runs/digits")["status"]
    'finished'
    """
    directory = checked_path("overview", "directory", directory)
    record = run_record.read(directory)
    table = read_metrics(directory / "metrics.csv") if (directory / "metrics.csv").exists() else {}
    rows = len(table["epoch"]) if table else 0
    ended = rows > 0 and table["epoch"][-1] >= record["config"]["epochs"]
    found = {
        "run": str(directory),
        "status": "finished" if ended else "begun" if rows else "new",
        **{name: record[name] for name in ("model", "params", "data", "data_digest", "streams", "seed", "validation")},
        **{
            name: record.get(name) for name in ("device", "classes", "created", "command", "versions", "git", "machine")
        },
        "schedule": record.get("schedule", []),
        "settings": record["config"],
        "rows": rows,
    }
    if rows:
        by = "validation_error" if np.isfinite(table["validation_error"]).any() else "test_error"
        best = int(np.nanargmin(table[by])) if np.isfinite(table[by]).any() else rows - 1
        found |= {name: _row(table, at) for name, at in (("first", 0), ("best", best), ("last", rows - 1))}
    return found | {"files": _files(directory)}


def _row(table: dict[str, np.ndarray], at: int) -> dict[str, float | None]:
    return {name: float(column[at]) if np.isfinite(column[at]) else None for name, column in table.items()}


def _files(directory: Path) -> list[dict[str, Any]]:
    files = [file for file in directory.rglob("*") if file.is_file() and not file.name.startswith(".")]
    order = ("run.json", "model.py", "metrics.csv", "checkpoint.h5")
    files.sort(key=lambda file: (order.index(file.name) if file.name in order else len(order), str(file)))
    return [{"path": str(file), "bytes": file.stat().st_size} for file in files]


def overview_table(found: dict[str, Any]) -> Table:
    """Return an overview as a table for people; errors of classes in per cent."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    settings = found["settings"]
    params = ", ".join(f"{name}={value_text(value)}" for name, value in found["params"].items())
    numbers = (("epoch", settings["epochs"]), ("stream", found["streams"]))
    counts = [f"{number} {word}{'s'[: number != 1]}" for word, number in numbers]
    lines = [
        ("run", f"{found['run']} ({found['status']}, begun {found['created']})"),
        ("model", found["model"]),
        ("parameters", params),
        ("data", f"{found['data']}, digest {found['data_digest']}, {found['validation']:,} held out for validation"),
        ("training", f"{', '.join(counts)}, seed {found['seed']}, device {found['device']}"),
    ]
    lines += [("schedule", ", ".join(found["schedule"]))] if found["schedule"] else []
    lines += [
        (name, _row_text(found[name], found["classes"], found["streams"]))
        for name in ("first", "best", "last")
        if name in found
    ]
    for name, value in lines:
        table.add_row(name, value)
    for number, file in enumerate(found["files"]):
        table.add_row("files" if number == 0 else "", f"{file['path']}  {size_text(file['bytes'])}")
    return table


def _row_text(row: dict[str, float | None], classes: int | None, streams: int) -> str:
    scale, unit = (100, " %") if classes is not None else (1, "")
    seen = int(row["images_seen"])
    images = round(seen / row["epoch"]) if row["epoch"] else 1
    parts = [f"epoch {epoch_text(row['epoch'], seen, images, streams)}"]
    for name in _SHOWN[1:]:
        if row.get(name) is not None:
            parts.append(f"{name.replace('_error', '')} error {scale * row[name]:.4g}{unit}")
    return ", ".join(parts)
