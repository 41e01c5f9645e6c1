"""Examples in docstrings run as they stand."""

import doctest
import importlib

import pytest

#: Modules whose examples are programs of their own.
MODULES = ["spikefa.experiments.callbacks", "spikefa.experiments.train_parts", "spikefa.diagnostics.trial_monitor"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_run(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0 and found.failed == 0
