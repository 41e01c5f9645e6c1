"""Data sets by their names."""

import pytest
from idx_files import refused

from spikefa.datasets import datasets, load


def test_names():
    bundled = {"digits", "fashion-mnist", "linear", "mnist", "mnist-background", "quadratic", "svhn", "teacher"}
    assert bundled | {"timit-stops", "xor"} <= set(datasets)


@pytest.mark.parametrize("name", ["cifar10", "", None, 3])
def test_an_unknown_name_is_answered_with_those_there_are(name):
    refused(lambda: load(name), f"no data set {name!r}; there are digits, fashion-mnist, linear, mnist, mnist-backgr")


def test_a_misspelt_name_is_answered_with_the_nearest():
    refused(lambda: load("mnits"), "; did you mean 'mnist'?")
