"""``spikefa export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import RunDirectory
from spikefa.cli.output import console

#: Names of formats for the help, which must not import the libraries that write them.
_FORMATS = "csv, neo, nwb, sonata; weights: npz, safetensors"


def export(
    run: RunDirectory,
    to: Annotated[str, typer.Option(metavar="FORMAT", help=f"One of: {_FORMATS}.")],
    out: Annotated[Path | None, typer.Option(help="Folder; default: RUN/exports/FORMAT.")] = None,
) -> dict[str, Any]:
    """Write a run's recordings, or its weights, for other software."""
    from spikefa.experiments.export import export_run
    from spikefa.experiments.run import open_run

    written = export_run(open_run(run), to, out)
    for path in written:
        console.print(f"Wrote {path}")
    return {"run": run, "written": written}
