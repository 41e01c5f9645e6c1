"""``spikefa plot``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import DataDir, RunDirectory, Trust, choice
from spikefa.cli.output import console
from spikefa.errors import RunError
from spikefa.plotting.figures import figures

NAMES = (*figures, *figures.aliases, "all")
#: Millimetres of a unit of length.
_UNITS = {"mm": 1.0, "cm": 10.0, "in": 25.4}


def _millimetres(text: str) -> float:
    found = re.fullmatch(r"([0-9.]+)\s*(mm|cm|in)", text)
    try:
        return float(found[1]) * _UNITS[found[2]]
    except (TypeError, ValueError):
        raise typer.BadParameter(f"must be a length such as 89mm, got {text!r}") from None


def plot(
    run: RunDirectory,
    figure: Annotated[str, typer.Argument(**choice(NAMES, "FIGURE"), help=f"One of: {', '.join(NAMES)}.")],
    out: Annotated[Path | None, typer.Option(help="File (.png, .pdf, .svg); default: RUN/figures/FIGURE.png.")] = None,
    dpi: Annotated[int, typer.Option(min=1, help="Dots per inch.")] = 200,
    width: Annotated[
        float | None, typer.Option(parser=_millimetres, metavar="89mm", help="Width; letters keep their size.")
    ] = None,
    data_dir: DataDir = None,
    trust: Trust = False,
) -> dict[str, Any]:
    """Draw a figure of a run, such as rasters, the learning curve or receptive fields; or all that it can have."""
    from spikefa.experiments.run import open_run
    from spikefa.plotting.of_runs import save_figure

    opened, wrote, left_out = open_run(run, data_dir, trust=trust), [], {}
    if figure == "all" and out is not None:
        raise typer.BadParameter("all figures have no single --out")
    for name in figures if figure == "all" else [figure]:
        try:
            wrote.append(str(save_figure(opened, name, out, dpi=dpi, width=width)))
        except RunError as error:
            if figure != "all":
                raise
            left_out[name] = str(error)
            console.print(f"No {name}: {error}")
        else:
            console.print(f"Wrote {wrote[-1]}")
    return {"wrote": wrote, "left_out": left_out}
