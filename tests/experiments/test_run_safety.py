"""What a run must not lose, overwrite or mix up: data, files, checkpoints, and two commands at once."""

import json
import re
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Barrier

import h5py
import numpy as np
import pytest
from idx_files import arrays, write
from typer.testing import CliRunner

from spikefa import _atomic_write, cli, datasets
from spikefa.datasets import regression
from spikefa.errors import ArgumentError, CheckpointError, DataError, RunError
from spikefa.experiments import checkpoint
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.provenance import data_digest
from spikefa.experiments.run import new_run, open_run
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import TrainingConfig

TINY = {"pixels": 64, "hidden": (5,), "outputs": 10}


@pytest.fixture
def tiny(tmp_path):
    """A function that states a run of a tiny network on the digits; keywords change it."""

    def state(directory="run", model="lillicrap2016_spiking", changes=TINY, **more):
        settings = {"data": "digits", "streams": 100, "epochs": 0, "record_activity": False} | more
        return new_run(tmp_path / directory, model, changes, **settings)

    return state


@pytest.fixture
def trained(tiny):
    made = tiny()
    made.train()
    return made


@contextmanager
def largest_file(size):
    """Within it, files cannot become larger than so many bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def printed(*arguments):
    result = CliRunner().invoke(cli.app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


# Data.


@pytest.fixture
def other_digits(tmp_path, monkeypatch):
    """Two directories of small images called mnist, the first of them named by the variable."""
    for name, seed in (("first", 0), ("second", 1)):
        write(tmp_path / name, arrays(40, 20, seed=seed))
    monkeypatch.setenv("SPIKEFA_DATA", str(tmp_path / "first"))
    return tmp_path / "second"


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


def test_a_digest_tells_data_apart_and_not_machines(digits):
    def changed(**changes):
        kept = ("train_images", "train_targets", "test_images", "test_targets")
        x, y = np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(0, 1, 8).reshape(4, 2)
        given = dict(zip(kept, (x, y, x + 1, y + 1), strict=True))
        return data_digest(regression("small", **{name: changes.get(name, lambda v: v)(given[name]) for name in kept}))

    same = changed()
    assert re.fullmatch("[0-9a-f]{16}", same) and data_digest(digits) != same
    assert changed(train_targets=lambda y: y * (1 + 1e-12)) == same
    for name in ("train_images", "train_targets", "test_images", "test_targets"):
        assert changed(**{name: lambda v: v + 1e-2 * (v == v.max())}) != same


# Files that are there already.


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
        pytest.raises(RunError, match="run: cannot be written .cannot write the model .File too large") as caught,
    ):
        run.create()  # run.json is smaller, model.py is larger
    assert caught.value.__cause__.filename.endswith("model.py") and not [*run.directory.iterdir()]


def test_what_is_written_once_is_whole_or_not_there(tmp_path):
    with largest_file(1), pytest.raises(OSError, match="cannot write the record .File too large.*new"):
        _atomic_write.write_new(tmp_path / "new", "text", "the record")
    assert not [*tmp_path.iterdir()]
    _atomic_write.write_new(tmp_path / "new", "text", "the record")
    with pytest.raises(FileExistsError, match="cannot write the record"):
        _atomic_write.write_new(tmp_path / "new", "other", "the record")
    assert (tmp_path / "new").read_text() == "text"


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


# Checkpoints and metrics.


def test_full_disk_keeps_the_old_checkpoint_and_no_buffer(trained):
    """Garbage collection of a checkpoint in memory that is still exported ends the interpreter."""
    trainer = trained.trainer()
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    full = pytest.raises(OSError, match=r"cannot write the checkpoint \(File too large\).*checkpoint.h5")
    with largest_file(5_000), full as caught:
        trainer.save()
    assert {path: path.read_bytes() for path in trained.directory.iterdir()} == before
    held = [entry.frame.f_locals["held"] for entry in caught.traceback if "held" in entry.frame.f_locals]
    assert len(held) == 1
    held[0].close()  # a BufferError where it is exported


def test_a_flipped_bit_in_a_number_is_noticed(trained):
    trainer = trained.trainer()
    trainer.resume()
    trainer.images_seen, trainer.network.step = 0x5A5A5A, 0x6B6B6B
    trainer.save()
    whole = trainer.checkpoint.read_bytes()
    for number in (0x5A5A5A, 0x6B6B6B):
        at = whole.index(number.to_bytes(8, "little"))
        trainer.checkpoint.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        with pytest.raises(CheckpointError, match="checkpoint.h5: is .*damaged .*(checksum|filter)"):
            checkpoint.load(trainer.checkpoint, trainer.network)
    trainer.checkpoint.write_bytes(whole)
    assert checkpoint.load(trainer.checkpoint, trainer.network)["images_seen"] == 0x5A5A5A


def test_incomplete_checkpoints_are_named(trained):
    trainer = trained.trainer()
    with h5py.File(trainer.checkpoint, "a") as f:
        del f["progress/rows"]
    with pytest.raises(CheckpointError, match=r"checkpoint.h5: is damaged, its progress must have \['rows'\], got"):
        trainer.resume()


def test_what_has_no_checkpoint_says_so(trained):
    (trained.directory / "checkpoint.h5").unlink()
    with pytest.raises(CheckpointError, match="checkpoint.h5: no checkpoint there$"):
        printed("evaluate", trained.directory)


def test_metrics_that_lack_a_column_are_refused_before_training(trained, tiny):
    path, rows = trained.directory / "metrics.csv", []
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()) + "\n")
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    with pytest.raises(RunError, match=r"metrics.csv: must have the columns \['seconds'\] to go on with, got"):
        tiny(epochs=1).train(rows.append)
    assert {path: path.read_bytes() for path in trained.directory.iterdir()} == before


def test_a_run_goes_on_with_metrics_that_a_spreadsheet_saved(trained, tiny):
    path = trained.directory / "metrics.csv"
    text = path.read_text()
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    tiny(epochs=1).train()
    assert path.read_text().startswith(text) and len(read_metrics(path)["epoch"]) == 2


def test_what_has_no_angle_is_blank(tiny):
    made = tiny(changes=TINY | {"pathway": "output_only"})
    rows = []
    assert np.isnan(made.train(rows.append)["weight_angle_deg_h1"]).all()
    assert rows[0]["weight_angle_deg_h1"] == rows[0]["train_error"] == "" and rows[0]["test_error"] > 0.5
    assert "nan" not in (made.directory / "metrics.csv").read_text()


def test_resuming_a_run_that_has_ended_writes_nothing(trained):
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    said = printed("resume", trained.directory)
    assert "It has ended already, after 0 images" in said and said.endswith("Wrote nothing.\n")
    assert {path: path.read_bytes() for path in trained.directory.iterdir()} == before
    assert f"Wrote {trained.directory}/: run.json" in printed("resume", trained.directory, "--epochs", 1)


# What is stated.


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


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("epochs", -1, "a whole number, at least 0"),
        ("epochs", True, "a whole number, at least 0"),
        ("test_steps", 2.5, "a whole number, at least 1"),
        ("evaluate_every", 0, "a finite positive number"),
        ("evaluate_every", float("inf"), "a finite positive number"),
        ("evaluate_every", "often", "a finite positive number"),
        ("checkpoint_seconds", float("nan"), "a finite positive number"),
        ("record_activity", "no", "true or false"),
    ],
)
def test_training_config_refuses_nonsense(name, value, rule):
    with pytest.raises(ArgumentError, match=f"^TrainingConfig: {name} must be {rule}, got {value!r}$"):
        TrainingConfig(**{name: value})


def test_evaluations_are_never_within_a_presentation(tiny):
    trainer = tiny(epochs=1, evaluate_every=1e-12).trainer()
    assert trainer.evaluations() == list(range(0, 1501, 100))


def test_schedules_are_tried_in_every_epoch_before_anything_is_done(tiny):
    made = tiny(epochs=3)
    with pytest.raises(
        ArgumentError, match="^Trainer: lr_factor of '.*' in epoch 2 must be a finite number, at least 0, got -1.0$"
    ):
        Trainer(made.network(), made.dataset(), made.config, made.directory, lambda epoch: 1.0 - epoch)
