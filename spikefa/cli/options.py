"""What several commands share: their options, choices by name, and suggestions for what is misspelt."""

from __future__ import annotations

import functools
import inspect
import json
import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from spikefa.cli.errors import in_words, status_of
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
            if hasattr(error, "possibilities"):  # click's own guesses count the dashes that all options begin with
                known = [name for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)]
                if similar := _similar_option(error.option_name, known):
                    error.message = f"{error.message.rstrip('.')}. Did you mean {similar}?"
                error.possibilities = None
            raise


def _similar_option(given: str, known: Iterable[str]) -> str | None:
    """Return the only option that begins with what was given, or else the most similar one, if one is similar."""
    names = {name.removeprefix("--"): name for name in known if name.startswith("--")}
    word = given.removeprefix("--")
    begin = [name for name in names if name.startswith(word)]
    found = begin if len(begin) == 1 else get_close_matches(word, names, n=1)
    return names[found[0]] if found else None


class Command(_Suggesting, TyperCommand):
    """A command that suggests options, and says that it was interrupted."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run the command; exit with status 130 after Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            console.print("spikefa: interrupted", style="red")
            raise typer.Exit(130) from None


Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors alone.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]


def with_output_options(run: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Give a command the options ``--quiet`` and ``--json``; what it returns is what ``--json`` prints."""

    @functools.wraps(run)
    def command(*given: Any, quiet: bool, json: bool, **options: Any) -> None:
        console.quiet = quiet or json
        try:
            result = run(*given, **options)
        except Exception as error:
            if not json or (status := status_of(error)) is None:
                raise
            print_json(in_words(error))
            raise typer.Exit(status) from None
        finally:
            console.quiet = False
        if json:
            print_json(result)

    signature = inspect.signature(run, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in (("quiet", Quiet), ("json", AsJson))
    ]
    command.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])
    command.__annotations__ = {own.name: own.annotation for own in command.__signature__.parameters.values()}
    return command


def print_json(value: Any) -> None:
    """Print a value as JSON, indented."""
    typer.echo(json.dumps(_plain(value), indent=2))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: NaN is null, a path is a text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(own) for name, own in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


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
    return {"parser": _one_of(names), "metavar": metavar or "|".join(names), "autocompletion": completed(names)}


def completed(names: Iterable[str]) -> Callable[[str], list[str]]:
    """Return what a shell asks for the words that begin with a text."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


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
