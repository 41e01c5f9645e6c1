"""Recording activity: of which networks, and of which images."""

import numpy as np
from brian2 import ms, mV

import spikefa as fa
from spikefa.datasets import standardised
from spikefa.diagnostics.record_activity import record_activity


def test_graded_output_with_a_threshold_is_not_recorded(digits):
    net = fa.Network(streams=1)
    fa.Input(net, "x", 64)
    fa.Layer(net, "y", 10, "I : 1\ns : 1", emit="s = 0.5")
    fa.Projection(net, "x", "y", fa.uniform(0.1))
    fa.classification_task(net, 1, 10)
    assert record_activity(net, digits, 0, steps=2) is None


def test_recordings_of_scaled_images_show_them_as_they_were_loaded(small, digits):
    net = small()
    net.input.limits = None
    shown = record_activity(net, standardised(digits), 0, steps=2)
    plain = record_activity(net, digits, 0, steps=2)
    varying = digits.train_images.std(axis=0) > 0
    np.testing.assert_allclose(
        shown.images.reshape(-1, 64)[:, varying], plain.images.reshape(-1, 64)[:, varying], atol=1e-6
    )


def test_potentials_in_volts_are_recorded_in_mv_and_others_as_they_are(digits):
    net = fa.Network(streams=1, dt=0.5 * ms, target="numpy")
    fa.Input(net, "x", 64)
    options = {"threshold": "v > 1*volt", "reset": ""}
    volts = "dv/dt = (-65*mV - v) / (1e9*second) : volt\nI : 1\ns : 1"
    fa.Layer(net, "h1", 3, volts, **options).v = -65 * mV
    fa.Layer(net, "h2", 3, "v = I : 1\nI : 1\ns : 1", threshold="v > 1", reset="")
    fa.Layer(net, "output", 10, volts, **options)
    fa.classification_task(net, 1, 10)
    shown = record_activity(net, digits, 0, steps=2)
    assert shown.units == {"h1": "mV"} and shown.dt == 0.5
    np.testing.assert_allclose(shown.v["h1"], -65, rtol=1e-6)
