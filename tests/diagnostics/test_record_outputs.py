"""Outputs and errors of networks that do not spike, step by step."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.diagnostics.record_outputs import record_outputs
from spikefa.errors import ArgumentError, DataError


def linear(classes, streams=3, steps=2):
    """Two linear layers on the digits, with feedback alignment and rules."""
    net = fa.Network(streams=streams, target="numpy", seed=4)
    graded = {"output": "y", "threshold": None}
    fa.Input(net, "x", 64, emit="s = x", threshold=None)
    fa.Layer(net, "h1", 60, "I : 1\ny : 1", emit="y = I", **graded)
    fa.Layer(net, "output", 10 if classes else 64, "I : 1\ny : 1", emit="y = I", **graded)
    fa.feedback_alignment(
        net,
        error="target : 1\ndelta : 1",
        emit_error="delta = layer_y - target",
        feedback="J : 1\ndelta : 1",
        emit="delta = J",
        B=fa.uniform(0.5),
    )
    rule = fa.Plasticity("dW = -1e-3 * delta_post * y_pre")
    fa.Projection(net, "x", "h1", fa.uniform(0.1))
    fa.Projection(net, "h1", "output", fa.uniform(0.1), plasticity=rule)
    task = fa.classification_task if classes else fa.regression_task
    task(net, steps, **({"classes": classes} if classes else {}))
    return net


def test_outputs_and_errors_are_those_of_the_equations_and_leave_no_trace(digits):
    net = linear(10)
    before = {name: array.copy() for name, array in (net.state() | net.parameters()).items()}
    found = record_outputs(net, digits, "now", count=4)
    assert all(np.array_equal(array, before[name]) for name, array in (net.state() | net.parameters()).items())

    _, first = np.unique(digits.test_labels, return_index=True)
    chosen = np.sort(first)[:4]
    assert np.array_equal(found.labels, digits.test_labels[chosen]) and found.images.shape == (4, 8, 8)
    x, target = digits.test_images[chosen], np.eye(10)[digits.test_labels[chosen]]
    below, above = (p for p in net.projections if p.post in net.layers)
    y = (x @ below.W + below.b) @ above.W + above.b
    np.testing.assert_allclose(found.outputs["output"], np.repeat(y, 2, axis=0), atol=1e-4)
    np.testing.assert_allclose(found.deltas["output"], np.repeat(y - target, 2, axis=0), atol=1e-4)
    assert found.outputs["h1"].shape == found.deltas["h1"].shape == (8, 50)
    delta = (y - target) @ next(p.W for p in net.projections if p.post.name == "feedback_h1")
    sent = found.deltas["h1"][::2]
    assert found.output_classes.tolist() == list(range(10)) and found.steps_per_image == 2
    hidden = (x @ below.W + below.b)[:, found.unit_numbers["h1"]]
    np.testing.assert_allclose(found.outputs["h1"], np.repeat(hidden, 2, axis=0), atol=1e-4)
    np.testing.assert_allclose(sent, delta[:, found.unit_numbers["h1"]], atol=1e-4)
    assert found.unit_numbers["output"].tolist() == list(range(10))


def test_a_regression_has_no_classes_and_the_first_samples(digits):
    found = record_outputs(linear(None), fa.datasets.autoencoder(digits, (-0.9, 0.9)), "now", count=2)
    assert found.labels is None and found.output_classes is None and found.outputs["output"].shape == (4, 50)
    np.testing.assert_allclose(found.images.reshape(2, 64), digits.test_images[:2], atol=1e-6)


def test_what_cannot_be_recorded_is_refused(digits):
    with pytest.raises(ArgumentError, match="record_outputs: count must be a positive whole number of images, got 0"):
        record_outputs(linear(10), digits, "now", count=0)
    with pytest.raises(DataError, match="must have targets, since the network has no classes"):
        record_outputs(linear(None), digits, "now")
