"""Angles between the errors that layers receive and those of backpropagation."""

import numpy as np
import pathway_networks
import pytest
from diagnostic_networks import BIG, with_rule
from pathway_networks import forward, rate_network, show

import spikefa as fa
from spikefa import metrics
from spikefa.errors import ArgumentError

RULE = "dW = -eta * delta_post * psi_post * y_pre"


def measured(net, rng, steps=1, **options):
    show(net, rng)
    monitor = fa.SignalAlignment(net, **options)
    net.run_steps(steps)
    return monitor


@pytest.mark.parametrize("direct", [False, True])
def test_agrees_with_dense_computation(direct, rng):
    """Of each batch element by itself, with B e on one side and W D, D = (W D) psi, on the other."""
    net = with_rule(RULE, streams=7, direct=direct)
    W = {p.pre.name: p.W.copy() for p in forward(net)}
    B = {p.post.layer.name: p.W.copy() for p in net.projections if p not in forward(net)}
    monitor = measured(net, rng)
    y = {layer.name: layer.view("y").copy() for layer in net.layers}
    e = y["output"] - net.error.view("target")
    received = {"h2": B["h2"].T @ e}
    received["h1"] = B["h1"].T @ (e if direct else received["h2"])
    sent = {"h2": W["h2"] @ (e * (1 - y["output"] ** 2))}
    sent["h1"] = W["h1"] @ (sent["h2"] * (1 - y["h2"] ** 2))
    for layer in ("h1", "h2"):
        angles = np.array([metrics.angle(*pair) for pair in zip(received[layer].T, sent[layer].T, strict=True)])
        assert monitor.angle[layer][0] == pytest.approx(angles.mean(), abs=1e-6)
        assert monitor.positive[layer][0] == np.mean(angles < 90)
    assert 0 < monitor.positive["h2"][0] < 1  # or nothing was tested


def test_backpropagation_is_at_no_angle_with_itself(rng):
    monitor = measured(rate_network("backprop", 3, BIG), rng)
    assert all(angle[0] < 1e-4 for angle in monitor.angle.values())
    assert all(positive[0] == 1 for positive in monitor.positive.values())


def test_an_error_of_the_other_sign_is_the_same_error(monkeypatch):
    """The network's error is target - output and its rules add; the loss's derivative is stated as usual."""
    stated = {"output_error": "(layer_y - target) * layer_psi"}
    usual = measured(rate_network("alignment", 3, BIG), np.random.default_rng(0), **stated)
    monkeypatch.setattr(pathway_networks, "ETA", -pathway_networks.ETA)
    turned = rate_network("alignment", 3, BIG, emit_error="delta = (target - layer_y) * layer_psi")
    turned = measured(turned, np.random.default_rng(0), **stated)
    for layer, angle in usual.angle.items():
        assert turned.angle[layer] == pytest.approx(angle) != pytest.approx(90, abs=0.1)


def test_columns_and_requests(rng):
    monitor = measured(rate_network("alignment", 3), rng, steps=4, every=2)
    assert monitor.steps.tolist() == [1, 3]
    assert set(monitor.metrics) == {f"signal_{what}_{h}" for what in ("angle_deg", "positive") for h in ("h1", "h2")}
    assert monitor.metrics["signal_angle_deg_h1"] == monitor.angle["h1"][-1]


def test_an_error_of_zero_has_no_angle(rng):
    net = rate_network("alignment", 2)
    monitor = fa.SignalAlignment(net)
    net.input.view("x")[:] = 0
    for projection in forward(net):
        projection.b = np.zeros(projection.shape[1])
    net.run_steps(1)
    assert np.isnan(monitor.angle["h1"][0])


def test_layers_that_receive_no_error_are_refused():
    with pytest.raises(ArgumentError, match="SignalAlignment: no hidden layer has a projection to its feedback"):
        fa.SignalAlignment(rate_network("output_only"))
