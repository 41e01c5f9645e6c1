"""``spikefa models``."""

from __future__ import annotations

from typing import Annotated

import typer

from spikefa.cli.output import console


def models(
    model: Annotated[str | None, typer.Argument(help="A model's name or file: print its parameters.")] = None,
) -> None:
    """List the models that come with spikefa, or print a model's parameters and presets."""
    from rich.table import Table

    from spikefa.experiments import model_file

    if model is not None:
        _describe(model_file.load(model))
        return
    table = Table("model", "what it is", "presets", box=None)
    for name in model_file.names():
        loaded = model_file.load(name)
        table.add_row(name, loaded.summary, ", ".join(loaded.presets))
    console.print(table)


def _describe(model) -> None:
    """Print every parameter with its type, default, range and meaning, and what each preset changes."""
    description = model.describe()
    lines = [f"{model.name}: {model.summary}", "", "Parameters (--set NAME=VALUE):"]
    for row in description.parameters:
        allowed = f", {row.range}" if row.range else ""
        lines += [f"  {row.name} = {row.default!r}  ({row.type}{allowed})", f"      {row.meaning}"]
    if description.presets:
        lines += ["", "Presets (--preset NAME), and what they change:"]
    for name, changes in description.presets.items():
        lines.append(f"  {name}: {', '.join(f'{key}={value!r}' for key, value in changes.items()) or 'nothing'}")
    console.print("\n".join(lines), markup=False)
