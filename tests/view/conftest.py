import hashlib
import shutil

import pytest
from rate_model import __file__ as rate_file

import spikefa as fa

pytest.importorskip("bokeh", reason="bokeh is not installed")

SPIKING = {"pixels": 64, "hidden": (12,), "outputs": 20, "target": "numpy"}


@pytest.fixture(scope="session")
def spiking_run(tmp_path_factory):
    """A finished run of a small spiking network, with recordings."""
    run = fa.new_run(
        tmp_path_factory.mktemp("view") / "run",
        "lillicrap2016_spiking",
        SPIKING,
        data="digits",
        streams=100,
        epochs=1,
        recording_steps=8,
    )
    run.train(progress=False)
    return run


def trained_rate(directory, **changes):
    """A finished run of a small rate network, which has no recordings; its model is no installed one."""
    sizes = {"sizes": (64, 5, 10), "classes": 10, "weight_range": 0.3, "eta": 1e-3} | changes
    run = fa.new_run(directory, rate_file, sizes, data="digits", streams=100, epochs=1)
    run.train(progress=False)
    return run


@pytest.fixture(scope="session")
def rate_run(tmp_path_factory):
    return trained_rate(tmp_path_factory.mktemp("rate") / "run")


@pytest.fixture
def regression_run(tmp_path):
    return trained_rate(tmp_path / "regression", sizes=(64, 5, 64), classes=None, prepared="autoencoder")


@pytest.fixture
def foreign(rate_run, tmp_path, monkeypatch):
    """A run from elsewhere, whose code is not trusted here."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another state"))
    return shutil.copytree(rate_run.directory, tmp_path / "here")


@pytest.fixture
def digest():
    """A function that returns the content of every file in a directory, as digests."""

    def of(directory):
        files = sorted(path for path in directory.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    return of
