"""``spikefa show``."""

from __future__ import annotations

from typing import Any

from spikefa.cli.options import RunDirectory
from spikefa.cli.output import console


def show(run: RunDirectory) -> dict[str, Any]:
    """Say what a run is, how it went, and where its files are. It runs no code, reads no weights, writes nothing."""
    from spikefa.experiments.run_overview import overview, overview_table

    found = overview(run)
    console.print(overview_table(found))
    return found
