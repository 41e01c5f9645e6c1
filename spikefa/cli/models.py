"""``spikefa models``."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from spikefa.cli.output import console


def models(
    model: Annotated[str | None, typer.Argument(help="A model's name or file: print its parameters.")] = None,
) -> dict[str, Any]:
    """List the models that come with spikefa, or print a model's parameters and presets."""
    from rich.table import Table

    from spikefa.experiments import model_source

    if model is not None:
        described = model_source.find(model).describe()
        _print_description(described)
        return {
            "model": described.name,
            "summary": described.summary,
            "parameters": [dataclasses.asdict(parameter) for parameter in described.parameters],
            "presets": described.presets,
        }
    table = Table("model", "what it is", "presets", box=None)
    listed = {}
    for name in model_source.names():
        source = model_source.find(name)
        table.add_row(name, source.summary, ", ".join(source.preset_names))
        listed[name] = {"summary": source.summary, "presets": source.preset_names}
    console.print(table)
    return listed


def _print_description(model) -> None:
    """Print every parameter with its type, default, range and meaning, and what each preset changes."""
    from spikefa.experiments.params import value_text

    lines = [f"{model.name}: {model.summary}", "", "Parameters (--set NAME=VALUE):"]
    for parameter in model.parameters:
        allowed = f", {parameter.range}" if parameter.range else ""
        lines += [f"  {parameter.name}={value_text(parameter.default)}  ({parameter.type}{allowed})"]
        lines += [f"      {parameter.meaning}"] if parameter.meaning else []
    if model.presets:
        lines += ["", "Presets (--preset NAME), and what they change:"]
    for name, changes in model.presets.items():
        changed = ", ".join(f"{key}={value_text(value)}" for key, value in changes.items())
        lines += [f"  {name}", f"      {changed or 'nothing'}"]
    console.print("\n".join(lines))
