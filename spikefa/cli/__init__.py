"""The command line: ``spikefa demo | train | resume | show | sweep | study | ...``, one module a command.

A command imports what it runs when it runs: listing and help need neither Brian2 nor matplotlib.
"""

from __future__ import annotations

import signal
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from spikefa._interrupts import interrupts_are_kept
from spikefa.cli import (
    animate,
    bench,
    config,
    demo,
    evaluate,
    export,
    models,
    plot,
    report,
    resume,
    show,
    study,
    sweep,
    train,
    view,
)
from spikefa.cli.errors import errors_as_sentences, warnings_as_sentences
from spikefa.cli.options import Command, Group, with_output_options
from spikefa.cli.output import tolerant

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _run in (
    train.train,
    resume.resume,
    show.show,
    sweep.sweep,
    study.study,
    evaluate.evaluate,
    plot.plot,
    animate.animate,
    view.view,
    report.report,
    export.export,
    models.models,
    config.config,
    demo.demo,
    bench.bench,
):
    app.command(cls=Command)(with_output_options(_run))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spikefa {version('spikefa')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and exit.")
    ] = False,
) -> None:
    """Spiking networks that learn with local rules: train, look, resume. Start with: spikefa demo."""


def main() -> None:
    """Run the command line.

    Ctrl-C ends every command, also one that a script has started by ``&``, to which Python would ignore it: a training
    saves at it.
    """
    sys.stdout, sys.stderr = tolerant(sys.stdout), tolerant(sys.stderr)
    if not callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with interrupts_are_kept(), warnings_as_sentences(), errors_as_sentences():
        app()
