"""A rule of one's own: the update follows a trace of the presynaptic spikes, not the spike of this step.

A rule is one expression. It can name every variable of the two populations, with ``_pre`` or ``_post``; so what a rule
needs to know is stated in the equations: here ``trace``, an exponential mean of a unit's spikes, a simple eligibility
trace as in e-prop (Bellec et al. 2020, Nature Communications 11:3625, https://doi.org/10.1038/s41467-020-17236-y).
Full run: about 10 seconds.
"""

import os

import spikefa as fa
from spikefa import datasets
from spikefa.diagnostics import evaluation

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
LAYER = """dv/dt = (I - v) / tau : 1
           I : 1
           p = 1 / (1 + exp(-v)) : 1
           psi = p * (1 - p) : 1
           dtrace/dt = (s - trace) / tau_trace : 1
           s : 1"""
INPUT = """x : 1
           dtrace/dt = (s - trace) / tau_trace : 1
           s : 1"""
RULE = "dW = -eta * delta_post * psi_post * trace_pre"

net = fa.Network(streams=20, seed=0)
tau = {"tau": net.clock.dt / 0.9, "tau_trace": 2 * net.clock.dt}
fa.Input(net, "image", 64, INPUT, namespace=tau)
for name in ("h1", "output"):
    fa.Layer(net, name, 200, LAYER, emit="s = int(rand() < p)", namespace=tau)
fa.feedback_alignment(
    net,
    namespace=tau,
    B=fa.uniform(0.3),
    error="du/dt = (layer_s - target - u) / tau : 1\ntarget : 1\ndelta : 1",
    feedback="du/dt = (J - u) / tau : 1\nJ : 1\ndelta : 1",
)
rule = fa.Plasticity(RULE, {"eta": 4e-3})
fa.Projection(net, "image", "h1", fa.uniform(0.2), plasticity=rule)
fa.Projection(net, "h1", "output", fa.uniform(0.2), plasticity=rule)
fa.classification_task(net, steps_per_image=5, classes=10)

digits = datasets.load("digits")
for _ in range(6 if QUICK else 25):
    net.stimulus.show_images(digits.train_images[:1420], digits.train_labels[:1420])
    net.run_steps(5 * 1420 // 20)
wrong = evaluation.error(net, digits.test_images, digits.test_labels, steps=20)
print(f"test error {wrong:.1%}")
assert wrong < (0.4 if QUICK else 0.2)  # chance is 90 %
