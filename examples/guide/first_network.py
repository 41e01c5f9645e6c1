"""A spiking network that learns digits, built from its parts.

Feedback alignment after Lillicrap et al. (2016), https://doi.org/10.1038/ncomms13276, on 8 x 8 digits. Every
population is stated as Brian2 equations; forward activity, feedback and plasticity advance together in each
step. Full run: about 10 seconds.
"""

import os

import spikefa as fa
from spikefa import datasets
from spikefa.diagnostics import evaluation

LAYER = """dv/dt = (I - v) / tau : 1
           I : 1
           p = 1 / (1 + exp(-v)) : 1
           psi = p * (1 - p) : 1
           s : 1"""

net = fa.Network(streams=20, seed=0)
tau = {"tau": net.clock.dt / 0.9}
fa.Input(net, "image", 64)  # a unit spikes with the probability of its pixel
for name in ("h1", "output"):
    fa.Layer(net, name, 200, LAYER, emit="s = int(rand() < p)", namespace=tau)
fa.feedback_alignment(
    net,
    namespace=tau,
    B=fa.uniform(0.3),
    error="du/dt = (layer_s - target - u) / tau : 1\ntarget : 1\ndelta : 1",
    feedback="du/dt = (J - u) / tau : 1\nJ : 1\ndelta : 1",
)
rule = fa.Plasticity("dW = -eta * delta_post * psi_post * s_pre", {"eta": 4e-3})
fa.Projection(net, "image", "h1", fa.uniform(0.2), plasticity=rule)
fa.Projection(net, "h1", "output", fa.uniform(0.2), plasticity=rule)
fa.classification_task(net, steps_per_image=5, classes=10)

digits = datasets.load("digits")
for _ in range(6 if os.environ.get("SPIKEFA_QUICK") else 25):
    net.stimulus.show_images(digits.train_images[:1420], digits.train_labels[:1420])
    net.run_steps(5 * 1420 // 20)
error = evaluation.error(net, digits.test_images, digits.test_labels, steps=20)
print(f"test error {error:.1%}")
assert error < (0.4 if os.environ.get("SPIKEFA_QUICK") else 0.2)  # chance is 90 %
