"""The device of a network: sentences where there is none, and the contract of `device_contract.py`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import spikefa as fa
from spikefa.engine import cuda
from spikefa.engine.cuda import require_cuda
from spikefa.errors import ArgumentError

CONTRACT = Path(__file__).parents[1] / "contracts/executors.py"


def why_not():
    """Say why the contract cannot be kept on a GPU here; None where it can."""
    try:
        require_cuda()
    except ValueError as error:
        return str(error)
    return None


def keep_contract(**environment):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(CONTRACT)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_contract_in_the_simulator():
    keep_contract(NUMBA_ENABLE_CUDASIM="1")


@pytest.mark.gpu
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_contract_on_a_gpu():
    keep_contract(NUMBA_ENABLE_CUDASIM="0")


@pytest.mark.parametrize(
    "reason", ["numba-cuda is not installed", "no GPU was found", "cuBLAS cannot be loaded (no such file)"]
)
def test_one_sentence_where_there_is_no_gpu(monkeypatch, reason, small):
    monkeypatch.setattr(cuda, "_missing", lambda: reason)
    net = small()
    with pytest.raises(ArgumentError, match="Network: device 'cuda' needs an NVIDIA GPU") as caught:
        net.device = "cuda"
    assert str(caught.value).endswith(f'(pip install "spikefa[cuda]"); {reason}')
    assert net.device == "cpu"
    net.run_steps(1)


@pytest.mark.skipif(why_not() is None, reason="there is a GPU")
def test_the_command_says_so_and_writes_nothing(tmp_path):
    command = "from spikefa.cli import main; main()"
    arguments = ["train", "lillicrap2016_spiking", "--data", "digits", "--preset", "digits", "--device", "cuda"]
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments, "--run", str(tmp_path / "run")], capture_output=True, text=True
    )
    assert done.returncode == 2 and why_not() in done.stdout and not (tmp_path / "run").exists()


def test_bad_device(small):
    with pytest.raises(ArgumentError, match="Network: device must be 'cpu' or 'cuda', got 'gpu'"):
        fa.Network(device="gpu")


def test_other_targets_have_no_device(monkeypatch):
    monkeypatch.setattr(cuda, "_missing", lambda: None)
    with pytest.raises(ArgumentError, match="device 'cuda' needs the target 'numba', got 'numpy'"):
        fa.Network(target="numpy", device="cuda")
