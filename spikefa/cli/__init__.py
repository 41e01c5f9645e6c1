"""The commands of ``spikefa``, one module each: ``demo | train | resume | evaluate | plot | export | models | bench``.

A command imports what it runs when it runs: listing and help need neither Brian2 nor matplotlib.
"""

from __future__ import annotations

import signal
import sys

import typer

from spikefa.cli import bench, demo, evaluate, export, models, plot, resume, train
from spikefa.cli.errors import errors_as_sentences, warnings_as_sentences
from spikefa.cli.options import Command, Group
from spikefa.cli.output import tolerant

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Group,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Spiking networks that learn with local rules: train, look, resume. Start with: spikefa demo",
)
for _run in (
    train.train,
    resume.resume,
    evaluate.evaluate,
    plot.plot,
    export.export,
    models.models,
    demo.demo,
    bench.bench,
):
    app.command(cls=Command)(_run)


def main() -> None:
    """Run the command line.

    Ctrl-C ends every command, also one that a script has started by ``&``, to which Python would ignore it: a training
    saves at it.
    """
    sys.stdout, sys.stderr = tolerant(sys.stdout), tolerant(sys.stderr)
    if not callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with warnings_as_sentences(), errors_as_sentences():
        app()
