"""Spike-timing windows: what they learn on average is the law of rates, and the model's traces are such windows.

With A+ trace_pre s_post - A- s_pre trace_post, of traces of time constants tau+ and tau- steps that hold the spikes
before a step, weights follow x (beta0 r + beta1 dr/dt), where beta0 = A+ tau+ - A- tau- and
beta1 = A+ tau+^2 + A- tau-^2. Means over streams are compared with exact expectations, made of plain loops over the
windows. A false alarm is a deviation above 5 standard errors, one of 1.7 million; with 16 means, one of 100,000 seeds.
"""

import math

import numpy as np
import pytest
from brian2 import StateMonitor, ms

import spikefa as fa

UNIT = """
p = mean + swing * cos(2 * pi * t / period + phase) : 1
mean : 1
swing : 1
phase : 1
I : 1
s : 1
trace : 1
"""
RIGHT = "trace = (1 - dt / tau) * trace + s\ns = int(rand() < p)\n"
#: Wrong orders and factors of the traces, which must not go unseen.
WRONG = {
    "the spikes of the same step": "s = int(rand() < p)\ntrace = (1 - dt / tau) * trace + s\n",
    "one factor too many": "trace = (1 - dt / tau) * (trace + s)\ns = int(rand() < p)\n",
}
PERIOD, TAU_PLUS, TAU_MINUS, MEAN, STREAMS = 60, 2.0, 4.0, 0.4, 2000
SWING = 0.3
PHASES = np.linspace(0, 2 * np.pi, 9)[:-1]
BALANCED, POTENTIATING = (1 / TAU_PLUS, 1 / TAU_MINUS), (1.5 / TAU_PLUS, 1 / TAU_MINUS)


def changes(amplitudes, emit=RIGHT):
    """Weight changes of a period, in each stream: (phases, streams)."""
    net = fa.Network(streams=STREAMS, dtype="float64", target="numpy", seed=1)
    for name, units, tau in (("pre", 1, TAU_PLUS), ("post", len(PHASES), TAU_MINUS)):
        fa.Layer(net, name, units, UNIT, emit=emit, namespace={"period": PERIOD * ms, "tau": tau * ms})
        net[name].mean, net[name].swing = MEAN, SWING
    net["post"].view("phase")[...] = PHASES[:, None]
    net.run_steps(PERIOD)  # the traces fill
    monitors = [StateMonitor(net[name], ["s", "trace"], record=True, when="end") for name in ("pre", "post")]
    net.add(monitors)
    net.run_steps(PERIOD)
    # The rule, written out, so that each stream's sum is known.
    (x, x_trace), (r, r_trace) = (
        [np.array(getattr(m, name)).reshape(-1, STREAMS, PERIOD) for name in ("s", "trace")] for m in monitors
    )
    return (amplitudes[0] * x_trace * r - amplitudes[1] * x * r_trace).sum(axis=-1)


def expected(amplitudes, swing, period=PERIOD):
    """The same by loops over steps and over the spikes before them."""

    def rate(phase, step):
        return MEAN + swing * math.cos(2 * math.pi * step / period + phase)

    found = []
    for phase in PHASES:
        total = 0.0
        for step in range(period):
            for ago in range(1, 50):
                total += amplitudes[0] * (1 - 1 / TAU_PLUS) ** (ago - 1) * rate(0, step - ago) * rate(phase, step)
                total -= amplitudes[1] * (1 - 1 / TAU_MINUS) ** (ago - 1) * rate(phase, step - ago) * rate(0, step)
        found.append(total)
    return np.array(found)


def deviations(values, wanted):
    return np.abs(values.mean(axis=1) - wanted) / (values.std(axis=1) / STREAMS**0.5)


@pytest.mark.parametrize("amplitudes", [BALANCED, POTENTIATING], ids=["balanced", "potentiating"])
def test_spike_pairs_have_the_expectation_of_the_windows(amplitudes):
    assert deviations(changes(amplitudes), expected(amplitudes, SWING)).max() < 5


@pytest.mark.parametrize("emit", WRONG.values(), ids=list(WRONG))
def test_wrong_traces_are_noticed(emit):
    assert deviations(changes(BALANCED, emit), expected(BALANCED, SWING)).max() > 5


@pytest.mark.parametrize("amplitudes", [BALANCED, POTENTIATING], ids=["balanced", "potentiating"])
def test_the_expectation_is_the_law_of_rates(amplitudes):
    """Over a period, d<W>/dt = <x (beta0 r + beta1 dr/dt)>; what is left are higher powers of tau over the period."""
    (plus, minus), period = amplitudes, 600
    beta0, beta1 = plus * TAU_PLUS - minus * TAU_MINUS, plus * TAU_PLUS**2 + minus * TAU_MINUS**2
    change = -2 * np.pi * SWING**2 / 2 * np.sin(PHASES)  # of x dr/dt over a period
    law = period * beta0 * (MEAN**2 + SWING**2 / 2 * np.cos(PHASES)) + beta1 * change
    exact = expected(amplitudes, SWING, period)
    assert np.abs(exact - law).max() < 0.03 * np.abs(law).max()
    assert np.abs(exact + law).max() > np.abs(law).max()  # the opposite sign would be Xie and Seung's
