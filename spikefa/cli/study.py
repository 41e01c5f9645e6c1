"""``spikefa study``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import Trust, choice
from spikefa.cli.output import console

Column = Annotated[
    str,
    typer.Option(
        **choice(("validation_error", "test_error", "train_error")), help="What is drawn; default: what is measured."
    ),
]


def study(
    directory: Annotated[Path, typer.Argument(metavar="STUDY", help="Study directory.")],
    column: Column = None,
    out: Annotated[
        Path | None, typer.Option(help="File (.png, .pdf, .svg); default: STUDY/figures/learning.png.")
    ] = None,
    trust: Trust = False,
) -> dict[str, Any]:
    """Print a study's table, write it as CSV and Parquet, and draw mean and deviation of the learning curves."""
    from spikefa.plotting.of_studies import save_study_figure
    from spikefa.study import results
    from spikefa.study.study import open_study

    opened = open_study(directory, trust=trust)
    print_table(opened)
    written = [*results.write(opened)]
    if any(row["done"] for row in opened.table()):
        written.append(save_study_figure(opened, column, out))
    for path in written:
        console.print(f"Wrote {path}")
    return {"study": opened.directory, "runs": rows_in_words(opened), "written": written}


def rows_in_words(study: Any) -> list[dict[str, Any]]:
    """Return a row a run, its parameters as texts, as ``--json`` prints them."""
    from spikefa.experiments.params import value_text

    return [row | {name: value_text(row[name]) for name in study.vary} for row in study.rows()]


def print_summary(study: Any) -> None:
    """Print how many runs are done, which have failed, and what to do next."""
    rows = study.rows()
    done = sum(row["status"] == "done" for row in rows)
    for row in rows:
        if row["status"] == "failed":
            console.print(f"failed: {row['run']}: {row['message']}")
    console.print(f"{done} of {len(rows)} runs are done. See: spikefa study {study.directory}")


def print_table(study: Any) -> None:
    """Print a row a point with mean and deviation over seeds, the runs that failed, and the best point."""
    from rich.table import Table

    from spikefa.errors import RunError
    from spikefa.experiments.params import value_text
    from spikefa.study.points import in_words

    rows, table = study.rows(), Table(*study.vary, "runs", "validation error", "test error", box=None)
    try:
        best = study.best()
    except RunError as error:
        best, why = None, str(error)
    points = study.table()
    for row in points:
        values = [value_text(row[name]) for name in study.vary]
        counts = [f"{row['done']}/{row['runs']}"]
        counts += [f"{row[status]} {status}" for status in ("failed", "pruned") if row[status]]
        chosen = best == {name: row[name] for name in study.vary}
        table.add_row(
            *values,
            ", ".join(counts),
            *(_mean_sd(row, column) for column in ("validation_error", "test_error")),
            style="bold" if chosen else None,
        )
    console.print(table)
    for row in rows:
        if row["status"] in ("failed", "pruned"):
            console.print(f"{row['status']}: {row['run']}: {row['message']}")
    console.print(f"Best by validation error: {in_words(best)}" if best is not None else why)


def _mean_sd(row: dict[str, Any], column: str) -> str:
    mean, sd = row[f"{column}_mean"], row[f"{column}_sd"]
    if math.isnan(mean):
        return "-"
    return f"{mean:.4f}" if math.isnan(sd) else f"{mean:.4f} ± {sd:.4f}"
