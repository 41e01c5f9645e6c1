"""What several commands share: their options, choices by name, and suggestions for what is misspelt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from spikefa.cli.output import console
from spikefa.core.executor import executors
from spikefa.errors import did_you_mean

#: Base of the errors of parsing; typer's own copy of click's class has no public name.
_UsageError = typer.BadParameter.__base__


class _Suggesting:
    """A mixin: it suggests an option for one that is misspelt."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except _UsageError as error:
            if similar := getattr(error, "possibilities", None):
                error.message = f"{error.message.rstrip('.')}. Did you mean {similar[0]}?"
                error.possibilities = None
            raise


class Command(_Suggesting, TyperCommand):
    """A command that suggests options, and says that it was interrupted."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run the command; exit with status 130 after Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            console.print("spikefa: interrupted", style="red")
            raise typer.Exit(130) from None


class Group(_Suggesting, TyperGroup):
    """The list of commands, which suggests options."""


def choice(names: Iterable[str], metavar: str | None = None) -> dict[str, Any]:
    """Return the keywords of a typer option or argument that takes one of several names.

    Parameters
    ----------
    names : iterable of str
        In the order in which the help lists them; such as a registry.
    metavar : str, optional
        What the help shows in place of them.
    """
    names = tuple(names)
    return {"parser": _one_of(names), "metavar": metavar or "|".join(names)}


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def name(text: str) -> str:
        if text not in names:
            raise typer.BadParameter(f"must be one of {', '.join(names)}, got {text!r}{did_you_mean(text, names)}")
        return text

    return name


DataDir = Annotated[
    Path | None, typer.Option(help="Directory of the data's files; else SPIKEFA_DATA, else downloaded.")
]
Device = Annotated[
    str, typer.Option(**choice(("cpu", *executors)), help="Device on which the network runs; cuda is an NVIDIA GPU.")
]
Preset = Annotated[str | None, typer.Option(help="A named set of the model's parameters (see: spikefa models NAME).")]
RunDirectory = Annotated[Path, typer.Argument(help="Run directory.")]
Trust = Annotated[bool, typer.Option("--trust", help="Run the code of the run's model, although it is from elsewhere.")]
Seed = Annotated[int, typer.Option(min=0, help="Everything random follows from it.")]
