"""Training from Python: a run is stated, trained, gone on with, made longer, and never mixed up with another."""

import signal

import numpy as np
import pytest

from spikefa.errors import ArgumentError, ModelError, RunError
from spikefa.experiments.run import new_run, open_run

MODEL = "lillicrap2016_spiking"
SMALL = {"pixels": 64, "hidden": (30, 20), "outputs": 20, "eta": 1e-2, "weight_range": 0.2}


@pytest.fixture
def stated(tmp_path):
    """A function that states a small run on the digits; keywords change it, `eta` its rate."""

    def state(directory="run", eta=1e-2, **changes):
        changes = {"data": "digits", "streams": 20, "epochs": 2, "record_activity": False, "validation": 400} | changes
        return new_run(tmp_path / directory, MODEL, SMALL | {"eta": eta}, **changes)

    return state


def files(run):
    return {path.name: path.read_bytes() for path in run.directory.iterdir()}


def test_a_run_is_trained_once_made_longer_and_opened(stated):
    run, rows = stated(), []
    assert not run.directory.exists()
    metrics = run.train(rows.append)
    assert np.allclose(metrics["epoch"], [0, 1, 2], atol=0.02)
    assert [row["test_error"] for row in rows] == list(metrics["test_error"])
    assert np.isfinite(metrics["validation_error"]).all() and np.isnan(metrics["train_error"][0])
    before = files(run)
    assert np.array_equal(stated().train()["test_error"], metrics["test_error"])
    assert files(run) == before
    longer = stated(epochs=3).train()
    assert len(longer["epoch"]) == 4 and np.array_equal(longer["test_error"][:3], metrics["test_error"])
    assert open_run(run.directory).config.epochs == 3
    assert np.array_equal(stated("at once", epochs=3).train()["test_error"], longer["test_error"])


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"eta": 2e-2}, "eta 0.01, not 0.02"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"streams": 10}, "streams 20, not 10"),
        ({"validation": 0}, "validation 400, not 0"),
        ({"test_steps": 1, "epochs": 3}, "test_steps 5, not 1"),
        ({"diagnostics": True, "epochs": 3}, "diagnostics False, not True"),
    ],
)
def test_a_directory_of_another_run_is_refused_and_stays(stated, change, difference):
    run = stated(epochs=0)
    run.train()
    before = files(run)
    with pytest.raises(RunError, match=f"run: holds a run with {difference}; give another directory"):
        stated(**change).train()
    assert files(run) == before
    with pytest.raises(ArgumentError, match="^Run: streams must be a positive whole number, got 0"):
        stated("none", streams=0)
    assert not (run.directory.parent / "none").exists()


def test_what_a_run_cannot_be_is_refused(stated, tmp_path):
    with pytest.raises(ModelError, match="no parameter 'etta'"):
        new_run(tmp_path, MODEL, {"etta": 1})
    with pytest.raises(ModelError, match="no preset 'densest'"):
        new_run(tmp_path, MODEL, preset="densest")
    with pytest.raises(ArgumentError, match="TrainingConfig: epochs must be a whole number, at least 0, got -1"):
        stated(epochs=-1)
    with pytest.raises(ArgumentError, match="new_run: a setting must be .*, got 'epoch'; did you mean 'epochs'"):
        stated(epoch=3)
    best = new_run(tmp_path / "best", MODEL, preset="dense", data_dir=tmp_path)
    assert (best.config.epochs, best.config.test_steps, best.streams) == (40, 20, 100)
    assert best.data_dir == str(tmp_path.resolve())


def test_an_interrupt_ends_a_study_and_leaves_a_run_to_go_on_with(stated):
    def interrupt(row):
        if row["epoch"] > 0.5:
            signal.raise_signal(signal.SIGINT)

    run = stated()
    with pytest.raises(KeyboardInterrupt, match="run: after 1,040 images, saved"):
        run.train(interrupt)
    assert np.array_equal(run.train()["test_error"], stated("at once").train()["test_error"])
