"""Training from Python: a run is stated, trained, gone on with, made longer, and never mixed up with another."""

import json
import pickle
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Barrier

import brian2
import numpy as np
import pytest
from idx_files import arrays, write
from run_helpers import TINY, InterruptsAtItsEnd, largest_file, printed

from spikefa import datasets
from spikefa.errors import ArgumentError, DataError, ModelError, RunError
from spikefa.experiments import model_file
from spikefa.experiments.ensemble import Ensemble
from spikefa.experiments.provenance import data_digest
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
    with pytest.raises(ArgumentError, match=r"^Run: streams must be a positive whole number, got 0"):
        stated("none", streams=0)
    assert not (run.directory.parent / "none").exists()


def test_what_a_run_cannot_be_is_refused(stated, tmp_path):
    with pytest.raises(ModelError, match="no parameter 'etta'"):
        new_run(tmp_path, MODEL, {"etta": 1})
    with pytest.raises(ModelError, match="no preset 'densest'"):
        new_run(tmp_path, MODEL, preset="densest")
    with pytest.raises(ArgumentError, match="TrainingConfig: epochs must be a whole number, at least 0, got -1"):
        stated(epochs=-1)
    with pytest.raises(ArgumentError, match=r"new_run: a setting must be .*, got 'epoch'; did you mean 'epochs'"):
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


def test_a_second_interrupt_in_a_finalizer_stops_at_once(stated):
    def interrupt(row):
        if row["epoch"] > 0.5:
            signal.raise_signal(signal.SIGINT)
            InterruptsAtItsEnd()
            time.sleep(10)

    with pytest.raises(KeyboardInterrupt) as stopped:
        stated().train(interrupt)
    assert "saved" not in str(stopped.value)


def test_a_run_does_not_go_on_with_other_data(tiny, other_digits, monkeypatch):
    settings = {"changes": TINY | {"pixels": 12}, "data": "mnist", "streams": 10}
    run = tiny(epochs=1, **settings)
    run.train()
    record = json.loads((run.directory / "run.json").read_text())
    its, other = (data_digest(datasets.load("mnist", place)) for place in (None, other_digits))
    assert record["data_digest"] == its != other
    monkeypatch.setenv("SPIKEFA_DATA", str(other_digits))
    message = f"run: began with data set 'mnist' of digest {its}, not {other}, which is found now"
    before = {path: path.read_bytes() for path in run.directory.iterdir()}
    for go_on in (
        tiny(epochs=2, **settings).train,
        open_run(run.directory).trainer,
        open_run(run.directory, str(other_digits)).trainer,
        open_run(run.directory).dataset,
        lambda: printed("evaluate", run.directory),
    ):
        with pytest.raises(RunError, match=message):
            go_on()
    assert {path: path.read_bytes() for path in run.directory.iterdir()} == before
    sentence = f"Of other data than the run began with: digest {other}, not {its}."
    assert sentence in printed("evaluate", run.directory, "--data-dir", other_digits)
    assert sentence not in printed("evaluate", run.directory, "--data-dir", other_digits.parent / "first")


def test_a_run_reads_its_data_once(tiny, other_digits):
    run = tiny(changes=TINY | {"pixels": 12}, data="mnist", streams=10)
    data, digest = run.dataset(), run.found_digest
    for file in (other_digits.parent / "first").iterdir():
        file.unlink()
    assert run.dataset() is data and run.dataset(other=True) is data and run.found_digest == digest
    run.train()
    assert json.loads((run.directory / "run.json").read_text())["data_digest"] == digest
    with pytest.raises(DataError):
        open_run(run.directory).dataset()


@pytest.mark.parametrize("name", ["model.py", "metrics.csv", "checkpoint.h5", "recordings"])
def test_files_that_are_no_runs_are_not_overwritten(tiny, name):
    run = tiny()
    path = run.directory / name
    run.directory.mkdir()
    path.mkdir() if name == "recordings" else path.write_text("mine")
    with pytest.raises(RunError, match=f"run: must not have {name} without run.json"):
        run.train()
    assert [*run.directory.iterdir()] == [path]


def test_of_several_commands_at_once_one_begins_the_run(tiny):
    runs = [tiny() for _ in range(4)]
    for run in runs:
        run.dataset()
    together = Barrier(len(runs))

    def create(run):
        together.wait()
        try:
            run.create()
        except RunError as error:
            return str(error)
        return "made"

    with ThreadPoolExecutor(len(runs)) as threads:
        outcomes = sorted(threads.map(create, runs))
    assert outcomes == [f"{runs[0].directory}: holds a run already"] * (len(runs) - 1) + ["made"]
    open_run(runs[0].directory)


def test_a_model_that_cannot_be_written_leaves_no_run(tiny, monkeypatch):
    run = tiny()
    run.dataset()
    monkeypatch.setattr(sys, "argv", ["spikefa"])
    with (
        largest_file(5_000),
        pytest.raises(RunError, match=r"run: cannot be written .cannot write the model .File too large") as caught,
    ):
        run.create()  # run.json is smaller, model.py is larger
    assert caught.value.__cause__.filename.endswith("model.py") and not [*run.directory.iterdir()]


def test_a_run_killed_while_it_was_made_is_refused_in_a_sentence(tiny):
    run = tiny()
    run.create()
    (run.directory / "model.py").unlink()  # it is written after run.json
    with pytest.raises(RunError, match=r"run: must have model.py, .* or remove the directory and start the run again"):
        open_run(run.directory)


def test_runs_without_a_name_are_named_by_their_seed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        settings = ["--data", "digits", "--streams", 100, "--epochs", 0, "--no-record-activity"]
        sizes = ["--set", "pixels=64", "--set", "hidden=5", "--set", "outputs=10", "--seed", seed]
        assert "Wrote runs/" in printed("train", "lillicrap2016_spiking", *settings, *sizes)
    names = sorted(path.name for path in Path("runs").iterdir())
    assert len(names) == 2
    for seed, name in enumerate(names):
        assert re.fullmatch(rf"lillicrap2016_spiking-seed{seed}-\d{{8}}-\d{{6}}", name)


def test_resuming_a_run_that_has_ended_writes_nothing(trained):
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    said = printed("resume", trained.directory)
    assert "It has ended already, after 0 images" in said and said.endswith("Wrote nothing.\n")
    assert {path: path.read_bytes() for path in trained.directory.iterdir()} == before
    assert f"Wrote {trained.directory}/: run.json" in printed("resume", trained.directory, "--epochs", 1)


def test_a_run_keeps_its_own_streams_where_the_model_has_a_parameter_of_that_name(tiny):
    settings = {"model": "lillicrap2016_rate", "changes": {}, "preset": "fig2", "data": "linear"}
    tiny(streams=10, **settings).train()
    with pytest.raises(RunError, match="run: holds a run with streams 10, not 20; give another directory"):
        tiny(streams=20, **settings).train()


def test_numbers_of_numpy_are_numbers(tiny):
    changes = TINY | {"hidden": np.array([5]), "outputs": np.int64(10), "eta": np.float32(0.5), "softmax": np.bool_(0)}
    numbers = {"streams": 100, "seed": 1, "validation": 10, "epochs": 0, "test_steps": 1}
    given = {name: np.int64(value) for name, value in numbers.items()}
    run = tiny(changes=changes, evaluate_every=np.float32(2), diagnostics=np.bool_(False), **given)
    run.train()
    record = json.loads((run.directory / "run.json").read_text())
    found = record["params"] | record | record["config"]
    expected = numbers | {"hidden": [5], "outputs": 10, "eta": 0.5, "softmax": False, "evaluate_every": 2.0}
    assert {name: found[name] for name in expected} == expected
    assert asdict(open_run(run.directory).params) == asdict(run.params)


def write_moved(tiny, tmp_path, monkeypatch):
    """A run whose data have moved; return it and their new place."""
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)
    write(tmp_path / "data", arrays(40, 20))
    made = tiny(changes=TINY | {"pixels": 12}, data="mnist", data_dir=tmp_path / "data", streams=20)
    made.train()
    (tmp_path / "data").rename(tmp_path / "moved")
    return made, tmp_path / "moved"


def test_data_that_moved_are_found_where_they_are_named(tiny, tmp_path, monkeypatch):
    made, moved = write_moved(tiny, tmp_path, monkeypatch)
    figure = ["plot", made.directory, "receptive_fields"]
    with pytest.raises(DataError, match="expected a directory"):
        open_run(made.directory).dataset()
    assert "of 20 images" in printed("evaluate", made.directory, "--data-dir", moved)
    assert "Wrote" in printed(*figure, "--data-dir", moved)
    monkeypatch.setenv("SPIKEFA_DATA", str(moved))
    assert "of 20 images" in printed("evaluate", made.directory, made.directory)
    assert "Wrote" in printed(*figure)
    assert "Test error" in printed("resume", made.directory, "--epochs", 1)


def test_other_data_of_the_variable_do_not_hide_those_of_a_run(tiny, tmp_path, monkeypatch):
    made, moved = write_moved(tiny, tmp_path, monkeypatch)
    moved.rename(tmp_path / "data")
    write(tmp_path / "other", arrays(40, 20, seed=1))
    for named in (tmp_path / "other", tmp_path / "nowhere"):
        monkeypatch.setenv("SPIKEFA_DATA", str(named))
        assert open_run(made.directory).dataset().train_labels.shape == (40,)
    (tmp_path / "data").rename(moved)
    with pytest.raises(DataError, match=f"{tmp_path / 'nowhere'}: expected a directory"):
        open_run(made.directory).dataset()
    monkeypatch.setenv("SPIKEFA_DATA", str(tmp_path / "other"))
    with pytest.raises(RunError, match="began with data set 'mnist' of digest"):
        open_run(made.directory).dataset()


def test_the_home_directory_is_expanded_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "data", arrays(40, 20))
    (tmp_path / "mine.py").write_text(model_file.load(MODEL).source)
    settings = {"streams": 20, "epochs": 0, "record_activity": False, "data": "mnist", "data_dir": "~/data"}
    new_run("~/run", "~/mine.py", TINY | {"pixels": 12}, **settings).train()
    assert open_run("~/run", "~/data").dataset().shape == (3, 4)
    printed("plot", "~/run", "learning", "--out=~/figure.png")
    printed("evaluate", "~/run", "--data-dir=~/data")
    assert (tmp_path / "figure.png").exists() and not Path("~").exists()


def test_a_user_without_a_home_gives_paths_as_they_are(monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert new_run("~/run", MODEL).directory == Path("~/run")


def test_a_run_can_be_sent_to_another_process(tiny):
    """As joblib and multiprocessing send it; the parameters' class is in a module that the other has not."""
    made = tiny(epochs=1)
    command = "import pickle, sys; print(pickle.load(sys.stdin.buffer).train()['test_error'].tolist())"
    done = subprocess.run([sys.executable, "-c", command], input=pickle.dumps(made), capture_output=True, timeout=200)
    assert done.returncode == 0, done.stderr
    again = pickle.loads(pickle.dumps(open_run(made.directory)))
    assert (again.directory, again.seed, again.classes, asdict(again.params)) == (
        made.directory,
        made.seed,
        10,
        asdict(made.params),
    )
    assert json.loads(done.stdout) == tiny("other", epochs=1).train()["test_error"].tolist()


def test_runs_of_several_threads_are_those_of_one(tiny):
    alone = [tiny(f"alone{seed}", seed=seed, epochs=1).train()["test_error"].tolist() for seed in range(2)]
    start = Barrier(4)

    def train(number):
        start.wait()
        run = tiny(f"run{number}", seed=number % 2, epochs=1)
        errors = run.train()["test_error"].tolist()
        assert next(Ensemble([open_run(run.directory)]).measure([5])).together == f"{errors[-1]:.2%}"
        return errors

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == alone * 2


def test_a_training_that_is_stopped_within_an_image_does_not_go_on(tiny):
    """In another thread than the main one, Ctrl-C does what `brian2.stop` does."""
    trainer = tiny(epochs=3).trainer()
    trainer.directory.mkdir()
    step = trainer.network.readout.run

    def interrupt():
        if trainer.network.step == 7 and trainer.network.readout.watched:  # it learns
            brian2.stop()
        step()

    trainer.network.readout.run = interrupt
    with pytest.raises(KeyboardInterrupt, match="was stopped within an image; the last checkpoint stays"):
        trainer.run()
