"""What commands print: as it is, in any encoding, and to nobody."""

import io
import os
import subprocess
import sys

import pytest
from run_helpers import TINY, printed
from typer.testing import CliRunner

from spikefa.cli import app
from spikefa.cli.output import tolerant
from spikefa.experiments import ensemble
from spikefa.experiments.model_file import load
from spikefa.experiments.run import new_run

SETTINGS = ["--data", "digits", "--streams", "100", "--no-record-activity", "--set", "pixels=64", "--set", "outputs=10"]


@pytest.mark.parametrize("name", ["eta[wide] :cat: größe", "x[/b]"])
def test_paths_are_no_markup(tmp_path, name):
    run = tmp_path / name
    said = printed("train", "lillicrap2016_spiking", *SETTINGS, "--set", "hidden=[5]", "--epochs", 0, "--run", run)
    assert f"Wrote {run}/: run.json" in said and (run / "checkpoint.h5").exists()
    assert f"Wrote {run / 'figures' / 'learning'}.png" in printed("plot", run, "learning")


def test_a_models_texts_are_no_markup(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(load("lillicrap2016_spiking").source.replace('"""', '"""A model [/b] of [red]:cat:, ', 1))
    assert "A model [/b] of [red]:cat:, " in printed("models", mine)


def ascii_stream(file):
    return tolerant(io.TextIOWrapper(file, "ascii", line_buffering=True))


def test_what_cannot_be_encoded_is_written_as_numbers():
    held = io.BytesIO()
    stream = ascii_stream(held)
    print("größe \udcff", file=stream, flush=True)
    assert held.getvalue() == b"gr\\xf6\\xdfe \\udcff\n"


def test_output_that_nobody_reads_is_dropped(capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with ascii_stream(open(writer, "wb")) as stream:
        for _ in range(3):
            print("x" * 100_000, file=stream, flush=True)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_output_to_a_full_disk_is_dropped_with_one_sentence(capsys):
    with ascii_stream(open("/dev/full", "wb")) as stream:
        for _ in range(3):
            print("x" * 100_000, file=stream, flush=True)
    said = "spikefa: cannot write what it prints (No space left on device); it goes on without\n"
    assert capsys.readouterr().err == said


def test_output_that_is_closed_is_none():
    with tolerant(None) as stream:
        print("x", file=stream, flush=True)


def test_training_goes_on_for_nobody_and_in_ascii(tmp_path):
    """`spikefa train ... | head -1`, on a console that cannot print the directory."""
    run = tmp_path / "größe [b]"
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "spikefa", "train", "lillicrap2016_spiking", *SETTINGS, "--set", "hidden=5"]
    done = subprocess.run(
        [*command, "--epochs", "1", "--run", run],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": "ascii:strict"},
        timeout=300,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len((run / "metrics.csv").read_text().splitlines()) == 3


def test_an_interrupted_evaluation_says_so(tmp_path, monkeypatch):
    run = new_run(tmp_path / "run", "lillicrap2016_spiking", TINY, data="digits", epochs=0, record_activity=False)
    run.train()

    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(ensemble.evaluation, "summed_outputs", interrupted)
    result = CliRunner().invoke(app, ["evaluate", str(run.directory)])
    assert (result.exit_code, result.output) == (130, "spikefa: interrupted\n")
