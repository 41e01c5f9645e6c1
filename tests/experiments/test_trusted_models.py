"""Whose code is run when a run is opened."""

import shutil
import stat

import numpy as np
import pytest
from run_helpers import TINY, printed

from spikefa.errors import ModelError
from spikefa.experiments import trusted_models
from spikefa.experiments.run import new_run, open_run
from spikefa.plotting.of_runs import save_figure

RAN = "from pathlib import Path\nPath(r'{}').write_text('ran')\n"


@pytest.fixture
def foreign(model, tmp_path, monkeypatch):
    """A run of a model file of one's own, brought to another machine; its code leaves a file when it runs."""
    ran = tmp_path / "ran"
    mine = tmp_path / "mine.py"
    head, future, rest = model.source.partition("from __future__ import annotations\n")
    mine.write_text(head + future + RAN.format(ran) + rest)
    settings = {"data": "digits", "streams": 100, "epochs": 1, "recording_steps": 5}
    made = new_run(tmp_path / "there", str(mine), TINY, **settings)
    made.train()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another state"))
    shutil.copytree(tmp_path / "there", tmp_path / "here")
    ran.unlink()
    return tmp_path / "here", ran, made


def test_code_from_elsewhere_is_not_run_and_what_needs_none_works(foreign):
    directory, ran, made = foreign
    run = open_run(directory)
    assert np.array_equal(run.metrics()["test_error"], made.metrics()["test_error"], equal_nan=True)
    weights, network = run.weights(), made.trained_network()
    assert set(weights) == {p.name for p in network.projections}
    assert all(np.array_equal(W, network[name].W) for name, W in weights.items())
    assert run.params.hidden == (5,) and run.config == made.config and run.classes == 10
    assert [r.images_seen for r in run.recordings()] == [r.images_seen for r in made.recordings()]
    assert save_figure(run, "learning").exists() and save_figure(run, "raster").exists()
    assert "Wrote" in printed("plot", directory, "learning")
    assert not ran.exists()


@pytest.mark.parametrize(
    "use",
    [
        lambda run: run.network(),
        lambda run: run.trained_network(),
        lambda run: run.dataset(),
        lambda run: run.trainer(),
        lambda run: run.train(),
        lambda run: save_figure(run, "receptive_fields"),
        lambda run: printed("evaluate", run.directory),
        lambda run: printed("resume", run.directory),
    ],
)
def test_what_needs_the_code_says_so_and_runs_if_it_is_trusted(foreign, use):
    directory, ran, _ = foreign
    with pytest.raises(ModelError, match=r"model.py: was not run, since it is code from elsewhere") as caught:
        use(open_run(directory))
    assert caught.value.hint == "trust" and not ran.exists()


def test_trust_runs_it(foreign):
    directory, ran, made = foreign
    assert open_run(directory, trust=True).params.hidden == made.params.hidden and ran.exists()
    assert "Wrote nothing." in printed("evaluate", directory, "--trust") and ran.exists()
    with pytest.raises(ModelError, match="was not run"):
        open_run(directory).network()  # once is not for ever


def test_runs_made_here_and_installed_models_need_no_trust(foreign, trained, monkeypatch, tmp_path):
    directory, ran, _ = foreign
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "fresh"))
    open_run(trained.directory).network()  # of an installed model
    trusted_models.remember((directory / "model.py").read_text())
    open_run(directory).network()
    folder = tmp_path / "fresh" / "spikefa" / "models"
    assert ran.exists() and [stat.S_IMODE(f.stat().st_mode) for f in (folder, folder.parent)] == [0o700, 0o700]


def test_a_directory_that_others_can_write_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    trusted_models.remember("code")
    assert trusted_models.is_trusted("code") and not trusted_models.is_trusted("other code")
    (tmp_path / "spikefa").chmod(0o777)
    assert not trusted_models.is_trusted("code")


@pytest.mark.parametrize("state", ["/proc/none", "/dev/null/none"])
def test_without_a_place_for_digests_nothing_is_kept_and_nothing_fails(state, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", state)
    trusted_models.remember("code")
    assert not trusted_models.is_trusted("code") and not [*tmp_path.iterdir()]
