"""A convolutional network whose feedback weights lead from the output to each layer and are learned by perturbation.

Lansdell, Prakash & Kording (2020). Learning to solve the credit assignment problem. International Conference on
Learning Representations. https://doi.org/10.48550/arXiv.1906.00889

Reproduces: the network of its Table 1: convolutions of 3 x 3, 5 x 5 and 5 x 5 with 32, 128 and 256 maps, each followed
by maxima over 3 x 3, two apart; two layers of 2048 units, half of which are silent at a time; a softmax. The error goes
to each layer directly, ``d_l = (d_output @ B_l) * f'``, and the weights learn by Adam. By the parameter ``pathway``:

* ``node_perturbation_feedback``: noise xi of standard deviation c on the outputs of all hidden layers changes the loss,
  and B learns to predict it, ``B -= eta_feedback * d_output^T (d_output @ B - xi_l (L~ - L) / c^2)``.
* ``direct``: B stays as it is (direct feedback alignment, DFA).
* ``synthetic_gradients``: B learns to predict the true gradient (SG), by the same rule without its noise.
* ``backprop``: the error goes back through the network.

The preset ``reduced`` has 16, 32 and 64 maps and 128 units a layer, which learn on one core.

Deviations from the paper, and guesses:

* Hidden units are tanh units, windows are padded so that maps keep their size, weights begin normal with a variance of
  one by the number of presynaptic units, and B normal with standard deviation `feedback_sd`: all guessed.
* The maxima are layers of their own. They, too, have noise in the copy, and feedback weights, of which nothing learns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np

import spikefa as fa
from spikefa.errors import ArgumentError

INPUT = "y : 1   # what is shown"
MAPS = """
v = I : 1                                          # potential
I : 1                                              # y_below @ W + b
y : 1                                              # rate
psi = {derivative} : 1                             # dy/dv
"""
UNITS = """
v = I : 1
I : 1
r = tanh(v) : 1                                    # rate of the unit were it not silent
drop : 1 (shared)                                  # probability that a unit is silent; 0 in evaluations
kept : 1                                           # 0, or 1 / (1 - drop)
y : 1
psi = (1 - r**2) * kept : 1
"""
DROPPED = "kept = int(rand() >= drop) / (1 - drop)\ny = r * kept"
OUTPUT = "I : 1\ny : 1"
ERROR = "target : 1\ndelta : 1"
ERROR_SENT = "delta = layer_y - target"  # with the softmax, the derivative of the cross-entropy
FEEDBACK = "J : 1\ndelta : 1"
MODULATION = "delta = J * layer_psi"
LOSS = "-target * log(layer_y + 1e-12)"
RULE = "dW = -delta_post * y_pre"
#: Sides of the windows of the convolutions, and of a maximum with the distance of its windows.
FIELDS, POOL = (3, 5, 5), (3, 2)


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters; widths are the published ones."""

    grid: tuple[Annotated[int, fa.Range(1)], ...] = (3, 32, 32)
    """Colours, height and width of an image."""
    maps: tuple[Annotated[int, fa.Range(1)], ...] = (32, 128, 256)
    """Maps of each convolution, three at most."""
    hidden: tuple[Annotated[int, fa.Range(1)], ...] = (2048, 2048)
    """Units of each layer after them."""
    classes: Annotated[int, fa.Range(1)] = 10
    """Output units, one a class."""
    pathway: Annotated[
        Literal["node_perturbation_feedback", "direct", "backprop", "synthetic_gradients"],
        fa.OrRegistered("spikefa.pathways"),
    ] = "node_perturbation_feedback"
    """Feedback weights that node perturbation learns, that stay, the network's own, or that learn from the gradient."""
    eta: Annotated[float, fa.Range(0)] = 1e-3
    """Adam's learning rate."""
    eta_feedback: Annotated[float, fa.Range(0)] = 1e-4
    """Learning rate of the feedback weights, for the update summed over the images."""
    feedback_sd: Annotated[float, fa.Range(0)] = 0.01
    """Standard deviation of the feedback weights at the start; Adam makes updates of one size of it."""
    noise: Annotated[float, fa.Range(0, open_low=True)] = 0.067
    """Standard deviation c of the noise on the hidden units' outputs."""
    dropout: Annotated[float, fa.Range(0, 1, open_high=True)] = 0.5
    """Fraction of the units of the layers after the convolutions that are silent, drawn anew for each image."""
    test_steps: Annotated[int, fa.Range(1)] = 1
    """Steps for which an example is shown in a test."""
    streams: Annotated[int, fa.Range(1)] = 64
    """Images shown at once, a batch, unless the command line says how many."""
    epochs: Annotated[int, fa.Range(0)] = 20
    """Passes over the training images, unless the command line says how many."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if not 1 <= len(self.maps) <= len(FIELDS):
            self.refuse("maps", f"be those of one to {len(FIELDS)} convolutions")
        if not self.hidden:
            self.refuse("hidden", "name at least one layer")
        if len(self.grid) != 3:
            self.refuse("grid", "be colours, height and width")
        try:
            self.layers  # noqa: B018
        except ArgumentError:
            self.refuse("maps", f"be fewer for an image of {self.grid[1]} x {self.grid[2]}")

    @property
    def layers(self) -> dict[str, int | tuple[int, int, int]]:
        """Units of each layer by its name, from the first convolution to the output."""
        grid, layers = self.grid, {}
        for number, (maps, field) in enumerate(zip(self.maps, FIELDS, strict=False), 1):
            layers[f"conv{number}"] = grid = fa.map_units(grid, field, padding=field // 2, maps=maps)
            layers[f"pool{number}"] = grid = fa.map_units(grid, POOL[0], stride=POOL[1])
        layers |= {f"h{number}": units for number, units in enumerate(self.hidden, 1)}
        return layers | {"output": self.classes}


PRESETS = {"reduced": {"maps": (16, 32, 64), "hidden": (128, 128)}}
DATA = {None: "cifar10-jpeg", "reduced": "cifar10-jpeg"}


def sizes(params: Params, dataset: fa.datasets.Dataset) -> dict:
    """Parameters that follow from the data: the image and the classes."""
    return {"grid": dataset.grid, "classes": dataset.classes or params.classes}


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype, target=params.target)
    fa.Input(net, "image", params.grid, INPUT, emit="", stimulus_variable="y", output="y", threshold=None)
    for name, units in params.layers.items():
        _add_layer(net, name, units)
    fa.Softmax(net, "output", "I")
    _add_pathway(net, params)
    rule = fa.Plasticity(RULE, optimizer=fa.Adam(), lr=params.eta)
    for below, above in pairwise(["image", *params.layers]):
        if above.startswith("conv"):
            field = FIELDS[int(above.removeprefix("conv")) - 1]
            fa.convolution(net, below, above, _weights, field=field, padding=field // 2, plasticity=rule)
        elif above.startswith("pool"):
            fa.pooling(net, below, above, "max", field=POOL[0], stride=POOL[1])
        else:
            fa.Projection(net, below, above, _weights, plasticity=rule)
    fa.classification_task(net, 1, params.classes)
    for layer in net.hidden:
        if layer.name.startswith("h"):
            layer.drop = params.dropout
            layer.set_in_evaluations(drop=0)
    return net


def _add_layer(net: fa.Network, name: str, units: int | tuple[int, int, int]) -> None:
    if name == "output":
        equations, emit = OUTPUT, ""
    elif name.startswith("h"):
        equations, emit = UNITS, DROPPED
    elif name.startswith("pool"):
        equations, emit = MAPS.format(derivative="1"), "y = v"
    else:
        equations, emit = MAPS.format(derivative="1 - y**2"), "y = tanh(v)"
    fa.Layer(net, name, units, equations, emit=emit, output="y", threshold=None)


def _add_pathway(net: fa.Network, params: Params) -> None:
    fa.add_pathway(
        net,
        params.pathway,
        error=ERROR,
        emit_error=ERROR_SENT,
        feedback=FEEDBACK,
        emit=MODULATION,
        B=fa.normal(params.feedback_sd),
        loss=LOSS,
        noise=params.noise,
        eta=params.eta_feedback,
        direct=True,
    )


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return fa.normal(1 / math.sqrt(math.prod(shape[:-1])))(rng, shape)
