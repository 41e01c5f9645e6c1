"""Angles of the feedback weights to the forward weights."""

import numpy as np
from pathway_networks import (
    rate_network,
    show,
)

import spikefa as fa
from spikefa import metrics
from spikefa.diagnostics import evaluation


def test_weight_alignment(rng):
    net = rate_network("alignment", 4)
    show(net, rng)
    monitor = fa.WeightAlignment(net, every=2, units=True)
    net.run_steps(4)
    W, B = net["h1_to_h2"].W, net["feedback_h2_to_feedback_h1"].W
    assert monitor.steps.tolist() == [1, 3] and monitor.angle["h1"].shape == (2,)
    assert monitor.angle["h1"][-1] == metrics.angle(W, B.T) == evaluation.alignment(net)["h1"]
    assert np.array_equal(monitor.unit_angle["h1"][-1], metrics.unit_angles(W, B.T, axis=1))
    assert set(monitor.last) == {"angle_h1", "angle_h2"}
    zero = fa.WeightAlignment(rate_network("backprop", 4))
    zero.network.run_steps(1)
    np.testing.assert_allclose(list(zero.last.values()), 0, atol=1e-4)
