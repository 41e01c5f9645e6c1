"""
6. Your own neuron model
========================

You give the hidden units an adaptation current, look at its effect on one neuron, and train the network. Only equations
change.
"""

# %%
# An adaptive neuron
# ------------------
#
# ``w`` grows with each spike and decays slowly. It is subtracted from the input, so that a neuron that spikes often
# becomes less excitable. ``b`` is the strength of adaptation, a parameter of each unit.

import os

import matplotlib.pyplot as plt
import numpy as np
from brian2 import StateMonitor, ms

import spikefa as fa

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
ADAPTIVE = """
dv/dt = (I - w - v) / tau : 1
dw/dt = (b * s - w) / tau_w : 1
b : 1 (constant)
I : 1
p = 1 / (1 + exp(-v)) : 1
psi = p * (1 - p) : 1
s : 1
"""
CONSTANTS = {"tau": 1.1 * ms, "tau_w": 20 * ms}

# %%
# One neuron
# ----------
#
# A network of one input unit and one layer is enough to see it. The bias drives the neurons, all with the same input.

net = fa.Network(streams=1, seed=3)
fa.Input(net, "image", 1)
layer = fa.Layer(
    net,
    "h1",
    400,
    ADAPTIVE,
    emit="s = int(rand() < p)",
    namespace=CONSTANTS,
)
fa.Projection(
    net, "image", "h1", np.zeros((1, 400)), bias=np.full(400, 1.5)
)
layer.view("b")[200:] = 4  # the second half adapts
monitor = StateMonitor(layer, ["w", "s"], record=True)
net.add(monitor)
net.run_steps(120)

fig, (rate, adaptation) = plt.subplots(
    1, 2, figsize=(7.2, 2.8), layout="constrained"
)
for half, name in ((slice(0, 200), "b = 0"), (slice(200, 400), "b = 4")):
    rate.plot(monitor.t_ * 1000, monitor.s[half].mean(axis=0), label=name)
    adaptation.plot(
        monitor.t_ * 1000, monitor.w[half].mean(axis=0), label=name
    )
rate.set(
    xlabel="Time (ms)", ylabel="Spikes a step, mean of 200", ylim=(0, 1)
)
adaptation.set(xlabel="Time (ms)", ylabel="Adaptation w, mean of 200")
adaptation.legend(frameon=False)
late = monitor.s[:, 60:].mean(axis=1)
print(
    f"late rate: {late[:200].mean():.2f} without, {late[200:].mean():.2f} with adaptation"
)
assert late[200:].mean() < late[:200].mean() - 0.1

# %%
# Train it
# --------
#
# The neuron replaces the published one in the hidden layer. Rule and feedback stay as they are. The rule uses ``psi``
# of the neuron's own equations.


def learned(strength, epochs, seed=0):
    """Train a network whose hidden units adapt; return the test error after each epoch."""
    net = fa.Network(streams=20, seed=seed)
    fa.Input(net, "image", 64)
    hidden = fa.Layer(
        net,
        "h1",
        200,
        ADAPTIVE,
        emit="s = int(rand() < p)",
        namespace=CONSTANTS,
    )
    hidden.view("b")[:] = strength
    plain = "dv/dt = (I - v) / tau : 1\nI : 1\np = 1 / (1 + exp(-v)) : 1\npsi = p * (1 - p) : 1\ns : 1"
    fa.Layer(
        net,
        "output",
        200,
        plain,
        emit="s = int(rand() < p)",
        namespace=CONSTANTS,
    )
    fa.feedback_alignment(
        net,
        error="du/dt = (layer_s - target - u) / tau : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / tau : 1\nJ : 1\ndelta : 1",
        B=fa.uniform(0.3),
        namespace=CONSTANTS,
    )
    rule = fa.Plasticity(
        "dW = -eta * delta_post * psi_post * s_pre", {"eta": 4e-3}
    )
    fa.Projection(net, "image", "h1", fa.uniform(0.2), plasticity=rule)
    fa.Projection(net, "h1", "output", fa.uniform(0.2), plasticity=rule)
    fa.classification_task(net, steps_per_image=5, classes=10)
    errors = []
    for _ in range(epochs):
        net.stimulus.show_images(
            digits.train_images[:1420], digits.train_labels[:1420]
        )
        net.run_steps(5 * 1420 // 20)
        errors.append(
            fa.error(
                net, digits.test_images, digits.test_labels, steps=10
            )
        )
    return errors


digits = fa.datasets.load("digits")
epochs = 3 if QUICK else 15
fig, ax = plt.subplots(figsize=(4.5, 3), layout="constrained")
for strength in (0, 2, 8):
    errors = learned(strength, epochs)
    ax.plot(
        range(1, epochs + 1), errors, marker="o", label=f"b = {strength}"
    )
    print(f"b = {strength}: test error {errors[-1]:.1%}")
ax.set(xlabel="Epoch", ylabel="Test error", ylim=(0, 0.95))
ax.legend(frameon=False)
assert errors[-1] < 0.8

# %%
# Where to put it
# ---------------
#
# To use the neuron with ``spikefa train``, copy a model file and change its equations: :doc:`/howto/write_a_model`.
# Thresholds, resets, refractoriness and units work as in Brian2. ``Layer(..., threshold=..., reset=...)`` takes a
# neuron that spikes by a threshold.
