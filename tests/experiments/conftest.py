"""Runs of a tiny network."""

import pytest
from idx_files import arrays, write
from run_helpers import TINY

from spikefa.experiments.run import new_run


@pytest.fixture
def tiny(tmp_path):
    """A function that states a run of a tiny network on the digits; keywords change it."""

    def state(directory="run", model="lillicrap2016_spiking", changes=TINY, **more):
        settings = {"data": "digits", "streams": 100, "epochs": 0, "record_activity": False} | more
        return new_run(tmp_path / directory, model, changes, **settings)

    return state


@pytest.fixture
def trained(tiny):
    made = tiny()
    made.train()
    return made


@pytest.fixture
def other_digits(tmp_path, monkeypatch):
    """Two directories of small images called mnist, the first of them named by the variable."""
    for name, seed in (("first", 0), ("second", 1)):
        write(tmp_path / name, arrays(40, 20, seed=seed))
    monkeypatch.setenv("SPIKEFA_DATA", str(tmp_path / "first"))
    return tmp_path / "second"
