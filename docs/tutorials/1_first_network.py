"""
1. A first network
==================

You build a spiking network from its parts, and watch it learn 8 x 8 digits through fixed random feedback weights
(Lillicrap et al. 2016). All data are bundled.
"""

# %%
# Neurons
# -------
#
# A population is stated as Brian2 equations. This neuron integrates its input ``I``, and spikes in each step with a
# probability that grows with its potential ``v``. ``psi`` is the slope of that probability, which the rule needs.

import os

import matplotlib.pyplot as plt
import numpy as np

import spikefa as fa

QUICK = bool(
    os.environ.get("SPIKEFA_QUICK")
)  # short runs, to see that the tutorial works

NEURON = """
dv/dt = (I - v) / tau : 1
I : 1
p = 1 / (1 + exp(-v)) : 1
psi = p * (1 - p) : 1
s : 1
"""

net = fa.Network(streams=20, seed=0)  # shows 20 images at once
tau = {"tau": net.clock.dt / 0.9}

# %%
# The input has one unit a pixel. By default a unit spikes with the probability of its pixel. Two layers follow.
# ``emit`` is what a unit does in each step.

fa.Input(net, "image", 64)
fa.Layer(
    net, "h1", 200, NEURON, emit="s = int(rand() < p)", namespace=tau
)
fa.Layer(
    net, "output", 200, NEURON, emit="s = int(rand() < p)", namespace=tau
)

# %%
# Feedback
# --------
#
# The error population holds output minus target, low-pass filtered. A feedback population brings it to the hidden
# layer, through weights ``B`` that are random and never change. Each sends ``delta = tanh(u)``.

fa.feedback_alignment(
    net,
    error="du/dt = (layer_s - target - u) / tau : 1\ntarget : 1\ndelta : 1",
    feedback="du/dt = (J - u) / tau : 1\nJ : 1\ndelta : 1",
    B=fa.uniform(0.3),
    namespace=tau,
)

# %%
# Synapses that learn
# -------------------
#
# The rule multiplies what a synapse can know: the error at the postsynaptic unit, its slope, and the presynaptic spike.

rule = fa.Plasticity(
    "dW = -eta * delta_post * psi_post * s_pre", {"eta": 4e-3}
)
fa.Projection(net, "image", "h1", fa.uniform(0.2), plasticity=rule)
fa.Projection(net, "h1", "output", fa.uniform(0.2), plasticity=rule)
fa.classification_task(net, steps_per_image=5, classes=10)
print(net)

# %%
# Learning
# --------
#
# Each image is shown for five steps. Nothing pauses: forward activity, feedback and plasticity run in every step. We
# measure the test error after each epoch. The measurement leaves no trace in the network.

digits = fa.datasets.load("digits")
images, labels = (
    digits.train_images[:1420],
    digits.train_labels[:1420],
)  # a multiple of 20 streams
errors = [fa.error(net, digits.test_images, digits.test_labels, steps=20)]
for _ in range(5 if QUICK else 25):
    net.stimulus.show_images(images, labels)
    net.run_steps(5 * len(images) // net.streams)
    errors.append(
        fa.error(net, digits.test_images, digits.test_labels, steps=20)
    )

fig, ax = plt.subplots(figsize=(4.5, 3), layout="constrained")
ax.plot(errors, marker="o")
ax.axhline(0.9, color="0.6", linestyle="--")
ax.text(
    len(errors) - 1, 0.87, "chance", ha="right", va="top", color="0.4"
)
ax.set(xlabel="Epoch", ylabel="Test error", ylim=(0, 1))
print(f"test error {errors[-1]:.1%}")

# %%
# What the feedback did
# ---------------------
#
# The feedback weights are random. Yet errors fall, since the forward weights turn until they point in similar
# directions as the transposed feedback weights. The angle between the two starts near 90 degrees.

W = net["h1_to_output"].W  # (200 hidden, 200 output units)
B = next(
    p for p in net.projections if p.post.name == "feedback_h1"
).W  # (200 output, 200 hidden units)
angle = fa.metrics.angle(W, B.T)
print(f"angle between W and the transposed B: {angle:.0f} degrees")

# %%
# Outputs of a class share their error, so the paths from whole classes are what counts:

classes = np.arange(200) // 20
of_classes = np.stack(
    [
        [W[:, classes == c].sum(axis=1) for c in range(10)],
        [B[classes == c].sum(axis=0) for c in range(10)],
    ]
)
print(
    f"angle of the paths from the ten classes: {fa.metrics.angle(*of_classes):.0f} degrees"
)

assert errors[-1] < 0.5 < errors[0] and angle < 90

# %%
# Next
# ----
#
# * :doc:`2_write_a_rule` changes the rule.
# * :doc:`/explanation/step` says in which order the parts of a step run.
