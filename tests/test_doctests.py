"""Every public name has an example in its docstring, which runs as it stands."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import spikefa as fa

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "api.md"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def listed():
    """Return the public objects by their full names: those of the reference, and all names of the package."""
    found, package = {}, "spikefa"
    for line in REFERENCE.read_text().splitlines():
        if opened := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            package = opened[1]
        elif named := re.fullmatch(r"   ([\w.]+)", line):
            *modules, name = f"{package}.{named[1]}".split(".")
            found[f"{package}.{named[1]}"] = getattr(importlib.import_module(".".join(modules)), name)
    found |= {f"spikefa.{name}": getattr(fa, name) for name in fa.__all__}
    return {name: own for name, own in found.items() if not inspect.ismodule(own)}


PUBLIC = listed()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which examples find a run and a study."""
    place = tmp_path_factory.mktemp("examples")
    small = {"hidden": (8,), "outputs": 20, "steps_per_image": 2, "target": "numpy"}
    settings = {"preset": "digits", "streams": 100, "test_steps": 2}
    run = fa.new_run(place / "runs" / "digits", "lillicrap2016_spiking", small, **settings, epochs=1, recording_steps=4)
    run.train(progress=False)
    made = fa.Study(
        place / "studies" / "rates",
        "lillicrap2016_spiking",
        {"eta": [1e-3]},
        changes=small,
        **settings,
        epochs=0,
        record_activity=False,
    )
    made.run(workers=0, progress=False)
    return place


def test_every_public_name_has_an_example():
    assert len(PUBLIC) > 140
    assert [name for name, own in PUBLIC.items() if ">>>" not in inspect.getdoc(own)] == []


@pytest.mark.parametrize("module", sorted({own.__module__ for own in PUBLIC.values()}))
def test_examples_of_docstrings_run(module, folder, monkeypatch):
    monkeypatch.chdir(folder)
    own = {"__name__": "__main__"}  # nothing but what the example imports
    found = doctest.testmod(importlib.import_module(module), globs=own, optionflags=FLAGS)
    assert found.attempted > 0 and found.failed == 0
