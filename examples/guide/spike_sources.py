"""Two modalities and a noisy background: several inputs as Poisson rates in Hz, and Brian2's `PoissonGroup`.

The upper half of a digit is what the network sees, the lower half what it hears: two inputs, each pixel a Poisson
process of up to 400 Hz for 10 ms. A `PoissonGroup` of 50 neurons adds spikes that mean nothing. Shows: both modalities
are better than one, and a background of 0 to 100 Hz. Full run: a few minutes. Writes ``spike_sources.png`` here.
"""

import os
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from brian2 import Hz, PoissonGroup, SpikeMonitor, ms

import spikefa as fa

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
RATES, EPOCHS = ((0, 100), 2) if QUICK else ((0, 25, 50, 100), 10)
SENSES = {"sees and hears": (1, 1), "sees": (1, 0), "hears": (0, 1)}
LAYER = """dv/dt = (I - v) / (1.1*ms) : 1
           I : 1
           p = 1 / (1 + exp(-v)) : 1
           s : 1"""
digits = fa.datasets.load("digits")


def halves(images, sees=1, hears=1):
    """Return both modalities of digits; 0 switches one off."""
    return {"sight": sees * images[:, :32], "sound": hears * images[:, 32:]}


def trained(rate):
    """Return a network that has learned with a background of so many Hz."""
    net = fa.Network(streams=20, seed=0)
    for name in ("sight", "sound"):
        fa.Input(net, name, 32, max_rate=400 * Hz)
    for name in ("h1", "output"):
        fa.Layer(net, name, 200, LAYER, emit="s = int(rand() < p)")
    fa.feedback_alignment(
        net,
        B=fa.uniform(0.3),
        error="du/dt = (layer_s - target - u) / (1.1*ms) : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / (1.1*ms) : 1\nJ : 1\ndelta : 1",
    )
    rule = fa.Plasticity("dW = -0.006 * delta_post * p_post * (1 - p_post) * s_pre")
    background = PoissonGroup(50, rate * Hz, clock=net.clock, name="background")
    for name in ("sight", "sound"):
        fa.Projection(net, name, "h1", fa.uniform(0.4), plasticity=rule)
    fa.Projection(net, background, "h1", fa.uniform(2))
    fa.Projection(net, "h1", "output", fa.uniform(0.2), plasticity=rule)
    fa.classification_task(net, classes=10, duration=10 * ms)
    for _ in range(EPOCHS):
        net.stimulus.show_images(halves(digits.train_images[:1420]), digits.train_labels[:1420])
        net.run(10 * ms * 1420 / 20)
    return net


errors = {kind: [] for kind in SENSES}
for rate in RATES:
    net = trained(rate)
    for kind, shown in SENSES.items():
        errors[kind].append(fa.error(net, halves(digits.test_images, *shown), digits.test_labels, steps=20))

monitors = [SpikeMonitor(net[name]) for name in ("sight", "sound", "background_source")]
net.add(monitors)
start = net.t / ms
net.stimulus.show_images(halves(digits.test_images[:100]), digits.test_labels[:100])
net.run(50 * ms)

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for kind, values in errors.items():
    left.plot(RATES, 100 * np.array(values), "o-", label=kind)
left.set(xlabel="background rate (Hz)", ylabel="test error (%)", ylim=(0, None))
left.legend(frameon=False)
firsts = np.cumsum([0, *(monitor.source.units for monitor in monitors)])
for monitor, first in zip(monitors, firsts, strict=False):
    own = monitor.i % net.streams == 0
    right.plot(monitor.t[own] / ms - start, monitor.i[own] // net.streams + first, "k|", markersize=3)
right.hlines(firsts[1:-1], 0, 50, colors="0.7", linewidth=0.8)
right.set_yticks((firsts[:-1] + firsts[1:]) / 2, ["sight", "sound", "background"])
right.set(xlabel="time (ms)", title=f"one stream, background at {RATES[-1]} Hz")
out = Path(sys.argv[1] if len(sys.argv) > 1 else "spike_sources.png")
figure.savefig(out, dpi=150)
print(f"test error {errors['sees and hears'][0]:.1%} without background; wrote {out}", errors)
assert errors["sees and hears"][0] < (0.75 if QUICK else 0.25)  # chance is 90 %
assert all(both < min(ones) for both, *ones in zip(*errors.values(), strict=True))
