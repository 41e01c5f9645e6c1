"""
2. Read and write a rule
========================

A plasticity rule is one expression. You read the published rule term by term, write two rules of your own, and compare
the three on the same task.
"""

# %%
# Read a rule
# -----------
#
# ``dW = -eta * delta_post * psi_post * s_pre - gamma * W``
#
# * ``s_pre`` is a variable of the presynaptic population: its spike in this step.
# * ``psi_post`` is a variable of the postsynaptic population.
# * ``delta_post`` is the error that the postsynaptic unit's feedback population holds.
# * ``eta`` and ``gamma`` are constants of the rule. ``W`` is the weight, so the last term is decay.
#
# spikefa expands the rule into a sum. A term ``f(pre) * g(post)`` runs as one matrix product over all streams.

import os

import matplotlib.pyplot as plt
import numpy as np

import spikefa as fa

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
digits = fa.datasets.load("digits")

# %%
# What a rule needs to know stands in the equations. These neurons also keep ``trace``, a running mean of their spikes.

TRACE = "dtrace/dt = (s - trace) / (2*ms) : 1\n"
NEURON = (
    TRACE
    + """
dv/dt = (I - v) / (1.1*ms) : 1
I : 1
p = 1 / (1 + exp(-v)) : 1
psi = p * (1 - p) : 1
s : 1
"""
)
INPUT = TRACE + "x : 1\ns : 1"
ERROR = (
    "du/dt = (layer_s - target - u) / (1.1*ms) : 1\ntarget : 1\ndelta : 1"
)
FEEDBACK = "du/dt = (J - u) / (1.1*ms) : 1\nJ : 1\ndelta : 1"


def learned(rule, eta, epochs, seed=0):
    """Train a network with a rule; return its test error after each epoch."""
    net = fa.Network(streams=20, seed=seed)
    fa.Input(net, "image", 64, INPUT)
    for name in ("h1", "output"):
        fa.Layer(net, name, 200, NEURON, emit="s = int(rand() < p)")
    fa.feedback_alignment(
        net, error=ERROR, feedback=FEEDBACK, B=fa.uniform(0.3)
    )
    plasticity = fa.Plasticity(rule, {"eta": eta})
    fa.Projection(
        net, "image", "h1", fa.uniform(0.2), plasticity=plasticity
    )
    fa.Projection(
        net, "h1", "output", fa.uniform(0.2), plasticity=plasticity
    )
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


# %%
# Write a rule
# ------------
#
# The second rule follows the trace of presynaptic spikes, a simple eligibility trace. The third subtracts a half, so
# that a silent presynaptic unit, too, changes its synapse.

RULES = {
    "published": "dW = -eta * delta_post * psi_post * s_pre",
    "trace": "dW = -eta * delta_post * psi_post * trace_pre",
    "centred": "dW = -eta * delta_post * psi_post * (s_pre - 0.5)",
}
epochs = 3 if QUICK else 15
curves = {
    name: learned(rule, 4e-3, epochs) for name, rule in RULES.items()
}

fig, ax = plt.subplots(figsize=(4.5, 3), layout="constrained")
for name, errors in curves.items():
    ax.plot(range(1, epochs + 1), errors, marker="o", label=name)
ax.set(xlabel="Epoch", ylabel="Test error", ylim=(0, 0.95))
ax.legend(frameon=False)
for name, errors in curves.items():
    print(f"{name}: test error {errors[-1]:.1%}")

# %%
# One seed is no comparison of rules. :doc:`5_study` does it with several.
#
# Check a rule
# ------------
#
# A name that neither population has is refused, and the message says what exists:

try:
    learned("dW = -eta * delta_post * psy_post * s_pre", 4e-3, 1)
except fa.ArgumentError as error:
    print(error)

# %%
# A rule can be tested by hand. With one stream and one step, the update is the product of the terms:

net = fa.Network(streams=1, seed=1)
fa.Input(net, "pre", 3)
fa.Layer(net, "post", 2, "I : 1\ns : 1\nthird : 1", emit="s = 1")
synapses = fa.Projection(
    net,
    "pre",
    "post",
    np.zeros((3, 2)),
    plasticity=fa.Plasticity("dW = third_post * s_pre"),
)
net["pre"].view("x")[:] = [
    [1],
    [0],
    [1],
]  # the first and the last unit spike for sure
net["post"].view("third")[:] = [[10], [20]]
net.run_steps(1)
print(synapses.W)

assert (
    synapses.W.tolist() == [[10, 20], [0, 0], [10, 20]]
    and max(e[-1] for e in curves.values()) < 0.8
)

# %%
# Next
# ----
#
# * :doc:`/reference/rules` lists what a rule may contain.
# * An optimizer decides how weights move by updates: ``fa.Plasticity(rule, optimizer=fa.Momentum(0.9))``.
