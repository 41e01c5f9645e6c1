import logging
import os
from pathlib import Path

import numpy as np
import pytest
import quick_brian2
from brian2 import prefs

from spikefa import datasets
from spikefa.core import run_context
from spikefa.experiments import model_file

ROOT = Path(__file__).resolve().parents[1]

# Brian2's monitors would otherwise be compiled by Cython, one after the other.
prefs.codegen.target = "numpy"
# It would write the code of every equation into its log, line by line: a sixth of the time.
logging.getLogger("brian2").setLevel(logging.WARNING)
quick_brian2.install()
# Thousands of tests leave so many objects that a twelfth of the time would go into looking for garbage.
run_context.PAUSE = 100


@pytest.fixture(scope="session", autouse=True)
def state_of_its_own(tmp_path_factory):
    """Models that tests train are trusted in the tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def model():
    return model_file.load("lillicrap2016_spiking")


@pytest.fixture(scope="session")
def rate():
    """The rate model of the tests."""
    return model_file.load(ROOT / "tests" / "rate_model.py")


@pytest.fixture(scope="session")
def digits():
    return datasets.load("digits")


@pytest.fixture
def small(model):
    """A function that builds a small network on 8 x 8 digits; keywords change its parameters."""

    def build(streams=1, seed=0, **changes):
        sizes = {"pixels": 64, "hidden": (30, 20), "outputs": 20, "eta": 4e-2, "weight_range": 0.3}
        return model.build(model.params(sizes | changes), streams=streams, seed=seed)

    return build


@pytest.fixture(scope="session")
def mnist_dir():
    for place in (os.environ.get("SPIKEFA_DATA"), ROOT.parent / "shared" / "data" / "mnist"):
        if place and Path(place).is_dir():
            return Path(place)
    pytest.skip("real MNIST is not here: set SPIKEFA_DATA to its directory")


@pytest.fixture
def rng():
    return np.random.default_rng(20161108)
