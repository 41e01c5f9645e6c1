"""What a study has found: a row a run, a row a point, the best point; as tables, files and curves."""

from __future__ import annotations

import contextlib
import json
import math
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikefa._atomic_write import write_whole
from spikefa.errors import ArgumentError, RunError, SpikefaError
from spikefa.experiments import metrics_table, run_record
from spikefa.experiments.params import value_text
from spikefa.experiments.run import Run
from spikefa.study.design import Design
from spikefa.study.points import Point

ERRORS = ("train_error", "validation_error", "test_error")
#: Folder of what ended otherwise than by being trained to the end, a file a run.
ENDED = "ended"


def write_end(study: Design, name: str, status: str, message: str, trace: str | None = None) -> None:
    """Write that a run has failed or was pruned, and why.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = study.directory / ENDED / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    record = {"status": status, "message": message, "traceback": trace, "when": run_record.now()}
    write_whole(path, json.dumps(record, indent=2) + "\n", "the end of a run")


def read_end(study: Design, name: str) -> dict[str, Any] | None:
    """Return how a run has ended, if not by being trained to the end."""
    try:
        return json.loads((study.directory / ENDED / f"{name}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def forget_end(study: Design, name: str) -> None:
    """Forget that a run has failed or was pruned."""
    with contextlib.suppress(FileNotFoundError):
        (study.directory / ENDED / f"{name}.json").unlink()


def metrics_of(run: Run) -> dict[str, np.ndarray]:
    """Return a run's table of metrics; an empty one before its first row."""
    try:
        return metrics_table.read_metrics(run.directory / "metrics.csv")
    except FileNotFoundError:
        return {}


def is_done(run: Run, metrics: Mapping[str, np.ndarray]) -> bool:
    """Return whether a run has its last row, which its last checkpoint has, too."""
    return bool(metrics) and metrics["epoch"].size > 0 and metrics["epoch"][-1] >= run.config.epochs


def status_of(study: Design, name: str, run: Run) -> tuple[str, str, dict[str, np.ndarray]]:
    """Return how a run stands, what is said about it, and its metrics."""
    try:
        metrics = metrics_of(run)
    except (SpikefaError, OSError) as error:
        return "failed", str(error), {}
    if is_done(run, metrics):
        return "done", "", metrics
    if end := read_end(study, name):
        return end["status"], end["message"], metrics
    return ("begun" if (run.directory / "run.json").exists() else "missing"), "", metrics


def rows(study: Design) -> list[dict[str, Any]]:
    """Return one row a run, see `Study.rows`."""
    found = []
    for name, (point, run) in study.runs.items():
        status, message, metrics = status_of(study, name, run)
        there = bool(metrics) and metrics["epoch"].size > 0
        last = {column: float(metrics[column][-1]) if there else math.nan for column in ("epoch", *ERRORS)}
        images = int(metrics["images_seen"][-1]) if there else 0
        found.append(
            {"run": name, **point, "seed": run.seed, "status": status, "epoch": last.pop("epoch")}
            | {"images_seen": images, **last, "message": message}
        )
    return found


def mean_sd(values: Iterable[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation; NaN where there are too few values."""
    known = [value for value in values if not math.isnan(value)]
    mean = statistics.fmean(known) if known else math.nan
    return mean, statistics.stdev(known) if len(known) > 1 else math.nan


def table(study: Design, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row a point, see `Study.table`."""
    found = []
    for point in study.points:
        own = [row for row in rows if all(row[name] == value for name, value in point.items())]
        done = [row for row in own if row["status"] == "done"]
        errors = {column: mean_sd(row[column] for row in done) for column in ERRORS}
        spread = {f"{column}_mean": mean for column, (mean, _) in errors.items()}
        spread |= {f"{column}_sd": sd for column, (_, sd) in errors.items()}
        counts = {status: sum(row["status"] == status for row in own) for status in ("done", "failed", "pruned")}
        found.append({**point, "runs": len(own), **counts, **spread})
    return found


def best(study: Design, rows: list[dict[str, Any]]) -> Point:
    """Return the point of the lowest mean validation error, see `Study.best`."""
    known = [
        row for row in table(study, rows) if row["done"] == row["runs"] and not math.isnan(row["validation_error_mean"])
    ]
    if not known:
        held_out = study.settings.get("validation", 0)
        why = "no point has all its seeds done" if held_out else "no images were held out for validation"
        raise RunError(f"{study.directory}: has no best point yet, since {why}")
    chosen = min(known, key=lambda row: row["validation_error_mean"])
    return {name: chosen[name] for name in study.vary}


def curves(study: Design, column: str) -> dict[tuple, tuple[np.ndarray, np.ndarray]]:
    """Return, for each point with runs that are done, the epochs and a column of metrics of each of them.

    Returns
    -------
    dict
        Texts of the point -> epochs (rows,) and values (runs, rows).
    """
    found: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}
    of_points: dict[tuple, list[dict[str, np.ndarray]]] = {}
    for name, (point, run) in study.runs.items():
        status, _, metrics = status_of(study, name, run)
        if status == "done":
            of_points.setdefault(tuple(f"{key}={value_text(value)}" for key, value in point.items()), []).append(
                metrics
            )
    for point, tables in of_points.items():
        if column not in tables[0]:
            raise ArgumentError(f"Study: column must be one of {list(tables[0])}, got {column!r}")
        found[point] = tables[0]["epoch"], np.array([metrics[column] for metrics in tables])
    return found


def evaluations(study: Design) -> list[dict[str, Any]]:
    """Return one row an evaluation of every run: its values, its seed, and all columns of its metrics."""
    found = []
    for name, (point, run) in study.runs.items():
        metrics = status_of(study, name, run)[2]
        for i in range(len(metrics.get("epoch", ()))):
            values = {column: float(values[i]) for column, values in metrics.items()}
            found.append({"run": name, **point, "seed": run.seed, **values})
    return found


def frame(rows: list[dict[str, Any]]) -> Any:
    """Return rows as a DataFrame of pandas."""
    try:
        import pandas
    except ImportError:
        raise RunError("Study: a DataFrame needs pandas; pip install spikefa[study]") from None
    return pandas.DataFrame(rows)


def write(study: Design) -> list[Path]:
    """Write ``results.csv`` (a row a run) and ``evaluations.csv``; with pyarrow, both as Parquet, too.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OSError
        If one cannot be written.
    """
    written = []
    for name, found in (("results", rows(study)), ("evaluations", evaluations(study))):
        columns = list(dict.fromkeys(column for row in found for column in row))
        whole = [{column: row.get(column, math.nan) for column in columns} for row in found]  # layers may differ
        texts = [{column: _text(value) for column, value in row.items()} for row in whole]
        written.append(study.directory / f"{name}.csv")
        write_whole(written[-1], metrics_table.text_of(texts), "the results")
        with contextlib.suppress(ImportError):
            written.append(_write_parquet(study.directory / f"{name}.parquet", whole))
    return written


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return value_text(value)


def _write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow
    from pyarrow import parquet

    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    for name, values in columns.items():
        if (
            any(isinstance(value, tuple) for value in values)
            or len({type(value) for value in values} - {type(None)}) > 1
        ):
            columns[name] = [value_text(value) for value in values]  # a column of Parquet has one type
    held = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), held)
    write_whole(path, held.getvalue().to_pybytes(), "the results")
    return path
