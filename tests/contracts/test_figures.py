"""Every registered figure of a run through the same checks."""

import dataclasses
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from spikefa.errors import ArgumentError, CheckpointError, SpikefaError
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run, new_run, open_run
from spikefa.plotting.figures import figures
from spikefa.plotting.figures._panels import responses_of
from spikefa.plotting.of_runs import save_figure
from spikefa.plotting.run_title import run_title

SMALL = {"pixels": 64, "hidden": (12, 8), "outputs": 20, "steps_per_image": 2}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run that has measured and recorded once, before any training."""
    directory = tmp_path_factory.mktemp("runs") / "begun"
    new_run(directory, "lillicrap2016_spiking", SMALL, data="digits", streams=20, epochs=0, test_steps=1).train()
    return open_run(directory)


@pytest.fixture(params=[*figures, *figures.aliases])
def name(request):
    return request.param


def test_it_is_a_figure_that_can_be_saved(name, begun):
    before = dict(matplotlib.rcParams)
    assert isinstance(figures[name](begun), Figure)
    assert dict(matplotlib.rcParams) == before
    path = save_figure(begun, name)
    assert path == begun.directory / "figures" / f"{name}.png" and path.read_bytes().startswith(b"\x89PNG")
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_before_the_training_it_says_what_is_missing(name, tmp_path):
    run = new_run(tmp_path / "new", "lillicrap2016_spiking", SMALL, data="digits", streams=20)
    run.create()
    with pytest.raises(SpikefaError, match=r"^[^\n]*/new[^\n]*$"):
        save_figure(run, name)
    assert not (tmp_path / "new" / "figures").exists()


def test_responses_are_those_of_the_run_as_it_is(tmp_path, monkeypatch):
    """They are shared by several figures, until the run has gone on or is tested otherwise."""
    run = new_run(tmp_path / "run", "lillicrap2016_spiking", SMALL, data="digits", streams=20, epochs=0, test_steps=1)
    run.train()
    built = []
    network = Run.network
    monkeypatch.setattr(Run, "network", lambda run, *given: built.append(run) or network(run, *given))
    before = responses_of(run)
    assert responses_of(open_run(run.directory)) is before and len(built) == 1
    longer = dataclasses.replace(run, config=dataclasses.replace(run.config, test_steps=3))
    assert responses_of(longer).psth["h1"].shape[1] == 3 != before.psth["h1"].shape[1]
    open_run(run.directory).ending_after(1).train()
    built.clear()
    after = responses_of(run)
    assert len(built) == 1 and not np.array_equal(after.rates["h1"], before.rates["h1"])
    (run.directory / "checkpoint.h5").unlink()
    elsewhere = dataclasses.replace(run, data_dir=tmp_path / "none")
    with pytest.raises(CheckpointError, match="no checkpoint there"):
        responses_of(elsewhere)


def test_a_misspelt_figure_is_answered_with_the_nearest(begun):
    with pytest.raises(ArgumentError, match=r"no figure 'rastr'; there are activity, .*; did you mean 'raster'"):
        save_figure(begun, "rastr")


def test_a_width_is_kept_and_what_cannot_be_read_is_refused(begun, tmp_path):
    for name, kind in (("learning", "pdf"), ("tuning", "png")):
        path = save_figure(begun, name, tmp_path / f"{name}.{kind}", width=89, dpi=100)
    with Image.open(path) as image:
        assert image.width == pytest.approx(89 / 25.4 * 100, abs=1) and image.height > image.width
    fonts = (tmp_path / "learning.pdf").read_bytes()
    assert b"/Type3" not in fonts and b"/CIDFontType2" in fonts  # TrueType, which can be edited
    with pytest.raises(ArgumentError, match=r"'activity' must be at least \d+ mm, so that .*, got 50"):
        save_figure(begun, "activity", width=50)
    with pytest.raises(ArgumentError, match="dpi must be a whole number, from 1 to 2400, got 0"):
        save_figure(begun, "learning", dpi=0)


def test_titles_say_model_data_seed_and_error(begun):
    error = read_metrics(begun.directory / "metrics.csv")["test_error"][-1]
    said = f"lillicrap2016_spiking on digits, seed 0, test error {100 * error:.2f} %"
    assert run_title(begun) == said == figures["learning"](begun).get_suptitle()
    assert figures["activity"](begun).texts[0].get_text() == said
