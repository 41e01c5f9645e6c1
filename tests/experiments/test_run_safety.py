"""What a run must not lose, overwrite or mix up: data, files, checkpoints, and two commands at once."""

import errno
import json
import os
import re
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
import pytest
from idx_files import arrays, write
from typer.testing import CliRunner

from spikefa import _atomic_write, cli, datasets
from spikefa.datasets import regression
from spikefa.errors import CheckpointError, RunError
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
        settings = {"data": "digits", "streams": 100, "epochs": 0, "display": False} | more
        return new_run(tmp_path / directory, model, changes, **settings)

    return state


@pytest.fixture
def trained(tiny):
    made = tiny()
    made.train()
    return made


def full(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
    told = f"Of other data than the run began with: digest {other}, not {its}."
    assert told in printed("evaluate", run.directory, "--data-dir", other_digits)
    assert told not in printed("evaluate", run.directory, "--data-dir", other_digits.parent / "first")
    del record["data_digest"]  # as of earlier runs
    (run.directory / "run.json").write_text(json.dumps(record))
    assert len(tiny(epochs=2, **settings).train()["epoch"]) == 3


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


def test_of_two_commands_at_once_one_is_refused(tiny, monkeypatch):
    run = tiny()

    def later(path, *arguments):
        path.write_text("of the other command")  # between this one's look and its writing
        _atomic_write.write_new(path, *arguments)

    monkeypatch.setattr(run, "write_new", later)
    with pytest.raises(RunError, match="run: holds a run already; go on with"):
        run.train()
    assert [path.read_text() for path in run.directory.iterdir()] == ["of the other command"]


def test_a_model_that_cannot_be_written_leaves_no_run(tiny, monkeypatch):
    run = tiny()
    monkeypatch.setattr(run, "write_whole", full)
    with pytest.raises(RunError, match="run: cannot be written .No space left on device"):
        run.create()
    assert not [*run.directory.iterdir()]


def test_what_is_written_once_is_whole_or_not_there(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="cannot write the record .No space left on device.*new"):
            _atomic_write.write_new(tmp_path / "new", "text", "the record")
    assert not [*tmp_path.iterdir()]
    _atomic_write.write_new(tmp_path / "new", "text", "the record")
    with pytest.raises(FileExistsError, match="cannot write the record"):
        _atomic_write.write_new(tmp_path / "new", "other", "the record")
    assert (tmp_path / "new").read_text() == "text"


def test_runs_without_a_name_are_named_by_their_seed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        settings = ["--data", "digits", "--streams", 100, "--epochs", 0, "--no-display"]
        sizes = ["--set", "pixels=64", "--set", "hidden=5", "--set", "outputs=10", "--seed", seed]
        assert "Wrote runs/" in printed("train", "lillicrap2016_spiking", *settings, *sizes)
    names = sorted(path.name for path in Path("runs").iterdir())
    assert len(names) == 2
    for seed, name in enumerate(names):
        assert re.fullmatch(rf"lillicrap2016_spiking-seed{seed}-\d{{8}}-\d{{6}}", name)


# Checkpoints and metrics.


def test_full_disk_keeps_the_old_checkpoint_and_no_buffer(trained, monkeypatch):
    """Garbage collection of a checkpoint in memory that is still exported ends the interpreter."""
    trainer = trained.trainer()
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match="cannot write the checkpoint \\(No space left on device\\).*checkpoint.h5"
    ) as caught:
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
        with pytest.raises(CheckpointError, match="checkpoint.h5: is .*damaged .*checksum|filter"):
            checkpoint.load(trainer.checkpoint, trainer.network)
    trainer.checkpoint.write_bytes(whole)
    assert checkpoint.load(trainer.checkpoint, trainer.network)["images_seen"] == 0x5A5A5A


def test_earlier_checkpoints_are_read_and_incomplete_ones_named(trained):
    trainer = trained.trainer()
    expected = checkpoint.load(trainer.checkpoint, trainer.network)
    with h5py.File(trainer.checkpoint, "a") as f:
        for name, value in expected.items():
            del f[f"progress/{name}"]
            f[f"progress/{name}"] = value
    found = checkpoint.load(trainer.checkpoint, trainer.network)
    assert all(np.shape(found[name]) == np.shape(value) for name, value in expected.items())
    trainer.resume()
    assert len(trainer.rows) == 1
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
    with pytest.raises(ValueError, match=r"metrics.csv: must have the columns \['seconds'\] to go on with, got"):
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
    assert np.isnan(made.train(rows.append)["angle_deg_h1"]).all()
    assert rows[0]["angle_deg_h1"] == rows[0]["train_error"] == "" and rows[0]["test_error"] > 0.5
    assert "nan" not in (made.directory / "metrics.csv").read_text()


def test_a_run_that_has_ended_is_told_so(trained):
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
    found = record["params"] | record | record["protocol"]
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
        ("display", "no", "true or false"),
    ],
)
def test_protocol_refuses_nonsense(name, value, rule):
    with pytest.raises(ValueError, match=f"^TrainingConfig: {name} must be {rule}, got {value!r}$"):
        TrainingConfig(**{name: value})


def test_evaluations_are_never_within_a_presentation(tiny):
    trainer = tiny(epochs=1, evaluate_every=1e-12).trainer()
    assert trainer._evaluations() == list(range(0, 1501, 100))


def test_schedules_are_tried_in_every_epoch_before_anything_is_done(tiny):
    made = tiny(epochs=3)
    with pytest.raises(ValueError, match="^learning_rate: factors must be .*, got -1.0 in epoch 2$"):
        Trainer(made.network(), made.dataset(), made.protocol, made.directory, lambda epoch: 1.0 - epoch)
