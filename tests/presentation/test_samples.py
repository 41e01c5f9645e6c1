"""Samples that change in time: what each stream is shown in each step, and when it goes on."""

import numpy as np
import pytest
from brian2 import NetworkOperation, ms

import spikefa as fa
from spikefa.datasets import Dataset, SpikeTrains, regression, spike_latencies
from spikefa.errors import ArgumentError
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import TrainingConfig

UNITS, STEPS = 5, 6


def network(streams=2, gap=None, steps=STEPS, limits=(0, 1), task=fa.classification_task, **options):
    net = fa.Network(streams=streams, target="numpy", dtype="float64")
    fa.Input(net, "image", UNITS, emit="s = x", limits=limits, threshold=None)
    fa.Layer(net, "out", 4, "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.Projection(net, "image", "out", np.random.default_rng(1).normal(size=(UNITS, 4)))
    classes = {"classes": 2} if task is fa.classification_task else {}
    task(net, steps, gap=gap, **classes, **options)
    return net


def shown(net, steps):
    """Return what the input was shown, (steps, units, streams)."""
    found = []
    record = NetworkOperation(lambda: found.append(net["image"].view("s").copy()), clock=net.clock, when="end")
    net.add(record)
    net.run_steps(steps)
    net.remove(record)
    return np.array(found)


@pytest.fixture
def dense(rng):
    return rng.random((4, STEPS, UNITS)) < 0.4


@pytest.mark.parametrize("gap", [None, 2 * ms])
@pytest.mark.parametrize("as_events", [True, False])
def test_each_stream_is_shown_its_sample_step_by_step(dense, as_events, gap):
    net, pause = network(gap=gap), 0 if gap is None else 2
    net.stimulus.show_samples(SpikeTrains.from_dense(dense, 1 * ms) if as_events else dense)
    expected = np.zeros((2 * (STEPS + pause), UNITS, 2))
    for number in range(2):
        for stream in range(2):
            start = number * (STEPS + pause)
            expected[start : start + STEPS, :, stream] = dense[2 * number + stream]
    assert np.array_equal(shown(net, len(expected)), expected)


@pytest.mark.parametrize("as_events", [True, False])
def test_after_the_end_of_a_sample_nothing_is_shown(dense, as_events):
    net = network(streams=4, steps=STEPS + 3)
    dense[:, -1] = True
    net.stimulus.show_samples(SpikeTrains.from_dense(dense, 1e-3) if as_events else dense.astype(float))
    found = shown(net, STEPS + 3)
    assert np.array_equal(found[:STEPS].transpose(2, 0, 1), dense) and not found[STEPS:].any()


def test_steps_are_those_of_the_network():
    """At half the step, twice as many, and the same events."""
    data = spike_latencies(units=UNITS, duration=STEPS * 1e-3, train=2, test=2)
    net = fa.Network(streams=2, target="numpy", dt=0.5 * ms)
    fa.Input(net, "image", UNITS, emit="s = x", threshold=None)
    fa.Layer(net, "out", 4, "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.classification_task(net, duration=STEPS * ms, classes=2)
    net.stimulus.show_samples(data.train_images)
    assert np.array_equal(shown(net, 2 * STEPS).transpose(2, 0, 1), data.train_images.dense(0.5 * ms))
    with pytest.raises(ArgumentError, match="samples must last at most 6 steps, for which each is shown, got 12 steps"):
        net.stimulus.steps_per_image = STEPS
        net.stimulus.show_samples(data.train_images)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, STEPS, 4)), r"sequences must be \(n, steps, 5\) for input 'image', got \(2, 6, 4\)"),
        (np.zeros((2, STEPS, UNITS), np.uint8), r"sequences must be bool or floats in \[0, 1\], got uint8"),
        (np.full((2, STEPS, UNITS), 2.0), r"values must be in \[0, 1\], got 2.0 at sequence 0, step 0, unit 0"),
        (np.zeros((3, STEPS, UNITS)), "(must be a multiple of 2 streams|must be one a stream, 2), got 3"),
        (
            np.zeros((2, STEPS + 1, UNITS)),
            "samples must last at most 6 steps, for which each is shown, got 7 steps of 1",
        ),
        (np.zeros((2, 1, 1, UNITS)), r"images must be \(n, 5\) for input 'image', got \(2, 1, 1, 5\)"),
        (
            SpikeTrains.from_dense(np.ones((2, STEPS, 4)), 1e-3),
            "spike trains must have 5 units for input 'image', got 4",
        ),
        (
            SpikeTrains.from_dense(np.full((2, STEPS, UNITS), 2), 1e-3, several="count"),
            r"spikes in a step must be in the limits \[0, 1\] of input 'image', got 0 to 2",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(samples, message):
    net = network()
    with pytest.raises(ArgumentError, match=f"Stimulus: .*{message}"):
        net.stimulus.show_samples(samples)
    with pytest.raises(ArgumentError, match=f"Stimulus: .*{message}"):
        net.stimulus.show(lambda: (samples, None))
        net.run_steps(1)


def test_images_are_shown_as_ever_and_nothing_else_by_show_images(dense):
    net = network()
    with pytest.raises(ArgumentError, match=r"images must be \(n, 5\) for input 'image', got \(4, 6, 5\)"):
        net.stimulus.show_images(dense)
    net.stimulus.show_samples(np.ones((2, UNITS)))
    assert shown(net, STEPS).all()


def test_numbers_of_spikes_are_shown_where_the_limits_allow_them():
    net = network(limits=(0, 9))
    numbers = np.random.default_rng(2).poisson(1, (2, STEPS, UNITS))
    net.stimulus.show_samples(SpikeTrains.from_dense(numbers, 1e-3, several="count"))
    assert np.array_equal(shown(net, STEPS).transpose(2, 0, 1), numbers)


def test_an_evaluation_within_a_sample_leaves_no_trace(dense):
    """It is shown others meanwhile; and a stored network goes on in the middle of a sample."""
    whole, broken = network(), network()
    for net in (whole, broken):
        net.stimulus.show_samples(dense)
    expected = shown(whole, 2 * STEPS)
    found = [shown(broken, 4)]
    outputs = fa.summed_outputs(broken, dense[:3], STEPS)
    W = broken["image_to_out"].W
    np.testing.assert_allclose(outputs, (dense[:3].sum(axis=1) @ W).reshape(3, 2, 2).sum(axis=2), rtol=1e-12)
    broken.store("middle")
    shown(broken, 5)
    broken.restore("middle")
    found.append(shown(broken, 2 * STEPS - 4))
    assert np.array_equal(np.concatenate(found), expected)


# Signals.


def signals(rng, n=4, steps=STEPS):
    return rng.normal(size=(n, steps, UNITS)), rng.normal(size=(n, steps, 4))


def learner(streams=2, gap=None):
    """A linear layer that learns by the delta rule in each step."""
    net = fa.Network(streams=streams, target="numpy", dtype="float64")
    fa.Input(net, "image", UNITS, emit="s = x", limits=None, threshold=None)
    fa.Layer(net, "out", 4, "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.ErrorPopulation(net, "error", "out", "target : 1\ndelta : 1", emit="delta = layer_s - target")
    rule = fa.Plasticity("dW = -0.01 * delta_post * s_pre")
    fa.Projection(net, "image", "out", np.full((UNITS, 4), 0.1), plasticity=rule, learn_bias=False)
    fa.signal_task(net, STEPS, gap=gap)
    return net


@pytest.mark.parametrize("gap", [None, 2 * ms])
def test_learning_a_signal_is_the_delta_rule_step_by_step(rng, gap):
    x, y = signals(rng)
    net = learner(gap=gap)
    net.stimulus.show_samples(x, y)
    net.run_steps(2 * net.stimulus.steps_per_presentation)
    W, squared = np.full((UNITS, 4), 0.1), []
    for first in (0, 2):
        for step in range(STEPS):
            inputs, targets = x[first : first + 2, step], y[first : first + 2, step]
            away = inputs @ W - targets
            squared.append(away**2)
            W -= 0.01 * inputs.T @ away
    np.testing.assert_allclose(net["image_to_out"].W, W, rtol=1e-12)
    assert net.readout.error == pytest.approx(np.mean(squared), rel=1e-12)
    assert net.readout.shown == 4 and net.readout.format_error(0.5) == "0.5 (MSE)"


def test_predictions_are_the_outputs_of_each_step(rng):
    x, y = signals(rng, 3)
    net = learner()
    predictions = fa.predict(net, x, STEPS)
    np.testing.assert_allclose(predictions, x @ net["image_to_out"].W, rtol=1e-12)
    assert fa.error(net, x, y, STEPS) == pytest.approx(np.mean((predictions - y) ** 2), rel=1e-12)
    with pytest.raises(ArgumentError, match=r"SignalReadout: targets must be \(3, 6, 4\), got \(3, 5, 4\)"):
        fa.error(net, x, y[:, :5], STEPS)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.zeros((2, 4)), r"SignalReadout: targets must be \(2, steps, 4\) for layer 'out', got \(2, 4\)"),
        (np.zeros((2, STEPS, 3)), r"SignalReadout: targets must be \(2, steps, 4\) for layer 'out', got \(2, 6, 3\)"),
        (np.zeros((2, STEPS, 4), int), "SignalReadout: targets must be floats, got int64"),
        (np.full((2, STEPS, 4), np.nan), "SignalReadout: targets must be finite, got nan at sample 0, step 0, unit 0"),
        (np.zeros((2, 5, 4)), "Stimulus: targets must have 6 steps, for which each sample is shown, got 5"),
    ],
)
def test_targets_that_cannot_be_are_refused(targets, message):
    net = learner()
    with pytest.raises(ArgumentError, match=message):
        net.stimulus.show_samples(np.zeros((2, UNITS)), targets)


def test_signals_and_other_tasks_do_not_mix(rng):
    x, y = signals(rng)
    with pytest.raises(ArgumentError, match=r"RegressionReadout: targets must be \(4, 4\)"):
        network(limits=None, task=fa.regression_task).stimulus.show_samples(x, y)
    with pytest.raises(ArgumentError, match=r"ClassReadout: labels must be \(4,\), got \(4, 6, 4\)"):
        network(limits=None).stimulus.show_samples(x, y)


def test_a_trainer_learns_signals_and_resumes_them(rng, tmp_path):
    W = rng.normal(size=(UNITS, 4))
    x, held_out = signals(rng, 40)[0], signals(rng, 6)[0]
    data = regression("signals", x, x @ W, held_out, held_out @ W)
    assert repr(data) == "<Dataset signals: 40 training, 6 test sequences of 6 steps of 1 x 5, 4 targets>"

    def trainer(name, epochs):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return Trainer(learner(4), data, TrainingConfig(epochs=epochs, test_steps=STEPS), folder)

    whole, first, second = trainer("a", 2), trainer("b", 1), trainer("b", 2)
    whole.run(), first.run(), second.resume(), second.run()
    assert np.array_equal(whole.network["image_to_out"].W, second.network["image_to_out"].W)
    errors, again = ([float(row["test_error"]) for row in each.rows] for each in (whole, second))
    assert errors[-1] < errors[0] / 10 and errors == again


def test_a_trainer_refuses_data_that_last_too_long(tmp_path):
    data = spike_latencies(units=UNITS, classes=2, duration=0.007, train=4, test=2)
    with pytest.raises(ArgumentError, match=r"Stimulus: samples must last at most 6 steps, .* got 7 steps"):
        Trainer(network(), data, TrainingConfig(), tmp_path)


def test_the_reference_shows_the_same(rng):
    x, y = signals(rng)
    net = learner(1)
    reference = fa.Brian2Reference(net)
    for each in (net, reference.network):
        each.stimulus.show_samples(x, y)
        each.run_steps(4 * STEPS)
    np.testing.assert_allclose(reference.W("image_to_out"), net["image_to_out"].W, rtol=1e-10)
    assert reference.network.readout.error == pytest.approx(net.readout.error, rel=1e-10)


def test_targets_in_time_of_a_data_set_are_checked():
    x, y = np.zeros((4, STEPS, UNITS)), np.zeros((4, STEPS, 3))
    with pytest.raises(
        fa.DataError, match=r"test_targets must be floats of shape \('n', 6, 3\), got float64 of \(4, 3\)"
    ):
        regression("signals", x, y, x, y[:, 0])
    y[1, 2, 0] = np.inf
    with pytest.raises(fa.DataError, match="train_targets must be finite, got inf at image 1, step 2, unit 0"):
        regression("signals", x, y, x, y)
    with pytest.raises(fa.DataError, match="train_images must be floats or bool if they are sequences, got uint8"):
        Dataset("mine", x.astype(np.uint8), np.zeros(4, int), x, np.zeros(4, int), (1, UNITS), 2)
