"""Rate networks and regression: training, resuming, prepared and changed images."""

import re

import numpy as np
import pytest
from pathway_networks import forward
from rate_model import naive
from typer.testing import CliRunner

from spikefa import datasets
from spikefa.cli import app
from spikefa.datasets import autoencoder, standardised, synthetic
from spikefa.diagnostics import evaluation
from spikefa.errors import ArgumentError, DataError, ModelError, RunError
from spikefa.experiments import model_file
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run, open_run
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import TrainingConfig
from spikefa.metrics import normalized_squared_error
from spikefa.plotting.of_runs import save_figure

DIGITS = {"sizes": (64, 30, 10), "classes": 10, "weight_range": 0.3, "eta": 2e-3}


@pytest.fixture
def run(rate, tmp_path):
    def make(
        directory="run", data="linear", streams=50, epochs=2, seed=0, validation=0, record_activity=True, **changes
    ):
        config = TrainingConfig(epochs=epochs, test_steps=1, record_activity=record_activity, recording_steps=2)
        made = Run(tmp_path / directory, rate, rate.params(changes), streams, seed, config, data, None, validation)
        made.create()
        return made

    return make


@pytest.mark.parametrize("sizes", [(30, 20, 10), (30, 10), (30, 15, 20, 10)])
def test_a_rate_network_is_minibatch_descent(rate, sizes):
    """The streams are the mini-batch: exactly what numpy does with the same feedback."""
    task = synthetic.linear(train=200)
    net = rate.build(rate.params({"sizes": sizes, "eta": 5e-3}), streams=20, seed=3)
    batches = [(task.train_images[q : q + 20], task.train_targets[q : q + 20]) for q in range(0, 200, 20)]
    weights, outputs = naive(net, batches, 5e-3)
    before = [p.W.copy() for p in forward(net)]
    net.stimulus.show_images(task.train_images, task.train_targets)
    net.run_steps(10)
    for projection, (W, b), old in zip(forward(net), weights, before, strict=True):
        np.testing.assert_allclose(projection.W, W, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(projection.b, b, rtol=1e-10, atol=1e-13)
        assert np.abs(W - old).max() > 1e-3
    # What the readout counted on the way is the error of all these outputs.
    assert net.readout.shown == 200
    assert net.readout.error == pytest.approx(
        normalized_squared_error(outputs - task.train_targets, task.train_targets), rel=1e-12
    )
    np.testing.assert_array_equal(net.stimulus.targets, task.train_targets[-20:])
    np.testing.assert_array_equal(net["error_y"].view("target").T, task.train_targets[-20:])


def test_training_a_regression(run):
    made = run(data="linear", epochs=3, eta=2e-3, validation=500)
    trainer = made.trainer()
    trainer.run()
    metrics = read_metrics(trainer.metrics)
    assert metrics["test_error"][0] > 0.9 and metrics["test_error"][-1] < 0.1
    assert metrics["validation_error"][-1] == pytest.approx(metrics["test_error"][-1], rel=0.3)
    assert np.isnan(metrics["train_error"][0]) and (np.diff(metrics["train_error"][1:]) < 0).all()
    network, data = made.trained_network(), made.dataset()
    assert len(data.train_targets) == 4500 and len(data.validation_targets) == 500
    assert evaluation.error(network, data.test_images, data.test_targets, 1) == metrics["test_error"][-1]
    assert network.readout.format_error(0.01234) == "0.01234 (NSE)"


def test_identity_inputs_give_the_expected_update(rate):
    """One step of 30 streams against the mean update over many white inputs."""
    exact, many = synthetic.identity(seed=4), synthetic.linear(seed=4, train=100_000)
    net = rate.build(rate.params({"sizes": (30, 10), "eta": 1.0}), streams=30, seed=1)
    W = forward(net)[0]
    start, x, y = W.W.copy(), many.train_images, many.train_targets
    net.stimulus.show_images(exact.train_images, exact.train_targets)
    net.run_steps(1)
    np.testing.assert_allclose(W.W, synthetic.linear_map(seed=4).T, atol=1e-12)  # all the way, with this rate
    np.testing.assert_allclose(W.W - start, x.T @ (y - x @ start) / len(x), atol=0.05)


def stopped_and_resumed(run, **options):
    """The final weights and metrics of a run, and of one stopped after each of its first checkpoints."""
    whole = run("whole", **options)
    whole.trainer().run()
    parts = run("parts", **options)
    for stop in (3, 7, 10**9):
        trainer = open_run(parts.directory).trainer()
        trainer.resume()
        original, shown = trainer.on_progress, []

        def watch(now, trainer=trainer, shown=shown, stop=stop, original=original):
            shown.append(now)
            original(now)
            trainer.interrupted = len(shown) >= stop

        trainer.on_progress = watch
        trainer.run()
    assert trainer.images_seen == trainer.total
    return [(made.trained_network(), read_metrics(made.directory / "metrics.csv")) for made in (whole, parts)]


@pytest.mark.parametrize(
    "options",
    [
        {"data": "linear", "epochs": 1, "streams": 300, "eta": 5e-4},
        {"data": "digits", "epochs": 1, **DIGITS, "prepared": "standardised", "jitter": 0.1},
        {"data": "digits", "epochs": 1, **DIGITS, "sizes": (64, 20, 64), "classes": None, "prepared": "autoencoder"},
    ],
    ids=["regression", "standardised and augmented classification", "autoencoder"],
)
def test_resumed_bit_for_bit(run, options):
    (one, whole), (other, parts) = stopped_and_resumed(run, **options)
    for a, b in zip(one.projections, other.projections, strict=True):
        assert np.array_equal(a.W, b.W) and np.array_equal(a.b, b.b)
    for name in set(whole) - {"seconds"}:
        np.testing.assert_array_equal(whole[name], parts[name], err_msg=name)
    assert whole["test_error"][-1] < whole["test_error"][0]


def test_prepared_data_have_statistics_of_the_training_images_only(run):
    made = run(data="digits", validation=400, **DIGITS, prepared="standardised")
    raw, data = datasets.load("digits").split(400), made.dataset()
    assert len(data.train_images) == 1037
    np.testing.assert_array_equal(data.train_images, standardised(raw).train_images)
    images = raw.train_images.astype(float)
    mean, sd = images.mean(axis=0), images.std(axis=0)
    expected = (raw.validation_images - mean) / np.where(sd > 0, sd, np.inf)
    np.testing.assert_allclose(data.validation_images, expected, rtol=1e-5, atol=1e-5)
    made.trainer().run()
    assert read_metrics(made.directory / "metrics.csv")["test_error"][-1] < 0.5


def test_augmented_images_are_those_that_were_loaded(run):
    """Scaling is undone before `augment` and done again after; targets and test images are not touched."""
    made = run(data="digits", **DIGITS, prepared="standardised")
    data, trainer = made.dataset(), made.trainer()
    raw = datasets.load("digits")
    index = trainer.image_indices(np.arange(50))
    seen = []
    trainer.augment = lambda images, rng: (seen.append(images), 1 - images)[1]
    images, labels = trainer.batch(0)
    np.testing.assert_allclose(seen[0], raw.train_images[index], atol=1e-6)
    np.testing.assert_array_equal(labels, raw.train_labels[index])
    (offset, factor), varying = data.scaling, raw.train_images.std(axis=0) > 0
    np.testing.assert_allclose(images, (1 - raw.train_images[index] - offset) * factor, atol=1e-4)
    assert (images[:, ~varying] == 0).all() and not varying.all()
    trainer.augment = lambda images, rng: images + rng.random(images.shape)
    first = trainer.batch(0)[0]
    assert np.array_equal(first, trainer.batch(0)[0])
    second = trainer.batch(50)[0]
    assert np.array_equal(first, trainer.batch(0)[0]) and not np.array_equal(first, second)
    trainer.augment = lambda images, rng: images * np.nan
    with pytest.raises(ArgumentError, match="pixels must be finite, got nan at image 0, pixel"):
        trainer.batch(0)
    trainer.augment = lambda images, rng: images[:, 1:]
    with pytest.raises(ArgumentError, match=r"^Trainer: augment must return images \(50, 64\), got \(50, 63\)$"):
        trainer.batch(0)


def test_autoencoder_learns_its_input(run):
    made = run(data="digits", streams=20, epochs=3, sizes=(64, 40, 64), eta=5e-4, prepared="autoencoder")
    data = made.dataset()
    assert data.train_targets.min() == np.float32(-0.9) and data.train_targets.max() == np.float32(0.9)
    made.trainer().run()
    metrics = read_metrics(made.directory / "metrics.csv")
    assert metrics["test_error"][-1] < 0.5 < metrics["test_error"][0]


def test_nothing_is_recorded_if_nothing_spikes(run, rate, digits):
    for name, options in (("regression", {"eta": 5e-4}), ("classes", {"data": "digits", **DIGITS})):
        made = run(name, epochs=1, streams=300, **options)
        made.trainer().run()
        with pytest.raises(RunError, match="no recordings of activity; they need layers that spike, classes, and"):
            save_figure(open_run(made.directory), "raster")
        assert save_figure(open_run(made.directory), "learning").exists()
        assert save_figure(open_run(made.directory), "receptive_fields").exists()
        assert not (made.directory / "recordings").exists()


def test_data_and_network_must_agree(rate, digits, tmp_path):
    def trainer(data, **changes):
        return Trainer(rate.build(rate.params(changes)), data, TrainingConfig(), tmp_path)

    with pytest.raises(
        DataError, match="data set 'digits': must have targets, since the network has no classes, got 10 classes"
    ):
        trainer(digits, sizes=(64, 20, 10))
    with pytest.raises(
        DataError, match="data set 'linear': must have the network's 10 classes, got targets and no classes"
    ):
        trainer(synthetic.linear(train=5, test=5), classes=10)
    with pytest.raises(ArgumentError, match=r"targets must be \(1, 10\) for layer 'y', got \(1, 64\)"):
        trainer(autoencoder(digits), sizes=(64, 20, 10))


def test_prepare_must_return_a_dataset(tmp_path, rate, digits):
    path = tmp_path / "mine.py"
    path.write_text(rate.source + "\n\ndef prepare(params, dataset):\n    return dataset.train_images\n")
    with pytest.raises(ModelError, match="Model 'mine': prepare must return a Dataset, got array"):
        model_file.load(path).prepare(None, digits)


def test_commands(tmp_path, rate):
    """Train (with recordings), evaluate and plot a rate network and a regression from the command line."""
    call = CliRunner().invoke
    for data, settings, result in (
        ("linear", ["eta=5e-4"], r"Test error 0\.\d+ \(NSE\) after 1"),
        (
            "digits",
            ["sizes=64,20,10", "classes=10", "eta=1e-3", "prepared=standardised"],
            r"Test error \d+\.\d\d% after 1",
        ),
    ):
        directory = tmp_path / data
        options = [part for text in settings for part in ("--set", text)]
        shown = call(app, ["train", str(rate.path), "--data", data, "--epochs", "1", "--run", str(directory), *options])
        assert shown.exit_code == 0, shown.output
        error = re.search(result, shown.output)[0].split()[2]
        shown = call(app, ["evaluate", str(directory)])
        assert f"test error {error}" in shown.output, shown.output
    shown = call(app, ["plot", str(directory), "raster"])
    assert isinstance(shown.exception, RunError)  # which the command makes one sentence
