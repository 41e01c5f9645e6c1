"""The small setting of the benchmark's tests."""

import dataclasses

import pytest

from spikefa.bench import Setting


@pytest.fixture(scope="session")
def setting(model):
    return dataclasses.replace(Setting.quickly(model), compiled=False)
