"""``spikefa view``."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.errors import in_words
from spikefa.cli.options import DataDir, Trust
from spikefa.cli.output import console

Directory = Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run or a study.")]


def view(
    directory: Directory,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser", help="Open the page in the browser.")] = False,
    data_dir: DataDir = None,
    trust: Trust = False,
) -> dict[str, Any]:
    """Show a run or a study as a page in the browser, while it trains and afterwards; Ctrl-C ends it.

    The page is on this machine alone, and its address holds a secret token. Nothing is written into the run.
    """
    from spikefa._optional import optional

    optional("bokeh", "spikefa view", "view")
    from spikefa.view.opening import open_pages
    from spikefa.view.server import server_of

    pages = open_pages(directory, data_dir, trust, sentence_of)
    server, address = server_of(lambda: pages(False), f"{directory.resolve().name} - spikefa", port)
    server.start()
    console.print(f"{address}\nThe page is on this machine alone. Ctrl-C ends it.")
    if browser:
        webbrowser.open(address)
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        server.stop()
    return {"directory": directory, "address": address}


def sentence_of(error: Exception) -> str:
    """Return an error and what may help as one text."""
    return " ".join(in_words(error).values())
