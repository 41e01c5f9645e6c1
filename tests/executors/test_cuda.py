"""The device "cuda": sentences where there is none, and the contract of the executors in numba's simulator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import spikefa as fa
from spikefa.engine import cuda
from spikefa.errors import ArgumentError

CONTRACT = Path(__file__).parents[1] / "contracts" / "test_executors.py"
LATE = Path(__file__).parent / "test_late_stream.py"

no_gpu = pytest.mark.skipif(cuda.missing() is None, reason="there is a GPU")


@pytest.mark.parametrize("file", [CONTRACT, LATE], ids=["contract", "late"])
def test_in_the_simulator(file):
    """The contract of executors, which pytest also runs on a GPU where there is one; and waits that must be there."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(file)]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout


@no_gpu
def test_one_sentence_where_there_is_no_gpu(small):
    net = small()
    with pytest.raises(ArgumentError, match="Network: device 'cuda' needs an NVIDIA GPU") as caught:
        net.device = "cuda"
    assert str(caught.value).endswith(f'(pip install "spikefa[cuda]"); {cuda.missing()}')
    assert net.device == "cpu"
    net.run_steps(1)


@no_gpu
def test_packages_without_a_gpu(monkeypatch, tmp_path):
    (tmp_path / "numba_cuda").mkdir()
    (tmp_path / "numba_cuda" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert cuda.missing() == "no GPU was found"


@no_gpu
def test_the_command_says_so_and_writes_nothing(tmp_path):
    command = "from spikefa.cli import main; main()"
    arguments = ["train", "lillicrap2016_spiking", "--data", "digits", "--preset", "digits", "--device", "cuda"]
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments, "--run", str(tmp_path / "run")], capture_output=True, text=True
    )
    assert done.returncode == 2 and cuda.missing() in done.stdout and not (tmp_path / "run").exists()


def test_an_unknown_device_is_refused():
    with pytest.raises(ArgumentError, match="Network: device must be one of 'cpu', 'cuda', got 'gpu'"):
        fa.Network(device="gpu")
