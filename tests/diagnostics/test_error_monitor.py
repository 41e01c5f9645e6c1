"""Errors in windows of presentations."""

import numpy as np
from pathway_networks import (
    rate_network,
)

import spikefa as fa
from spikefa import metrics


def test_errors_in_windows(digits):
    net = rate_network("alignment", 5, sizes=(64, 8, 6, 4))
    monitor = fa.ErrorMonitor(net, 2)
    net.stimulus.steps_per_image = 3
    net.stimulus.show_images(digits.train_images[:40], digits.train_labels[:40] % 2)
    expected = []
    for _ in range(4):
        wrong = net.readout.wrong
        net.run_steps(6)
        expected.append((net.readout.wrong - wrong) / 10)
    assert monitor.error.tolist() == expected and monitor.steps.tolist() == [5, 11, 17, 23]


def test_normalised_squared_error_in_windows(rng):
    net = fa.Network(streams=4, target="numpy", dtype="float64")
    fa.Input(net, "image", 3, "x : 1", emit="", output="x", threshold=None, limits=None)
    fa.Layer(net, "output", 2, "I : 1\ny : 1", emit="y = I", output="y", threshold=None)
    fa.Projection(net, "image", "output", W := rng.normal(size=(3, 2)))
    fa.regression_task(net, 1)
    monitor = fa.ErrorMonitor(net, 3)
    x, target = rng.normal(size=(24, 3)), rng.normal(size=(24, 2))
    net.stimulus.show_images(x, target)
    net.run_steps(6)
    halves = [
        metrics.normalized_squared_error(x[part] @ W - target[part], target[part])
        for part in (slice(12), slice(12, 24))
    ]
    np.testing.assert_allclose(monitor.error, halves, rtol=1e-12)
