"""Readouts: mean outputs, errors, and the targets that they take."""

import numpy as np
import pytest
from pathway_networks import forward

import spikefa as fa
from spikefa.diagnostics import evaluation
from spikefa.engine.kernels.sums import add_groups as add
from spikefa.errors import ArgumentError
from spikefa.metrics import normalized_squared_error


def test_squared_error_is_exact_where_targets_are_far_from_zero(rate):
    """Sums of squares minus squares of sums would have no digit left."""
    rng = np.random.default_rng(0)
    targets = 1e7 + 1e-3 * rng.standard_normal((60, 10))
    net = rate.build(rate.params({"eta": 0.0, "weight_range": 0.0}), streams=4)
    forward(net)[-1].b[:] = 1e7
    net.stimulus.show_images(np.zeros((60, 30)), targets)
    net.run_steps(15)
    assert net.readout.error == pytest.approx(normalized_squared_error(1e7 - targets, targets), rel=1e-6)
    net.readout.reset()
    assert np.isnan(net.readout.error) and net.readout.shown == 0 and np.isnan(net.readout.mean_outputs).all()


def test_outputs_are_averaged_over_the_presentation(rate):
    net = fa.Network(streams=2, dtype="float64")
    fa.Input(net, "x", 1, emit="s = x", threshold=None, limits=None)
    fa.Layer(net, "y", 1, "I : 1\ns : 1", emit="s = s + I", threshold=None)
    fa.Projection(net, "x", "y", np.ones((1, 1)))
    fa.regression_task(net, 4)
    np.testing.assert_allclose(evaluation.predict(net, np.array([[1.0], [2.0], [3.0]]), 3), [[2], [4], [3 + 6]])


BAD_TARGETS = [
    (np.zeros((4, 9)), r"targets must be \(4, 10\) for layer 'y', got \(4, 9\)"),
    (np.zeros(4, int), r"targets must be \(4, 10\) for layer 'y', got \(4,\)"),
    (np.zeros((4, 10), int), "targets must be floats, got int64"),
    (np.where(np.arange(40) == 23, np.nan, 0.0).reshape(4, 10), "targets must be finite, got nan at image 2, unit 3"),
]


@pytest.mark.parametrize(("targets", "message"), BAD_TARGETS)
def test_bad_targets_are_refused(rate, targets, message):
    net = rate.build(rate.params(), streams=2)
    with pytest.raises(ArgumentError, match=message):
        net.stimulus.show_images(np.zeros((4, 30)), targets)
    with pytest.raises(ArgumentError, match=message):
        evaluation.error(net, np.zeros((4, 30)), targets, 1)


def test_labels_must_be_integers(small):
    with pytest.raises(ArgumentError, match="labels must be integers, got float64"):
        small(2).stimulus.show_images(np.zeros((2, 64)), np.zeros(2))


@pytest.mark.parametrize("streams", [1, 3])
def test_mean_outputs_are_means_over_units_streams_and_images(streams):
    net = fa.Network(streams=streams, target="numpy", dtype="float64")
    fa.Input(net, "image", 2, emit="s = x")
    fa.Layer(net, "h", 4, "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.Layer(net, "out", 2, "I : 1\ns : 1", emit="s = I + t_in_timesteps", threshold=None)
    fa.Projection(net, "image", "h", np.array([[1, 2, 3, 4], [0, 0, 0, 0.0]]))
    fa.Projection(net, "h", "out", np.zeros((4, 2)))
    fa.classification_task(net, 2, 2)
    images = np.linspace(0, 1, 4 * streams)[:, None] * [1, 1]
    net.stimulus.show_images(images, np.zeros(len(images), int))
    net.run_steps(8)
    np.testing.assert_allclose(net.readout.mean_outputs, [2.5 * images.mean(), (1 + 3 + 5 + 7) / 4])


def test_large_layers_are_read_out_as_others_are(small, monkeypatch):
    """By all threads, and by numpy."""
    told, called = [], []
    monkeypatch.setattr("spikefa.presentation.readout.sums.add_groups", lambda *args: called.append(add(*args)))
    for large in (1, 10**9):
        monkeypatch.setattr("spikefa.presentation.readout.LARGE", large)
        net = small(20)
        rng = np.random.default_rng(0)
        net.stimulus.show_images(rng.random((60, 64)), rng.integers(0, 10, 60))
        called.clear()
        summed = net.readout.summed_outputs = []
        net.run_steps(3 * net.stimulus.steps_per_image)
        told.append((net.readout.wrong, net.readout.mean_outputs.tolist(), np.stack(summed).tolist()))
        assert bool(called) == (large == 1)
    assert told[0] == told[1] and told[0][1][-1] > 0


@pytest.mark.parametrize(("kind", "emit"), [("boolean", "y = I > 0.0"), ("integer", "y = int(1e7*I)")])
def test_large_layers_of_whole_numbers_are_summed_in_64_bits(kind, emit):
    net = fa.Network(target="numpy", streams=20)
    fa.Input(net, "image", 4, emit="s = x", threshold=None)
    fa.Layer(net, "output", 1200, f"I : 1\ny : {kind}", emit=emit, output="y", threshold=None)
    fa.Projection(net, "image", "output", np.ones((4, 1200)))
    fa.classification_task(net, steps_per_image=1, classes=4)
    net.stimulus.show_images(np.ones((20, 4)), np.zeros(20, int))
    summed = net.readout.summed_outputs = []
    net.run_steps(1)
    assert np.all(summed[0] == 300 * (1 if kind == "boolean" else 4e7))


def test_equal_targets_have_no_normalised_error(rate):
    net = rate.build(rate.params({"sizes": (4, 3, 2), "classes": None}), 1, 0)
    with pytest.raises(ArgumentError, match=r"RegressionReadout: targets must differ between images, .*, got 3"):
        net.readout.error_of(np.zeros((3, 2)), np.ones((3, 2)))
