"""A model that needs what lies beside its file is refused before a run has only a part of it."""

import sys

import pytest

from spikefa.errors import ModelError
from spikefa.experiments.run import new_run


@pytest.fixture
def state(tmp_path, model, monkeypatch):
    """A function that states a run with a model that has a line more, beside a module, a package and a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path[1:]])
    (tmp_path / "my_helper.py").write_text("ETA = 0.1\n")
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").write_text("ETA = 0.1\n")
    (tmp_path / "eta.txt").write_text("0.1")

    def make(line):
        (tmp_path / "mine.py").write_text(model.source.replace("\nimport ", f"\n{line}\nimport ", 1))
        return new_run(tmp_path / "run", str(tmp_path / "mine.py"))

    yield make
    for name in ("my_helper", "my_package"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import my_helper", "must not import 'my_helper', which lies beside it"),
        ("from my_package import ETA", "must not import 'my_package'"),
        ("def later():\n    from my_helper import ETA\n", "must not import 'my_helper'"),
        ("import importlib; importlib.import_module('my_helper')", "must not import 'my_helper'"),
        ("HERE = __file__", "must not use __file__"),
        ("ETA = float(__import__('pathlib').Path('eta.txt').read_text())", "must not read 'eta.txt'"),
    ],
)
def test_what_lies_beside_a_model_is_refused(state, line, message):
    with pytest.raises(ModelError, match=f"Model 'mine': {message}"):
        state(line)


def test_what_can_be_imported_anywhere_is_allowed(state, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])  # as an editable installation does
    state("import my_helper, scipy.stats, json.decoder")
