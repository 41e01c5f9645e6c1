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

With ``closed_form=True`` the relaxation is computed in fewer steps. While an image is shown it is linear, so that its
state after n steps of rate r (`relaxation_step`) is a polynomial,

    ``x_n = sum_d P(d of n) S^d y + P(more than d of n) S^d G,   d < D``,

where y are the activities of all hidden layers; S is one step down, ``(x_above * f'_above) @ M`` for each hidden layer;
G is the same from the error; and D is how many hidden layers follow each other. P(d of n) is the probability of d
successes in n trials of probability r, C(n, d) r^d (1 - r)^(n - d). The highest power comes first (Horner's scheme).
What is sent and learned in the last step is the same but for rounding; before that they are partial sums. An image
takes D + 1 steps: of the published network 4 in the place of 101.

Also of the paper: softmax outputs with cross-entropy (``loss``, its Fig. 5), whose x_output is the same, and networks
with branches and skips (``connections``, its appendix A), in which a layer relaxes to the sum over the layers that it
projects to; and the convolutional network of its appendix C (the preset ``cnn``). The maxima over windows are layers,
too, which relax; what comes back to them goes to the winners. Learned backward weights through a convolution are those
of a transposed one.

Deviations from the paper and its code: all layers relax at once, from the state before the step, where the code uses
what it has just changed; f' has the bias in its argument, and biases learn. Feedback runs on in each step of the
network, as everything does here, and the forward activity is the same in each. Of the
convolutional network the paper states the maps alone: windows of 5 x 5 without padding, and maxima over 2 x 2, are
guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Annotated, Literal

import numpy as np

import spikefa as fa
from spikefa.errors import ArgumentError

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
# Powers of a polynomial, see above, the highest first.
POLYNOMIAL = """
x : 1
J : 1                                                   # delta_above @ M
delta : 1                                               # what is sent down
"""
SEND = "delta = x * layer_psi"
NEXT_POWER = "x = ({of_activity}) * layer_y + J"
BACKPROPAGATING = "J : 1\ndelta : 1"
BACKPROPAGATED = "delta = J * layer_psi"

FIELD, POOL = 5, 2  # sides of a convolution's window and of a maximum's

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
    closed_form: bool = False
    """Whether the state after these steps is computed as a polynomial, in few steps; the same but for rounding."""
    weight_sd: Annotated[float, fa.Range(0)] = 0.05
    """Standard deviation of forward and backward weights at the start."""
    eta: Annotated[float, fa.Range(0)] = 5e-4
    """Learning rate, for the update summed over the images of a batch, which are the streams."""
    loss: Literal["squared_error", "cross_entropy"] = "squared_error"
    """Of linear outputs, or of the softmax of the outputs' potentials."""
    connections: tuple[str, ...] | None = None
    """Forward projections, each as ``below-above``, such as ``image-h1, h1-h2, h1-output, h2-output``; a layer may
    project to any later one, and several may project to it. None: each layer to the next."""
    convolutions: tuple[Annotated[int, fa.Range(1)], ...] = ()
    """Maps of convolutions of 5 x 5, each followed by a maximum over 2 x 2, between the input and the hidden layers of
    `sizes`."""
    grid: tuple[Annotated[int, fa.Range(1)], ...] = (1, 28, 28)
    """Maps, height and width of the input of convolutions."""
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
        if self.closed_form and self.pathway == "backprop":
            self.refuse("closed_form", "be false with backprop, which does not relax")
        if self.loss == "cross_entropy" and self.classes is None:
            self.refuse("loss", "be squared_error in a regression")
        if self.convolutions:
            self._check_convolutions()
        if self.connections is not None:
            self._check_connections()

    @property
    def layers(self) -> dict[str, int | tuple[int, int, int]]:
        """Units of each layer by its name, the input's first."""
        grid = self.grid
        layers: dict = {"image": grid if self.convolutions else self.sizes[0]}
        for number, maps in enumerate(self.convolutions, 1):
            layers[f"conv{number}"] = grid = fa.map_units(grid, FIELD, maps=maps)
            layers[f"pool{number}"] = grid = fa.map_units(grid, POOL, stride=POOL)
        layers |= {f"h{number}": units for number, units in enumerate(self.sizes[1:-1], 1)}
        return layers | {"output": self.sizes[-1]}

    @property
    def names(self) -> list[str]:
        """Names of the layers, the input's first."""
        return list(self.layers)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Forward projections, from below to above."""
        if self.connections is None:
            return list(pairwise(self.names))
        return [tuple(connection.split("-")) for connection in self.connections]

    @property
    def depth(self) -> int:
        """Number of hidden layers that follow each other, by the longest way."""
        longest = {name: 0 for name in self.names}
        for below, above in sorted(self.pairs, key=lambda pair: self.names.index(pair[1])):
            longest[above] = max(longest[above], longest[below] + 1)
        return longest[self.names[-1]] - 1

    @property
    def steps(self) -> int:
        """Steps for which an image is shown, in the last of which weights learn."""
        if self.pathway == "backprop":
            return 1
        return 1 + (self.depth if self.closed_form else self.relaxation)

    def _check_convolutions(self) -> None:
        if len(self.grid) != 3 or math.prod(self.grid) != self.sizes[0]:
            self.refuse("grid", f"be maps, height and width of {self.sizes[0]} units")
        if self.connections is not None:
            self.refuse("convolutions", "be left out with connections")
        try:
            self.layers  # noqa: B018
        except ArgumentError:
            self.refuse("convolutions", f"be fewer for an input of {self.grid[1]} x {self.grid[2]}")

    def _check_connections(self) -> None:
        names, pairs = self.names, self.pairs
        for pair in pairs:
            if pair not in list(combinations(names, 2)):
                self.refuse("connections", f"be of two of {', '.join(names)}, the lower one first")
        if len(set(pairs)) < len(pairs):
            self.refuse("connections", "name no projection twice")
        if {below for below, _ in pairs} != set(names[:-1]) or {above for _, above in pairs} != set(names[1:]):
            self.refuse("connections", "lead from each layer but the output, and to each but the image")


PRESETS = {
    # The network of appendix C. The learning rate and the relaxation are ours: after 100 steps of 0.1 the first
    # convolution, six layers below the error, has not forgotten its start.
    "cnn": {
        "sizes": (3072, 64, 120, 10),
        "convolutions": (32, 64),
        "grid": (3, 32, 32),
        "units": "tanh",
        "eta": 2e-3,
        "relaxation": 10,
        "relaxation_step": 0.9,
    },
}

DATA = {"cnn": "cifar10-jpeg"}


def _project(net: fa.Network, below: str, above: str, W: Callable, rule: fa.Plasticity) -> None:
    if above.startswith("conv"):
        fa.convolution(net, below, above, W, field=FIELD, plasticity=rule)
    elif above.startswith("pool"):
        fa.pooling(net, below, above, "max", field=POOL)
    else:
        fa.Projection(net, below, above, W, plasticity=rule)


def _by_step(values: Iterable[float]) -> str:
    return " + ".join(f"{float(value)!r} * int(t_in_timesteps % steps == {step})" for step, value in enumerate(values))


def _relaxing_pathway(net: fa.Network, params: Params, rule: fa.Plasticity, constants: dict) -> None:
    error, top = ERROR + KNOWN, net.layers[-1]
    relaxing, receive, emit, sent = RELAXING, RELAX, "", ERROR_SENT
    if params.closed_form:
        from scipy.stats import binom  # here, as importing it takes long

        powers = np.arange(params.depth - 1, -2, -1)  # the last, -1, sends the error as it is, for the weights
        of_activity, of_error = (f(powers, params.relaxation, params.relaxation_step) for f in (binom.pmf, binom.sf))
        relaxing, receive, emit = POLYNOMIAL, SEND, NEXT_POWER.format(of_activity=_by_step(of_activity))
        sent = f"delta = ({_by_step(of_error)}) * (layer_y - target)"
    if not params.derivative:
        receive = receive.replace(" * layer_psi", "")
    populations = {top.name: fa.ErrorPopulation(net, "error_output", top, error, emit=sent, namespace=constants)}
    swapped = rule.rule.replace("y_pre", "y_below").replace("_post", "_pre").replace("y_below", "y_post")
    backward = fa.Plasticity(swapped, rule.constants) if params.pathway == "learned" else None
    for layer in net.hidden[::-1]:
        feedback = fa.FeedbackPopulation(
            net,
            f"feedback_{layer.name}",
            layer,
            relaxing + KNOWN,
            emit=emit,
            namespace=constants,
            receive=receive,
        )
        for name in [above for below, above in params.pairs if below == layer.name]:
            W, own = fa.normal(params.weight_sd), {"plasticity": backward, "learn_bias": False}
            if params.pathway == "relaxation" or name.startswith("pool"):
                fa.TiedProjection(net, populations[name], feedback, f"{layer.name}_to_{name}", transpose=True)
            elif name.startswith("conv"):
                fa.convolution(net, populations[name], feedback, W, field=FIELD, transposed=True, **own)
            else:
                fa.Projection(net, populations[name], feedback, W, **own)
        populations[layer.name] = feedback


def sizes(params: Params, dataset: fa.datasets.Dataset) -> dict:
    """Parameters that follow from the data: the input, the output, and the number of classes, if there are any."""
    found = {"grid": dataset.grid} if params.convolutions else {}
    if params.classes and dataset.classes:
        return found | {
            "sizes": (dataset.train_images.shape[1], *params.sizes[1:-1], dataset.classes),
            "classes": dataset.classes,
        }
    last = params.sizes[-1] if dataset.train_targets is None else dataset.train_targets.shape[1]
    return found | {"sizes": (dataset.train_images.shape[1], *params.sizes[1:-1], last)}


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype, target=params.target)
    steps = params.steps
    constants = {"steps": steps, "tau": net.clock.dt / params.relaxation_step}
    limits = (0, 1) if params.classes else None
    layers = params.layers
    pixels = layers.pop("image")
    fa.Input(net, "image", pixels, INPUT, emit="", stimulus_variable="y", output="y", threshold=None, limits=limits)
    softmax = params.loss == "cross_entropy"
    for name, units in layers.items():
        rate, derivative = UNITS["linear" if name == "output" or name.startswith("pool") else params.units]
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
        _project(net, below, above, fa.normal(params.weight_sd), rule)
    if params.classes:
        fa.classification_task(net, steps, params.classes, in_phase=True)
    else:
        fa.regression_task(net, steps, in_phase=True)
    return net
