"""What tests of runs need: a tiny model, a disk that is full, the command line."""

import resource
import signal
from contextlib import contextmanager

from typer.testing import CliRunner

from spikefa import cli

TINY = {"pixels": 64, "hidden": (5,), "outputs": 10}


@contextmanager
def largest_file(size):
    """Within it, files cannot become larger than so many bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def printed(*arguments):
    result = CliRunner().invoke(cli.app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


class InterruptsAtItsEnd:
    """Ctrl-C comes while it is finalized, where Python drops exceptions."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)
