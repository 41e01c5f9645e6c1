"""Iterative temporal differencing: differences between batches in the place of the units' derivative.

Dargazany (2019). Iterative temporal differencing with random synaptic feedback weights support error backpropagation
for deep learning. https://doi.org/10.48550/arXiv.1907.07255

Reproduces: MNIST with 784-32-32-32-10, tanh, softmax and cross-entropy, batches of 50, images less their mean, with
``dW = -eta * y_below^T delta``, summed over the batch, and in the output layer delta = (y - target) / batch, of the
mean cross-entropy; if errors are multiplied, that is less than the mean of the images' updates. In a hidden layer,
with ``g = delta_above @ B``, and ``_last`` for the batch before, whose images are others:

* ``backprop``: g * (1 - y^2) with the transposed weights for B; ``alignment``: with fixed random B.
* ``itd_dy``: g * (g - g_last).
* ``itd_y``: g * (r - r_last), where r is the output layer's y, sent down as ``r = r_above @ B`` and by nothing else.
* ``itd_e``: the same with the error in the place of y, which is what the author's code computes as ITD-y.
* ``itd_h``: g * (y - y_last), of the unit's own output.
* ``itd_sub``: (g - g_last) * (1 - y^2), an earlier form, which has the derivative.
* ``output_only``: hidden layers do not learn, a control.

Whether a difference can take the derivative's place, units without a derivative tell: ``units=step``, y = 1 if v > 0,
else -1. Their derivative is 0, so that backprop, alignment and itd_sub have hidden layers that do not learn. With
``psi=surrogate``, 1 - tanh(v)^2 stands for it in these three forms, and with ``psi=one`` nothing does. A product of two
errors is small: ``rmsprop`` divides each synapse's updates by their size, so that only their direction counts.

Deviations from the paper: biases learn and start at 0; the arithmetic is float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np

import spikefa as fa
from spikefa import datasets

INPUT = "y : 1   # what is shown"
HIDDEN = """
v = I : 1                    # potential
I : 1                        # y_below @ W + b
y : 1                        # rate
psi = {psi} : 1           # dy/dv, or what stands for it
"""
RATE = {"tanh": "y = tanh(v)", "step": "y = 2 * int(v > 0) - 1"}
DERIVATIVE = {"tanh": "1 - y**2", "step": "0"}
PSI = {"surrogate": "1 - tanh(v)**2", "one": "1"}
OUTPUT = """
I : 1
y : 1                        # softmax of I
"""
ERROR = """
target : 1
delta : 1
"""
ERROR_SENT = "delta = (layer_y - target) / batch"
FEEDBACK = """
J : 1                        # g = delta_above @ B
delta : 1
last : 1                     # what is differenced, in the batch before
"""
# What feedback makes of g in a hidden layer. If the second sum is needed, its population comes before.
MODULATION = {
    "backprop": "delta = J * layer_psi",
    "alignment": "delta = J * layer_psi",
    "itd_dy": "delta = J * (J - last)\nlast = J",
    "itd_y": "delta = J * (layer_r - last)\nlast = layer_r",
    "itd_e": "delta = J * (layer_r - last)\nlast = layer_r",
    "itd_h": "delta = J * (layer_y - last)\nlast = layer_y",
    "itd_sub": "delta = (J - last) * layer_psi\nlast = J",
    "output_only": "",
}
SENT = """
J : 1                        # r_above @ B
r : 1
"""
RULE = "dW = -eta * delta_post * y_pre"


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters, with the published values."""

    sizes: tuple[Annotated[int, fa.Range(1)], ...] = (784, 32, 32, 32, 10)
    """Units of each layer: input, hidden layers, output."""
    pathway: Literal["backprop", "alignment", "itd_dy", "itd_y", "itd_e", "itd_h", "itd_sub", "output_only"] = "itd_y"
    """What hidden layers learn from."""
    units: Literal["tanh", "step"] = "tanh"
    """Hidden units."""
    psi: Literal["derivative", "surrogate", "one"] = "derivative"
    """What is in the place of dy/dv in backprop, alignment and itd_sub: the units' own derivative, that of tanh, or
    1. For tanh units the first two are the same."""
    eta: Annotated[float, fa.Range(0)] = 1e-3
    """Learning rate of the mean cross-entropy of a batch, whose images are the streams; with `rmsprop`, about a
    synapse's move in a step."""
    rmsprop: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = None
    """Share of a synapse's mean squared update that stays in a step; updates are divided by its root; none: plain."""
    mean_error: bool = True
    """Whether errors are those of the batch's mean cross-entropy, as in the paper: divided by its images. Updates that
    multiply errors shrink with its square, and below what `rmsprop` can divide."""
    steps_per_image: Annotated[int, fa.Range(1)] = 1
    """Steps for which a batch is shown; a difference is one of steps, and with more it is 0 in most."""
    test_steps: Annotated[int, fa.Range(1)] = 1
    """Steps for which an image is shown in a test."""
    streams: Annotated[int, fa.Range(1)] = 50
    """Images shown at once, a batch, unless the command line says how many."""
    epochs: Annotated[int, fa.Range(0)] = 84
    """Passes over the training images, unless the command line says how many; 100,000 batches of 50 are 83.3."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if len(self.sizes) < 3:
            self.refuse("sizes", "name an input, a hidden layer and an output, at least")


PRESETS = {
    # The rate of the earlier form, which was run with batches of 100 for 5000 iterations.
    "itd_sub": {"streams": 100, "pathway": "itd_sub", "eta": 1e-2},
}


def prepare(params: Params, dataset: datasets.Dataset) -> datasets.Dataset:
    """Subtract the mean of the training images."""
    return datasets.centred(dataset)


def _weights(fan_in: int) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    return fa.uniform(np.sqrt(2 / fan_in))


def _add_pathway(net: fa.Network, params: Params) -> None:
    pathway = params.pathway
    batch = {"batch": net.streams if params.mean_error else 1}
    error = fa.ErrorPopulation(net, "error_output", net.layers[-1], ERROR, emit=ERROR_SENT, namespace=batch)
    down = [] if pathway == "output_only" else net.hidden[::-1]
    names = ["error_output", *(f"feedback_{layer.name}" for layer in down)]
    if pathway in ("itd_y", "itd_e"):
        above = error if pathway == "itd_e" else net.layers[-1]
        for layer, (upper, lower) in zip(down, pairwise(names), strict=True):
            sent = fa.FeedbackPopulation(net, f"sent_{layer.name}", layer, SENT, emit="r = J", output="r")
            fa.TiedProjection(net, above, sent, f"{upper}_to_{lower}")
            above = sent
    above = error
    for layer, name in zip(down, names[1:], strict=True):
        feedback = fa.FeedbackPopulation(net, name, layer, FEEDBACK, emit=MODULATION[pathway])
        if pathway == "backprop":
            fa.TiedProjection(net, above, feedback, f"{layer.name}_to_{above.layer.name}", transpose=True)
        else:
            fa.Projection(net, above, feedback, _weights(layer.units))
        above = feedback


def sizes(params: Params, dataset: datasets.Dataset) -> dict:
    """Parameters that follow from the data: the input and the classes."""
    return {"sizes": (dataset.train_images.shape[1], *params.sizes[1:-1], dataset.classes or params.sizes[-1])}


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype, target=params.target)
    first, *hidden, last = params.sizes
    below = fa.Input(
        net, "image", first, INPUT, emit="", stimulus_variable="y", output="y", threshold=None, limits=None
    )
    equations = HIDDEN.format(psi=PSI.get(params.psi, DERIVATIVE[params.units]))
    for number, units in enumerate(hidden, start=1):
        fa.Layer(net, f"h{number}", units, equations, emit=RATE[params.units], output="y", threshold=None)
    fa.Softmax(net, fa.Layer(net, "output", last, OUTPUT, output="y", threshold=None), potential="I")
    _add_pathway(net, params)
    eta, lr = (1.0, params.eta) if params.rmsprop else (params.eta, 1.0)
    optimizer = fa.RMSprop(params.rmsprop) if params.rmsprop else fa.SGD()
    for layer in net.layers:
        learns = params.pathway != "output_only" or layer is net.layers[-1]
        rule = fa.Plasticity(RULE, {"eta": eta}, optimizer, lr)
        fa.Projection(net, below, layer, _weights(below.units), plasticity=rule if learns else None)
        below = layer
    fa.classification_task(net, params.steps_per_image, last)
    return net
