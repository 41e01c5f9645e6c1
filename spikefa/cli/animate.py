"""``spikefa animate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import RunDirectory
from spikefa.cli.output import console


def animate(
    run: RunDirectory,
    out: Annotated[Path, typer.Argument(help="File: .gif, or .mp4, which needs ffmpeg.")],
    fps: Annotated[float, typer.Option(help="Frames a second, one frame a recording.")] = 2.0,
    dpi: Annotated[int, typer.Option(min=1, help="Dots per inch.")] = 150,
    layer: Annotated[str | None, typer.Option(help="Hidden layer whose neuron is shown; default: the last.")] = None,
) -> dict[str, Any]:
    """Animate learning: rasters, PSP and modulatory signal of one neuron, from recording to recording."""
    from spikefa.experiments.run import open_run
    from spikefa.plotting.animation import save_animation

    written = save_animation(open_run(run), out, layer=layer, fps=fps, dpi=dpi)
    console.print(f"Wrote {written}")
    return {"run": run, "wrote": [written]}
