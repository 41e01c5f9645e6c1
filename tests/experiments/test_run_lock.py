"""One process trains a run at a time, and no lock outlives its process."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from run_helpers import printed

from spikefa.errors import RunError
from spikefa.experiments.run import open_run
from spikefa.experiments.run_lock import NAME, locked

HOLD = "import sys, pathlib\nfrom spikefa.experiments.run_lock import locked\nwith locked(pathlib.Path(sys.argv[1])):\n"


@pytest.fixture
def holder(trained):
    """A process that holds the run."""
    code = f"{HOLD}    print('held', flush=True)\n    sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, trained.directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_reads(trained, holder, tiny):
    by = f"run: is being trained by process {holder.pid} on {socket.gethostname()}; wait until it has ended"
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    for train in (tiny(epochs=1).train, lambda: printed("resume", trained.directory, "--epochs", 1)):
        with pytest.raises(RunError, match=by):
            train()
    assert {path: path.read_bytes() for path in trained.directory.iterdir()} == before
    assert "Wrote nothing." in printed("evaluate", trained.directory)
    assert len(open_run(trained.directory).metrics()["epoch"]) == 1


def test_a_killed_process_is_no_hindrance(trained, holder, tiny):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (trained.directory / NAME).exists()
    assert len(tiny(epochs=1).train()["epoch"]) == 2
    assert not (trained.directory / NAME).exists()


def test_nor_is_a_lock_that_somebody_copied(trained, tiny):
    (trained.directory / NAME).write_text('{"pid": 1, "host": "elsewhere"}')
    assert len(tiny(epochs=1).train()["epoch"]) == 2


def test_it_is_held_against_the_same_process_too_and_given_back(tmp_path):
    with locked(tmp_path):
        with pytest.raises(RunError, match=f"process {os.getpid()} on "), locked(tmp_path):
            pass
        assert (tmp_path / NAME).exists()
    with locked(tmp_path):
        pass
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("number", ["EACCES", "EROFS"])
def test_what_cannot_be_written_is_not_held(tmp_path, monkeypatch, number):
    def refuse(*arguments, **keywords):
        raise OSError(getattr(__import__("errno"), number), "no")

    monkeypatch.setattr("os.open", refuse)
    with locked(tmp_path):
        pass
