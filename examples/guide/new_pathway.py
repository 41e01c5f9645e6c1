"""A pathway of one's own: direct feedback through few synapses, registered under a name.

Each hidden unit receives the errors of one in ten output units. Sparse direct feedback is that of Crafton, Parihar,
Gebhardt & Raychowdhury (2019), Frontiers in Neuroscience 13:525, https://doi.org/10.3389/fnins.2019.00525. A pathway is
a function that adds the error population, a feedback population for each hidden layer, and projections between them.
Models that have a parameter `pathway` take it, too. Full run: about 10 seconds.
"""

import os

import spikefa as fa
from spikefa import datasets
from spikefa.diagnostics import evaluation
from spikefa.pathways import pathways

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
LAYER = """dv/dt = (I - v) / tau : 1
           I : 1
           p = 1 / (1 + exp(-v)) : 1
           psi = p * (1 - p) : 1
           s : 1"""


@pathways.register("sparse_direct")
def sparse_direct_feedback(network, *, error, feedback, B, fraction=0.1, emit="delta = tanh(u)", namespace=None):
    """Add the pathway; B draws the feedback weights, of which a fraction exists."""
    *hidden, top = network.layers
    errors = fa.ErrorPopulation(network, f"error_{top.name}", top, error, emit=emit, namespace=namespace)
    projections = []
    for layer in hidden[::-1]:
        name = f"feedback_{layer.name}"
        below = fa.FeedbackPopulation(network, name, layer, feedback, emit=emit, namespace=namespace)
        projections.append(fa.Projection(network, errors, below, B, mask=fa.random_connectivity(fraction)))
    return projections


net = fa.Network(streams=20, seed=0)
tau = {"tau": net.clock.dt / 0.9}
fa.Input(net, "image", 64)
for name in ("h1", "output"):
    fa.Layer(net, name, 200, LAYER, emit="s = int(rand() < p)", namespace=tau)
error = "du/dt = (layer_s - target - u) / tau : 1\ntarget : 1\ndelta : 1"
feedback = "du/dt = (J - u) / tau : 1\nJ : 1\ndelta : 1"
pathways["sparse_direct"](net, error=error, feedback=feedback, B=fa.uniform(0.6), namespace=tau)
rule = fa.Plasticity("dW = -eta * delta_post * psi_post * s_pre", {"eta": 4e-3})
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
