"""Spike trains as data: classes that differ in when units spike, and in nothing else.

Shows: a sample of each of three classes, and the learning curves of a network with fixed random feedback on the spike
trains, and on the same samples without their time: the number of spikes of each unit, shown as an image. Every unit
spikes once a sample, so these images are all alike, and the network is left with chance. Full run: about 2 minutes on
one core. Writes ``spike_latencies.png`` here.
"""

import os
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import spikefa as fa

STEPS, CLASSES = 10, 4
quick = bool(os.environ.get("SPIKEFA_QUICK"))
data = fa.datasets.spike_latencies(train=800, test=400)
neuron = "dv/dt = (I - v) / (1.1*ms) : 1\nI : 1\np = 1 / (1 + exp(-v)) : 1\ns : 1"
error = "du/dt = (layer_s - target - u) / (1.1*ms) : 1\ntarget : 1\ndelta : 1"
feedback = "du/dt = (J - u) / (1.1*ms) : 1\nJ : 1\ndelta : 1"


def learning_curve(train: fa.SpikeTrains | np.ndarray, test: fa.SpikeTrains | np.ndarray, epochs: int) -> list[float]:
    """Return the test error before each epoch, and after the last."""
    rule = fa.Plasticity("dW = -0.004 * delta_post * p_post * (1 - p_post) * s_pre")
    net = fa.Network(streams=20, seed=0)
    fa.Input(net, "image", 60)
    fa.Layer(net, "hidden", 200, neuron, emit="s = int(rand() < p)")
    fa.Layer(net, "output", 200, neuron, emit="s = int(rand() < p)")
    fa.feedback_alignment(net, error=error, feedback=feedback, B=fa.uniform(0.3))
    fa.Projection(net, "image", "hidden", fa.uniform(0.6), plasticity=rule)
    fa.Projection(net, "hidden", "output", fa.uniform(0.2), plasticity=rule)
    fa.classification_task(net, STEPS, CLASSES)
    errors = [fa.error(net, test, data.test_labels, STEPS)]
    for _ in range(epochs):
        net.stimulus.show_samples(train, data.train_labels)
        net.run_steps(STEPS * len(train) // net.streams)
        errors.append(fa.error(net, test, data.test_labels, STEPS))
    return errors


epochs = 6 if quick else 8
timed = learning_curve(data.train_images, data.test_images, epochs)
# An image's pixel is the probability of a spike a step: the same mean number of spikes.
counts = (data.train_images.counts() / STEPS, data.test_images.counts() / STEPS)
untimed = learning_curve(*counts, epochs=1 if quick else epochs)

figure = Figure(figsize=(7, 2.6), layout="constrained")
raster, curves = figure.subplots(1, 2, width_ratios=(3, 2))
for label in range(3):
    sample = data.train_images[np.flatnonzero(data.train_labels == label)[:1]]
    raster.plot(sample.time * 1e3 + label * STEPS, sample.unit, "|k", markersize=3)
    raster.text((label + 0.5) * STEPS, 61, f"class {label}", ha="center", va="bottom")
    raster.axvline(label * STEPS, color="0.8", linewidth=0.8)
raster.set(xlabel="time (ms)", ylabel="input unit", xlim=(0, 3 * STEPS), ylim=(-1, 60))
curves.plot(100 * np.array(timed), "o-", markersize=3)
curves.plot(100 * np.array(untimed), "s-", markersize=3, color="0.5")
curves.text(4.9, 42, "spike trains", color="C0")
curves.text(epochs, 63, "numbers of spikes", color="0.5", ha="right")
curves.axhline(100 * (1 - 1 / CLASSES), color="0.7", linestyle=":", linewidth=1)
curves.annotate("chance", (epochs, 100 * (1 - 1 / CLASSES)), (0, 3), textcoords="offset points", ha="right")
curves.set(xlabel="epoch", ylabel="test error (%)", ylim=(0, 100))
out = Path(sys.argv[1] if len(sys.argv) > 1 else "spike_latencies.png")
figure.savefig(out, dpi=200)
print(f"test error {timed[-1]:.2%}, without times {untimed[-1]:.2%}; wrote {out}")
assert timed[-1] < (0.2 if quick else 0.1)  # chance is 75 %
assert untimed[-1] > 0.6
