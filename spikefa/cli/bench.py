"""``spikefa bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa._checks import user_path
from spikefa.bench.sections import sections
from spikefa.cli.options import Preset
from spikefa.cli.output import console


def bench(
    model: Annotated[str | None, typer.Argument(help="A model's name or file; else the demo's.")] = None,
    only: Annotated[
        str | None, typer.Option(metavar="NAME,...", help=f"Some sections, of: {', '.join(sections)}.")
    ] = None,
    preset: Preset = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes; the numbers mean nothing.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write everything measured.")] = None,
) -> dict[str, Any]:
    """Measure speed and memory at full size, and compare with the goals. Use a quiet machine."""
    from rich.console import Group
    from rich.live import Live

    from spikefa.bench import Setting, measure, report
    from spikefa.experiments import model_file, model_source

    out = None if out is None else user_path(out)

    loaded = model_file.load(model or model_source.demo().path)
    setting = Setting.quickly(loaded, preset) if quick else Setting(loaded, preset)
    tables = []

    def show(done) -> None:
        tables[:] = (report.table_of(name, *titled) for name, titled in done.items())
        live.update(Group(*tables), refresh=True)

    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            result = measure(setting, only, out, show)
    finally:
        for table in tables:
            console.print(table)
    console.print(report.table_of_goals(result["goals"], quick), report.in_words(result), sep="\n")
    if out is not None:
        console.print(f"Wrote {out}")
    return result
