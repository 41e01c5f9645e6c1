"""``spikefa plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikefa.cli.names import figures
from spikefa.cli.options import RunDirectory, choice
from spikefa.cli.output import console


def plot(
    run: RunDirectory,
    figure: Annotated[str, typer.Argument(**choice(figures()), help="What to draw.")],
    out: Annotated[Path | None, typer.Option(help="File (.png, .pdf, .svg); default: RUN/figures/FIGURE.png.")] = None,
) -> None:
    """Draw a figure of a run, such as rasters, the learning curve or receptive fields."""
    from spikefa.experiments.run import open_run
    from spikefa.plotting.of_runs import draw

    console.print(f"Wrote {draw(open_run(run), figure, out)}")
