"""Activation relaxation: feedback that relaxes, unit by unit, to the gradient that backpropagation would compute.

Millidge, Tschantz, Seth & Buckley (2020). Activation relaxation: a local dynamical approximation to backpropagation in
the brain. https://doi.org/10.48550/arXiv.2009.05359

Reproduces: MNIST with 784-300-300-100-10, rectifiers and linear outputs, squared errors, batches of 64. Once an image's
forward activity y is there, each hidden layer's x starts at y and relaxes for 100 steps, while the output's is held at
the error,

    ``x_l <- x_l + 0.1 * (-x_l + (x_above * f'_above) @ M)``,  x_output = y_output - target,

to the gradient with respect to y; then the weights learn once, ``W -= eta * y_below^T (x * f')``, summed over the
batch. By the parameter ``pathway``:

* ``relaxation``: M is the transposed forward weights of the layer above.
* ``learned``: M are backward weights of their own, which learn by the forward weights' updates, transposed.
* ``fixed``: M are backward weights that do not learn.
* ``backprop``: in one step.

With ``derivative=False``, ``f'`` is left out of the relaxation, and only there.

Also of the paper: softmax outputs with cross-entropy (``loss``, its Fig. 5), whose x_output is the same, and networks
with branches and skips (``connections``, its appendix A), in which a layer relaxes to the sum over the layers that it
projects to.

Deviations from the paper and its code: all layers relax at once, from the state before the step, where the code uses
what it has just changed; f' has the bias in its argument, and biases learn. Feedback runs on in each step of the
network, as everything does here, and the forward activity is computed again in each, to the same values.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Annotated, Literal

import spikefa as fa

INPUT = "y : 1   # what is shown"
LAYER = """
v = I : 1                                               # potential
I : 1                                                   # y_below @ W + b
y : 1                                                   # rate
psi = {derivative} : 1                                  # f'
last = int(t_in_timesteps % steps == steps - 1) : 1     # 1 in the last step of an image, in which weights learn
"""
UNITS = {"rectifier": ("v * int(v > 0)", "int(v > 0)"), "tanh": ("tanh(v)", "1 - y**2"), "linear": ("v", "1")}
# What backward weights need of a layer, for its forward weights' update.
KNOWN = """
y = layer_y : 1
psi = layer_psi : 1
last = layer_last : 1
"""
ERROR = """
target : 1
delta : 1
"""
ERROR_SENT = "delta = layer_y - target"
RELAXING = """
dx/dt = (J - x) / tau : 1
J : 1                                                   # delta_above @ M
delta : 1                                               # what is sent down
first = int(t_in_timesteps % steps == 0) : 1
"""
# Before the integration: all layers receive the state before the step.
RELAX = """
x = x + first * (layer_y - x)
delta = x * layer_psi
"""
RELAX_PLAIN = RELAX.replace(" * layer_psi", "")
BACKPROPAGATING = "J : 1\ndelta : 1"
BACKPROPAGATED = "delta = J * layer_psi"

RULE = "dW = -eta * last_post * delta_post * y_pre"
PLAIN_RULE = "dW = -eta * last_post * delta_post * psi_post * y_pre"  # if delta is without f'


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters, with the published values."""

    sizes: tuple[Annotated[int, fa.Range(1)], ...] = (784, 300, 300, 100, 10)
    """Units of each layer: input, hidden layers, output."""
    units: Literal["rectifier", "tanh"] = "rectifier"
    """Hidden units; the output is linear."""
    pathway: Literal["relaxation", "learned", "fixed", "backprop"] = "relaxation"
    """The backward weights: relaxation (the transposed forward ones), learned or fixed; or backprop, in one step."""
    derivative: bool = True
    """Whether f' is in the relaxation."""
    relaxation: Annotated[int, fa.Range(1)] = 100
    """Steps of the relaxation."""
    relaxation_step: Annotated[float, fa.Range(0, 1, open_low=True)] = 0.1
    """How far x goes in each of these steps; with 1, all the way."""
    weight_sd: Annotated[float, fa.Range(0)] = 0.05
    """Standard deviation of forward and backward weights at the start."""
    eta: Annotated[float, fa.Range(0)] = 5e-4
    """Learning rate, for the update summed over the images of a batch, which are the streams."""
    loss: Literal["squared_error", "cross_entropy"] = "squared_error"
    """Of linear outputs, or of the softmax of the outputs' potentials."""
    connections: tuple[str, ...] | None = None
    """Forward projections, each as ``below-above``, such as ``image-h1, h1-h2, h1-output, h2-output``; a layer may
    project to any later one, and several may project to it. None: each layer to the next."""
    classes: Annotated[int, fa.Range(1)] | None = 10
    """Number of classes; none for a regression, whose targets are values."""
    test_steps: Annotated[int, fa.Range(1)] = 1
    """Steps for which an example is shown in a test."""
    streams: Annotated[int, fa.Range(1)] = 64
    """Images shown at once, a batch, unless the command line says how many."""
    epochs: Annotated[int, fa.Range(0)] = 50
    """Passes over the training images, unless the command line says how many."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if len(self.sizes) < 3:
            self.refuse("sizes", "name an input, a hidden layer and an output, at least")
        if not self.derivative and self.pathway == "backprop":
            self.refuse("derivative", "be true with backprop")
        if self.loss == "cross_entropy" and self.classes is None:
            self.refuse("loss", "be squared_error in a regression")
        if self.connections is not None:
            self._check_connections()

    @property
    def names(self) -> list[str]:
        """Names of the layers, the input's first."""
        return ["image", *(f"h{number}" for number in range(1, len(self.sizes) - 1)), "output"]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Forward projections, from below to above."""
        if self.connections is None:
            return list(pairwise(self.names))
        return [tuple(connection.split("-")) for connection in self.connections]

    def _check_connections(self) -> None:
        names, pairs = self.names, self.pairs
        for pair in pairs:
            if pair not in list(combinations(names, 2)):
                self.refuse("connections", f"be of two of {', '.join(names)}, the lower one first")
        if len(set(pairs)) < len(pairs):
            self.refuse("connections", "name no projection twice")
        if {below for below, _ in pairs} != set(names[:-1]) or {above for _, above in pairs} != set(names[1:]):
            self.refuse("connections", "lead from each layer but the output, and to each but the image")


def _relaxing_pathway(net: fa.Network, params: Params, rule: fa.Plasticity, constants: dict) -> None:
    error, top = ERROR + KNOWN, net.layers[-1]
    populations = {top.name: fa.ErrorPopulation(net, "error_output", top, error, emit=ERROR_SENT, namespace=constants)}
    swapped = rule.rule.replace("y_pre", "y_below").replace("_post", "_pre").replace("y_below", "y_post")
    backward = fa.Plasticity(swapped, rule.constants) if params.pathway == "learned" else None
    for layer in net.hidden[::-1]:
        feedback = fa.FeedbackPopulation(
            net,
            f"feedback_{layer.name}",
            layer,
            RELAXING + KNOWN,
            emit="",
            namespace=constants,
            receive=RELAX if params.derivative else RELAX_PLAIN,
        )
        for name in [above for below, above in params.pairs if below == layer.name]:
            if params.pathway == "relaxation":
                fa.TiedProjection(net, populations[name], feedback, f"{layer.name}_to_{name}", transpose=True)
            else:
                W = fa.normal(params.weight_sd)
                fa.Projection(net, populations[name], feedback, W, plasticity=backward, learn_bias=False)
        populations[layer.name] = feedback


def sizes(params: Params, dataset: fa.datasets.Dataset) -> dict:
    """Parameters that follow from the data: the input, the output, and the number of classes, if there are any."""
    if params.classes and dataset.classes:
        return {
            "sizes": (dataset.train_images.shape[1], *params.sizes[1:-1], dataset.classes),
            "classes": dataset.classes,
        }
    last = params.sizes[-1] if dataset.train_targets is None else dataset.train_targets.shape[1]
    return {"sizes": (dataset.train_images.shape[1], *params.sizes[1:-1], last)}


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype, target=params.target)
    steps = 1 if params.pathway == "backprop" else params.relaxation + 1
    constants = {"steps": steps, "tau": net.clock.dt / params.relaxation_step}
    limits = (0, 1) if params.classes else None
    fa.Input(
        net, "image", params.sizes[0], INPUT, emit="", stimulus_variable="y", output="y", threshold=None, limits=limits
    )
    softmax = params.loss == "cross_entropy"
    for name, units in zip(params.names[1:], params.sizes[1:], strict=True):
        rate, derivative = UNITS["linear" if name == "output" else params.units]
        fa.Layer(
            net,
            name,
            units,
            LAYER.format(derivative=derivative),
            emit="" if softmax and name == "output" else f"y = {rate}",
            output="y",
            threshold=None,
            namespace=constants,
        )
    if softmax:
        fa.Softmax(net, "output", "I")
    rule = fa.Plasticity(RULE if params.derivative else PLAIN_RULE, {"eta": params.eta})
    if params.pathway == "backprop":
        strings = {"error": ERROR, "emit_error": ERROR_SENT, "feedback": BACKPROPAGATING, "emit": BACKPROPAGATED}
        fa.backprop(net, **strings, connections=[pair for pair in params.pairs if pair[0] != "image"])
    else:
        _relaxing_pathway(net, params, rule, constants)
    for below, above in sorted(params.pairs, key=lambda pair: params.names.index(pair[1])):
        fa.Projection(net, below, above, fa.normal(params.weight_sd), plasticity=rule)
    if params.classes:
        fa.classification_task(net, steps, params.classes)
    else:
        fa.regression_task(net, steps)
    return net
