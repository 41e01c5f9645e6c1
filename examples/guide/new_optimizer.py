"""An optimizer of one's own: weights move by the sign of a momentum.

Signum of Bernstein, Wang, Azizzadenesheli & Anandkumar (2018), https://arxiv.org/abs/1802.04434: every synapse moves by
the same amount. The network gathers ``change = carried * change + dW``, the optimizer moves the weights by it;
`brian2_code` states the same for the reference on stock Brian2. Full run: about 10 seconds.
"""

import os
from dataclasses import dataclass

import numpy as np

import spikefa as fa
from spikefa import datasets
from spikefa.diagnostics import evaluation
from spikefa.plasticity.optimizers import Optimizer, optimizers

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
UNIT = "p = 1 / (1 + exp(-I)) : 1\nI : 1\npsi = p * (1 - p) : 1\ns : 1"


@optimizers.register("signum")
@dataclass(frozen=True)
class Signum(Optimizer):
    """``v = momentum * v + dW; W += lr * sign(v)``."""

    momentum: float = 0.9
    scales_move = True  # dW is without the learning rate

    carried = property(lambda self: self.momentum)

    def move(self, weights, change, memories, counters, lr):
        """``W += lr * sign(v)``."""
        weights += np.asarray(lr, weights.dtype) * np.sign(change)

    def brian2_code(self, weight, update, names, lr):
        """Return the step as statements of Brian2."""
        v = names["change"]
        return f"{v} = {self.momentum} * {v} + {update}\n{weight} = {weight} + {lr} * sign({v})"


net = fa.Network(streams=20, seed=0)
fa.Input(net, "image", 64)
for name in ("h1", "output"):
    fa.Layer(net, name, 200, UNIT, emit="s = int(rand() < p)")
sent = {"emit": "delta = tanh(J)", "emit_error": "delta = layer_s - target"}
fa.feedback_alignment(net, B=fa.uniform(0.3), error="target : 1\ndelta : 1", feedback="J : 1\ndelta : 1", **sent)
rule = fa.Plasticity("dW = -delta_post * psi_post * s_pre", optimizer=optimizers["signum"](0.9), lr=1e-3)
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
