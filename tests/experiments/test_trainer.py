"""Training: the sequence of images, metrics, interrupts, kills, and what a run says when it cannot go on."""

import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from spikefa.diagnostics import evaluation
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import ArgumentError, CheckpointError, DataError, DivergenceError, RunError
from spikefa.experiments import checkpoint
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run, open_run
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import TrainingConfig


@pytest.fixture
def run(model, tmp_path):
    """A function that makes a small run on the digits; keywords change its parameters."""

    def make(directory="run", streams=10, epochs=2, record_activity=False, validation=0, seed=0, **changes):
        sizes = {"pixels": 64, "hidden": (30, 20), "outputs": 20, "eta": 1e-2, "weight_range": 0.2} | changes
        config = TrainingConfig(epochs=epochs, record_activity=record_activity, checkpoint_seconds=0.5)
        params = model.params(sizes)
        return Run(tmp_path / directory, model, params, streams, seed, config, "digits", None, validation)

    return make


def test_each_image_is_shown_once_an_epoch_in_an_order_of_seed_and_epoch(run):
    trainer = run(streams=10).trainer()
    n = trainer.images
    first, second = trainer.image_indices(np.arange(n)), trainer.image_indices(np.arange(n, 2 * n))
    assert sorted(first) == sorted(second) == list(range(n))
    assert not np.array_equal(first, second)
    other = run(streams=3).trainer()
    across = np.concatenate([other.image_indices(np.arange(q, q + 3)) for q in range(0, 2 * n, 3)])[: 2 * n]
    assert np.array_equal(across, np.concatenate([first, second]))  # also across the epochs' border
    assert not np.array_equal(first, run(seed=1).trainer().image_indices(np.arange(n)))


def test_metrics_and_checkpoint(run):
    made = run(validation=100, epochs=2)
    made.create()
    trainer = made.trainer()
    trainer.run()
    metrics = read_metrics(trainer.metrics)
    assert list(metrics) == [
        "epoch",
        "images_seen",
        "train_error",
        "validation_error",
        "test_error",
        "weight_angle_deg_h1",
        "weight_angle_deg_h2",
        "mean_output_h1",
        "mean_output_h2",
        "mean_output_output",
        "seconds",
    ]
    assert metrics["images_seen"].tolist() == [0, 1340, 2680]
    assert np.isnan(metrics["train_error"][0]) and np.isfinite(metrics["train_error"][1:]).all()
    assert metrics["validation_error"][-1] < metrics["validation_error"][0]
    network, data = made.trained_network(), made.dataset()
    assert evaluation.error(network, data.test_images, data.test_labels, 5) == metrics["test_error"][-1]
    assert np.array_equal(network["h1_to_h2"].W, trainer.network["h1_to_h2"].W)


def test_learning_rate_schedule_is_followed(run):
    made = run(epochs=2)
    made.create()
    trainer = Trainer(made.network(), made.dataset(), made.config, made.directory, lambda epoch: 0.0 if epoch else 1.0)
    seen = {}
    trainer.on_row = lambda row: seen.update({row["images_seen"]: trainer.network["h1_to_h2"].W.copy()})
    trainer.run()
    start, middle, end = seen.values()
    assert not np.array_equal(start, middle)
    np.testing.assert_allclose(middle, end, rtol=1e-4)  # only the decay is left


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (
            {"h1_to_h3": 0.5},
            r"^Trainer: lr_factor must name projections that learn, .* got \['h1_to_h3'\]; did you mean 'h1_to_h2'",
        ),
        (None, "^Trainer: lr_factor of '.*' in epoch 0 must be a finite number, at least 0, got None$"),
        (float("nan"), "^Trainer: lr_factor of '.*' in epoch 0 must be a finite number, at least 0, got nan$"),
        (
            {"h1_to_h2": -1.0},
            "^Trainer: lr_factor of 'h1_to_h2' in epoch 0 must be a finite number, at least 0, got -1.0$",
        ),
    ],
)
def test_bad_schedules_are_refused_before_anything_is_done(run, factor, message):
    made = run(epochs=2)
    with pytest.raises(ArgumentError, match=message):
        Trainer(made.network(), made.dataset(), made.config, made.directory, lambda epoch: factor)


def test_projections_that_share_a_rule_have_rates_of_their_own(run):
    made = run(epochs=1)
    made.create()
    network = made.network()
    rule = network["image_to_h1"].learning.plasticity
    network["h1_to_h2"].learning.plasticity = rule
    before = {p.name: p.W.copy() for p in network.projections}
    factors = {"image_to_h1": 1.0, "h1_to_h2": 0.0, "h2_to_output": 1.0}
    Trainer(network, made.dataset(), made.config, made.directory, lambda epoch: factors).run()
    moved = {p.name for p in network.projections if not np.array_equal(p.W, before[p.name])}
    assert moved == {"image_to_h1", "h2_to_output"}


def test_recordings_change_nothing(run):
    runs = [run("with", record_activity=True, epochs=1), run("without", record_activity=False, epochs=1)]
    for made in runs:
        made.create()
        made.trainer().run()
    weights = [made.trained_network()["h1_to_h2"].W for made in runs]
    assert np.array_equal(*weights)
    shown = runs[0].recordings()
    assert [d.images_seen for d in shown] == [0, 80, 1440]
    assert isinstance(shown[0], ActivityRecording) and shown[0].steps_per_image == 50
    assert shown[0].spikes["h1"].shape == (250, 30) and shown[0].spikes["output"].shape == (250, 20)
    assert shown[-1].output_classes.tolist() == sorted(list(range(10)) * 2)
    assert np.abs(shown[-1].delta["h2"]).max() > 0 and np.ptp(shown[-1].v["h1"]) > 0


def start(command, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", "from spikefa.cli import main; main()", command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


TRAIN = [
    "lillicrap2016_spiking",
    "--data",
    "digits",
    "--streams",
    "10",
    "--epochs",
    "4",
    "--checkpoint-seconds",
    "0.3",
    "--set",
    "pixels=64",
    "--set",
    "hidden=30,20",
    "--set",
    "outputs=20",
    "--set",
    "eta=1e-2",
    "--set",
    "momentum=0.5",
]


def final(directory):
    metrics = read_metrics(directory / "metrics.csv")
    metrics.pop("seconds")
    with h5py.File(directory / "checkpoint.h5") as f:
        arrays = {name: f["parameters"][name][()] for name in f["parameters"]}
        arrays |= {name: f["activity"][name][()] for name in f["activity"]}
    return metrics, arrays


def assert_equal_runs(one, other):
    for a, b in zip(final(one), final(other), strict=True):
        assert set(a) == set(b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def wait_for(path, process, seconds=60):
    """Wait until the file exists, the process ends or the time is up."""
    deadline = time.monotonic() + seconds
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def test_killed_at_random_moments_and_resumed_bit_for_bit(tmp_path):
    """SIGKILL, each time in a new process, until the run is through."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start("train", *TRAIN, "--run", whole)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    process = start("train", *TRAIN, "--run", killed)
    moments, kills = random.Random(5), 0
    while kills < 3:
        # Once it learns, there is a new checkpoint; then at any moment.
        wait_for(killed / "checkpoint.h5", process)
        stamp = (killed / "checkpoint.h5").stat().st_mtime_ns
        while kills and process.poll() is None and (killed / "checkpoint.h5").stat().st_mtime_ns == stamp:
            time.sleep(0.01)
        time.sleep(moments.random())
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        process = start("resume", killed)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert kills >= 1
    assert_equal_runs(whole, killed)


def test_a_run_made_longer_is_the_run_of_that_length(run):
    whole, short = run("whole", epochs=3), run("short", epochs=1)
    for made in (whole, short):
        made.create()
        made.trainer().run()
    for epochs in (2, 3):
        longer = open_run(short.directory).ending_after(epochs)
        trainer = longer.trainer()
        trainer.resume()
        longer.write_epochs()
        trainer.run()
    assert_equal_runs(whole.directory, short.directory)
    record = json.loads((short.directory / "run.json").read_text())
    assert record["config"]["epochs"] == 3
    assert [change["epochs"] for change in record["earlier_epochs"]] == [1, 2]
    before = (short.directory / "run.json").read_bytes()
    with pytest.raises(RunError, match=r"short: epochs must be at least 3, since [\d,]+ images have been seen, got 2"):
        open_run(short.directory).ending_after(2).trainer().resume()
    open_run(short.directory).ending_after(3).trainer().resume()
    assert (short.directory / "run.json").read_bytes() == before


def test_killed_before_the_first_checkpoint_starts_over(run):
    made = run(epochs=0)
    made.create()
    trainer = made.trainer()
    trainer.resume()
    assert trainer.images_seen == 0 and trainer.rows == []


def test_interrupt_saves_and_says_how_to_go_on(tmp_path):
    process = start("train", *TRAIN, "--run", tmp_path / "run")
    wait_for(tmp_path / "run" / "checkpoint.h5", process)
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert f"Go on with: spikefa resume {tmp_path / 'run'}" in output
    resumed = open_run(tmp_path / "run").trainer()
    resumed.resume()
    assert resumed.images_seen > 0


def test_rows_written_after_the_last_checkpoint_are_made_again(run):
    made = run(epochs=2)
    made.create()
    trainer = made.trainer()
    trainer.run()
    expected = final(made.directory)
    text = trainer.metrics.read_text()
    again = run("again", epochs=2)
    again.create()
    first = again.trainer()
    first.interrupted = False
    first.on_row = lambda row: setattr(first, "interrupted", row["images_seen"] > 0)
    first.run()  # stops after the first epoch
    future = text.splitlines(keepends=True)[3:]  # rows that the checkpoint does not know
    first.metrics.write_text(first.metrics.read_text() + "".join(future))
    assert len(read_metrics(first.metrics)["epoch"]) == 2
    second = again.trainer()
    second.resume()
    assert len(second.rows) == 2
    second.run()
    for a, b in zip(expected, final(again.directory), strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_diverging_weights_stop_the_run_and_keep_the_last_good_checkpoint(run):
    made = run(eta=1e9, rule="dW = eta * s_post * s_pre", epochs=1)
    made.create()
    trainer = made.trainer()
    with pytest.raises(
        DivergenceError, match=r"step \d+, \d+ images: Projection '.*->.*': the largest weight is .*checkpoint.h5"
    ):
        trainer.run()
    again = made.trainer()
    again.resume()
    assert np.isfinite(again.network["h1_to_h2"].W).all()


@pytest.fixture
def saved(run):
    made = run(epochs=0)
    made.create()
    made.trainer().run()
    return made


def test_the_guide_looks_into_a_run(saved, monkeypatch):
    guide = Path(__file__).resolve().parents[2] / "docs" / "howto" / "look_into_a_run.md"
    code = re.search(r"^from brian2.*?(?=^```)", guide.read_text(), re.S | re.M)[0]
    monkeypatch.chdir(saved.directory.parent)
    found = {}
    exec(code.replace("runs/mnist", saved.directory.name), found)
    assert Path("raster.png").stat().st_size > 5_000
    assert np.array_equal(found["W"], saved.trained_network()["image_to_h1"].W)
    assert found["spikes"].t_[-1] > 0.2


def damage(path, how):
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif how == "foreign":
        path.write_bytes(b"no HDF5 at all" * 100)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "other HDF5":
        path.unlink()
        with h5py.File(path, "w") as f:
            f["x"] = 1
    else:
        with h5py.File(path, "a") as f:
            f.attrs[how] = "changed" if how == "model" else 99


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "is damaged or no checkpoint"),
        ("foreign", "is damaged or no checkpoint"),
        ("empty", "is damaged or no checkpoint"),
        ("other HDF5", "is HDF5, but no spikefa checkpoint"),
        ("version", "has format version 99, and this spikefa reads version 3"),
        ("model", "was written by another version of the model file"),
        ("streams", "has streams 99, and the network 10"),
        ("seed", "has seed 99, and the network 0"),
    ],
)
def test_bad_checkpoints_are_refused_and_change_nothing(saved, how, message):
    trainer = saved.trainer()
    damage(trainer.checkpoint, how)
    before = {name: array.copy() for name, array in trainer.network.parameters().items()}
    with pytest.raises(CheckpointError, match=message) as caught:
        trainer.resume()
    assert str(trainer.checkpoint) in str(caught.value)
    for name, array in trainer.network.parameters().items():
        assert np.array_equal(array, before[name])


@pytest.mark.parametrize("changes", [{"hidden": (30,)}, {"hidden": (30, 21)}, {"dtype": "float64"}, {"momentum": 0.5}])
def test_checkpoint_of_another_model_is_refused(saved, run, changes):
    network = run("other", **changes).network()
    with pytest.raises(CheckpointError, match="is a checkpoint of another model"):
        checkpoint.load(saved.directory / "checkpoint.h5", network)


def test_a_checkpoint_with_more_than_the_network_has_is_refused(saved):
    trainer = saved.trainer()
    with h5py.File(trainer.checkpoint, "a") as f:
        f["activity/h1.unknown"] = np.zeros(10)
    with pytest.raises(CheckpointError, match=r"it also has \['h1.unknown'\]"):
        trainer.resume()


def test_a_run_is_never_overwritten(saved):
    with pytest.raises(RunError, match=r"run: holds a run already$") as caught:
        saved.create()
    assert caught.value.hint == "directory taken"


def test_unwritable_run_directory(run, tmp_path):
    (tmp_path / "run").write_text("a file where the directory should be")
    with pytest.raises(RunError, match=r"run: cannot be written \(File exists\)$"):
        run().create()


def test_bad_run_directories_are_refused(saved, tmp_path):
    with pytest.raises(RunError, match=r"is no run directory, it has no run.json"):
        open_run(tmp_path)
    record = saved.directory / "run.json"
    good = record.read_text()
    record.write_text("{")
    with pytest.raises(RunError, match=r"run.json: cannot be read"):
        open_run(saved.directory)
    record.write_text(json.dumps(json.loads(good) | {"format": 7}))
    with pytest.raises(RunError, match="must have format 3, got 7; it is of another version of spikefa"):
        open_run(saved.directory)
    record.write_text(json.dumps(json.loads(good) | {"format": 1}))
    with pytest.raises(
        RunError, match=r"run.json: has format 1 of an earlier spikefa; commit f669c0d of its repository"
    ):
        open_run(saved.directory)
    record.write_text(json.dumps({k: v for k, v in json.loads(good).items() if k != "streams"}))
    with pytest.raises(RunError, match="incomplete or of another version of spikefa \\('streams'\\)"):
        open_run(saved.directory)
    record.write_text(good)
    model = saved.directory / "model.py"
    model.write_text(model.read_text() + "\n# changed\n")
    with pytest.raises(RunError, match="was changed since the run began"):
        open_run(saved.directory)


def test_data_that_do_not_fit_are_refused(run):
    with pytest.raises(ArgumentError, match=r"images must be \(n, 784\) for input 'image', got \(1, 64\)"):
        run(pixels=784).trainer()
    with pytest.raises(DataError, match="data set 'digits': must have the network's 5 classes, got 10 classes"):
        run(classes=5).trainer()


def test_streams_without_an_image_of_their_own_are_refused(tiny):
    with pytest.raises(ArgumentError, match=r"^Trainer: streams must be at most 1437, one a training image, got 1438$"):
        tiny(streams=1438).trainer()


def test_evaluations_are_never_within_a_presentation(tiny):
    trainer = tiny(epochs=1, evaluate_every=1e-12).trainer()
    assert trainer.evaluations() == list(range(0, 1501, 100))


def test_schedules_are_tried_in_every_epoch_before_anything_is_done(tiny):
    made = tiny(epochs=3)
    with pytest.raises(
        ArgumentError, match=r"^Trainer: lr_factor of '.*' in epoch 2 must be a finite number, at least 0, got -1.0$"
    ):
        Trainer(made.network(), made.dataset(), made.config, made.directory, lambda epoch: 1.0 - epoch)


def test_evaluations_without_number_are_refused_at_once(tiny):
    with pytest.raises(ArgumentError, match=r"evaluate_every must leave at most 1,000,000 evaluations in 90000 epochs"):
        tiny(epochs=90_000, evaluate_every=1e-12).trainer()
    assert tiny(epochs=1, evaluate_every=1e308).trainer().evaluations() == [0, 1500]
