"""Data sets by their names."""

import pytest
from idx_files import refused

from spikefa.datasets import datasets, load, registry


def test_names():
    bundled = {
        "cifar10-jpeg",
        "digits",
        "fashion-mnist",
        "linear",
        "mnist",
        "mnist-background",
        "quadratic",
        "svhn",
        "teacher",
    }
    assert bundled | {"timit-stops", "xor"} <= set(datasets)


@pytest.mark.parametrize("name", ["cifar10", "", None, 3])
def test_an_unknown_name_is_answered_with_those_there_are(name):
    refused(lambda: load(name), f"no data set {name!r}; there are cifar10-jpeg, digits, fashion-mnist, linear, mnist")


def test_a_misspelt_name_is_answered_with_the_nearest():
    refused(lambda: load("mnits"), "; did you mean 'mnist'?")


def test_a_process_may_keep_the_last_data_set(monkeypatch):
    monkeypatch.setattr(registry, "_kept", None)
    first = registry.load("digits")
    assert registry.load("digits") is not first
    registry.keep_loaded()
    kept = registry.load("digits")
    assert registry.load("digits") is kept
    registry.keep_loaded()
    assert registry.load("digits") is kept
    registry.load("linear")
    assert registry.load("digits") is not kept
