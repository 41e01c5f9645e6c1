"""Lesions, clamps and a close look: what silenced, driven and watched units tell of a network that has learned digits.

Shows: weights of chosen synapses while they learn; the test error the more hidden units are silenced, and without any
of one projection's current; the potential of a clamped unit beside that of another; and what the network answers while
output units of one class are driven. Full run: less than a minute. Writes ``lesions.png`` here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _study import QUICK, save, tidy
from brian2 import StateMonitor, ms
from matplotlib.figure import Figure

import spikefa as fa
from spikefa.plotting.style import STYLE

EPOCHS, IMAGES, STEPS = (3, 600, 10) if QUICK else (10, 1420, 10)
FRACTIONS = (0, 0.9) if QUICK else (0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
NEURON = """dv/dt = (I - v) / (1.1*ms) : 1
            I : 1
            p = 1 / (1 + exp(-v)) : 1
            s : 1"""
digits = fa.datasets.load("digits")
net = fa.Network(streams=20, seed=0, target="numpy")
fa.Input(net, "image", 64)
for name in ("h1", "output"):
    fa.Layer(net, name, 200, NEURON, emit="s = int(rand() < p)")
fa.feedback_alignment(
    net,
    B=fa.uniform(0.3),
    error="du/dt = (layer_s - target - u) / (1.1*ms) : 1\ntarget : 1\ndelta : 1",
    feedback="du/dt = (J - u) / (1.1*ms) : 1\nJ : 1\ndelta : 1",
)
rule = fa.Plasticity("dW = -0.006 * delta_post * p_post * (1 - p_post) * s_pre")
fa.Projection(net, "image", "h1", fa.uniform(0.4), plasticity=rule)
fa.Projection(net, "h1", "output", fa.uniform(0.2), plasticity=rule)
fa.classification_task(net, steps_per_image=STEPS, classes=10)


def test(images=digits.test_images, labels=digits.test_labels):
    """Return the test error (%)."""
    return 100 * fa.error(net, images, labels, steps=2 * STEPS)


watched = fa.WeightMonitor(net, "h1_to_output", [(unit, 0) for unit in range(5)], every=10)
for _ in range(EPOCHS):
    net.stimulus.show_images(digits.train_images[:IMAGES], digits.train_labels[:IMAGES])
    net.run_steps(STEPS * IMAGES // net.streams)

errors = []
order = np.random.default_rng(0).permutation(200)
for fraction in FRACTIONS:
    silenced = fa.Clamp(net, "h1", "s", units=np.isin(np.arange(200), order[: round(200 * fraction)]), value=0)
    errors.append(test())
    silenced.active = False
net["h1_to_output"].active = False
cut = test()
net["h1_to_output"].active = True

driven = fa.Clamp(net, "output", "v", units=np.arange(60, 80), value=5)  # those of the class 3
answers = fa.predict(net, digits.test_images, steps=2 * STEPS)
driven.active = False

start = net.t
fa.Clamp(net, "h1", "v", units=[0], value=1, start=start + 20 * ms, stop=start + 40 * ms)
potentials = StateMonitor(net["h1"], "v", record=net["h1"].index([0, 1], stream=0), when="end")
net.add(potentials)
net.stimulus.show_images(digits.test_images[:120])
net.run(60 * ms)

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(8.4, 2.7), dpi=150, layout="constrained")
    learning, lesions, clamped = figure.subplots(1, 3)
    learning.plot(watched.steps, watched.weights, linewidth=0.8)
    learning.set(xlabel="Time (ms)", ylabel="Weights of five synapses")
    lesions.plot(100 * np.array(FRACTIONS), errors, "o-", markersize=3)
    lesions.axhline(cut, color="0.6", linestyle=":")
    lesions.annotate("projection inactive", (0, cut), (0, -10), textcoords="offset points", color="0.4")
    lesions.set(xlabel="Silenced hidden units (%)", ylabel="Test error (%)", ylim=(0, 100))
    time = (potentials.t - start) / ms
    for row, label in zip(potentials.v, ("clamped from 20 to 40 ms", "free"), strict=True):
        clamped.plot(time, row, linewidth=1, label=label)
    clamped.set(xlabel="Time (ms)", ylabel="Potential", ylim=(None, 11))
    clamped.legend(frameon=False)
    tidy(learning, lesions, clamped)
save(figure, __file__)
print(f"test error {errors[0]:.1f} %, with {FRACTIONS[-1]:.0%} silenced {errors[-1]:.1f} %, cut off {cut:.1f} %")
held = (time > 19.5) & (time < 39.5)
assert errors[0] < (60 if QUICK else 15) < errors[-1] and cut > 80  # chance is 90 %
assert (answers == 3).mean() > 0.95
assert np.allclose(potentials.v[0][held], 1) and np.ptp(potentials.v[0][~held]) > 0.5
