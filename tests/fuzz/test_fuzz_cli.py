"""Every option and argument of the command line, from typer's own parameters, refuses bad values in a sentence."""

import io
import os
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikefa import cli

MODEL = Path(__file__).parents[1] / "rate_model.py"

#: Command -> valid arguments; what it does with them is left out, see `_quiet`.
VALID = {
    "train": [str(MODEL), "--data", "digits", "--set", "sizes=64,5,10", "--set", "classes=10", "--run", "there"],
    "resume": ["nowhere"],
    "sweep": [str(MODEL), "--data", "digits", "--set", "sizes=64,5,10", "--set", "classes=10", "--study", "there"],
    "study": ["nowhere"],
    "evaluate": ["nowhere"],
    "plot": ["nowhere", "learning"],
    "models": [],
    "demo": ["--run", "there"],
}

BAD = [
    "",
    "x",
    "a b",
    "-1",
    "0",
    "1.5",
    "nan",
    "inf",
    "1e400",
    str(10**30),
    "9" * 5000,
    "None",
    "[]",
    "eta",
    "eta=",
    "=1",
]
BAD += [
    "9**9**9**9",
    "eta=9**9**9**9",
    "eta=nan",
    "sizes=(1,[2)",
    "sizes=" + "(" * 500,
    "seed=1",
    "a=" + "-" * 9999 + "1",
]
BAD += [
    "__import__('os').system('touch ran')",
    "eta=__import__('os').system('touch ran')",
    "pi\u03c0\u202e",
    "x" * 5000,
]
BAD += ["/dev/null/place", 'eta=f\'{open("ran", "w")}\'', "sizes=[open('ran', 'w')]", "eta={1: 2}", "eta=b'x'"]


def _commands():
    return typer.main.get_command(cli.app).commands


def _parameters(command):
    return [parameter for parameter in _commands()[command].params if not getattr(parameter, "is_flag", False)]


CASES = [(command, parameter.name, bad) for command in VALID for parameter in _parameters(command) for bad in BAD]


@pytest.fixture
def _quiet(monkeypatch):
    """Train and draw nothing."""
    monkeypatch.setattr("spikefa.study.study.Study.run", lambda *_, **__: [])
    for module in (cli.train, cli.demo):
        monkeypatch.setattr(module, "train_with_progress", lambda *_: {"wrote": []})
    monkeypatch.setattr("spikefa.plotting.of_runs.save_figure", lambda *_: None)


def _arguments(command, name, bad):
    """Put a bad value in the place of an argument, or after all for an option."""
    arguments = list(VALID[command])
    parameter = next(one for one in _parameters(command) if one.name == name)
    if parameter.param_type_name == "option":
        return [command, *arguments, f"{parameter.opts[0]}={bad}"]
    place = [one.name for one in _parameters(command) if one.param_type_name == "argument"].index(name)
    arguments[place : place + 1] = ["--", bad] if place == 0 and not arguments[1:] else [bad]
    return [command, *arguments]


@settings(max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(CASES))
def test_a_bad_value_is_refused_in_a_sentence(_quiet, case):
    _call(case)


@pytest.mark.slow
def test_every_bad_value_is_refused_in_a_sentence(_quiet):
    for case in CASES:
        _call(case)


def _call(case):
    """Call the command in an empty directory, where nothing is left if it is refused."""
    before, sys.argv = sys.argv, ["spikefa", *_arguments(*case)]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        try:
            # Not pytest's own streams, which the command would take for itself.
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        finally:
            sys.argv = before
        assert status in (0, 1, 2, 3), case
        assert not os.path.exists("ran"), case
        assert status == 0 or not os.listdir(), (case, os.listdir())
