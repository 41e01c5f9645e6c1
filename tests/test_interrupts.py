"""Ctrl-C in a finalizer, where Python drops exceptions, is not lost, and prints no traceback."""

import io
import signal
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import pytest
from run_helpers import InterruptsAtItsEnd

from spikefa import cli
from spikefa._interrupts import interrupts_are_kept
from spikefa.experiments import model_source


@pytest.fixture(autouse=True)
def handled():
    """Ctrl-C raises, also where these tests run in the background of a script, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _interrupted():
    InterruptsAtItsEnd()
    time.sleep(10)
    raise SystemExit("it was not interrupted")


def test_it_comes_again(capsys):
    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), interrupts_are_kept():
        _interrupted()
    assert sys.unraisablehook is before
    assert capsys.readouterr().err == ""


def test_other_exceptions_are_told_as_ever(monkeypatch):
    class Fails:
        def __del__(self):
            raise ValueError("as ever")

    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    with interrupts_are_kept():
        Fails()
    assert [str(one.exc_value) for one in told] == ["as ever"]


def test_a_command_ends_at_it(monkeypatch):
    monkeypatch.setattr(model_source, "names", _interrupted)  # what `models` asks for
    monkeypatch.setattr(sys, "argv", ["spikefa", "models"])
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit) as end:
        cli.main()
    assert (end.value.code, said.getvalue()) == (130, "spikefa: interrupted\n")
