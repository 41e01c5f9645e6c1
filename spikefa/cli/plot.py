"""``spikefa plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikefa.cli.options import DataDir, RunDirectory, Trust, choice
from spikefa.cli.output import console
from spikefa.plotting.figures import figures

NAMES = (*figures, *figures.aliases)


def plot(
    run: RunDirectory,
    figure: Annotated[str, typer.Argument(**choice(NAMES, "FIGURE"), help=f"One of: {', '.join(NAMES)}.")],
    out: Annotated[Path | None, typer.Option(help="File (.png, .pdf, .svg); default: RUN/figures/FIGURE.png.")] = None,
    data_dir: DataDir = None,
    trust: Trust = False,
) -> None:
    """Draw a figure of a run, such as rasters, the learning curve or receptive fields."""
    from spikefa.experiments.run import open_run
    from spikefa.plotting.of_runs import save_figure

    console.print(f"Wrote {save_figure(open_run(run, data_dir, trust=trust), figure, out)}")
