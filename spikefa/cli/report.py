"""``spikefa report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import DataDir, Trust
from spikefa.cli.output import console
from spikefa.cli.view import Directory, sentence_of


def report(
    directory: Directory,
    out: Annotated[Path | None, typer.Option(help="File; default: RUN.html beside the directory.")] = None,
    data_dir: DataDir = None,
    trust: Trust = False,
) -> dict[str, Any]:
    """Write what `spikefa view` shows as one HTML file that needs no server and no network."""
    from spikefa._optional import optional

    optional("bokeh", "spikefa report", "view")
    from spikefa.view.opening import open_pages
    from spikefa.view.report import write_report

    page = open_pages(directory, data_dir, trust, sentence_of)(True)
    place = directory.resolve()
    written = write_report(page, f"{place.name} - spikefa", out or place.with_name(f"{place.name}.html"))
    console.print(f"Wrote {written}")
    return {"directory": directory, "wrote": [written]}
