"""An array of weights that somebody holds is up to date where functions of the user's run, though updates wait."""

import numpy as np
import pytest
from brian2 import NetworkOperation, second

import spikefa as fa

FEW = fa.WeightPolicy(tiled_synapses=0, tiled_units=0)


def learned(streams, where, look, hold=True, watch=False):
    """Learn for four images, and call `look` with the weights now and then; return the weights in the end."""
    net = fa.Network(streams=streams, seed=0, target="numpy", weight_policy=FEW)
    graded = {"equations": "I : 1\ny : 1", "output": "y", "threshold": None}
    fa.Input(net, "image", 8, "y : 1", emit="", stimulus_variable="y", output="y", threshold=None)
    fa.Layer(net, "output", 4, **graded, emit="y = I")
    error = {"output": "delta", "threshold": None}
    fa.ErrorPopulation(net, "err", "output", "target : 1\ndelta : 1", emit="delta = layer_y - target", **error)
    held = None

    def now(*_):
        if held is not None:
            look(held if hold else projection.W)

    if where == "derived":  # computes before the weights that learn propagate
        fixed = fa.Projection(net, "image", "output", fa.uniform(0.5), name="fixed")
        fa.DerivedProjection(net, "image", "output", fixed, lambda W: (now(), W)[1], every=3)
    rule = fa.Plasticity("dW = -0.5 * delta_post * y_pre")
    projection = fa.Projection(net, "image", "output", fa.uniform(0.5), plasticity=rule, name="learned")
    held = projection.W

    fa.classification_task(net, steps_per_image=3, classes=2)
    rng = np.random.default_rng(0)

    def images():
        if where == "show":
            now()
        return rng.random((streams, 8)), rng.integers(0, 2, streams)

    net.stimulus.show(images)
    if where == "on_presentation":
        net.readout.on_presentation = now
    if watch:  # then no update waits
        net.add(NetworkOperation(lambda: None, clock=net.clock))
    report = {"report": now, "report_period": 1e-9 * second} if where == "report" else {}
    net.run(12 * net.clock.dt, **report)
    return projection.W.copy()


def halve(W):
    W *= 0.5


@pytest.mark.parametrize("where", ["show", "on_presentation", "report", "derived"])
@pytest.mark.parametrize("streams", [1, 2, 3])
def test_it_is_up_to_date_and_may_be_written(where, streams):
    seen, expected = [], []
    after = learned(streams, where, lambda W: seen.append(W.copy()))
    learned(streams, where, lambda W: expected.append(W.copy()), watch=True)
    assert len(seen) == len(expected) >= 4 and np.abs(np.diff(seen[-4:-1], axis=0)).max(axis=(1, 2)).min() > 0.003
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-6)
    halved = learned(streams, where, halve)
    assert np.abs(halved - after).max() > 0.01
    for others in ({"watch": True}, {"hold": False}):
        np.testing.assert_allclose(halved, learned(streams, where, halve, **others), rtol=1e-5, atol=1e-6)
