"""Direct feedback alignment, beside feedback alignment, indirect feedback alignment and backpropagation.

Nokland (2016). Direct feedback alignment provides learning in deep neural networks. Advances in Neural Information
Processing Systems 29. https://doi.org/10.48550/arXiv.1609.01596

Reproduces: fully connected networks that learn MNIST by four pathways, which differ in what reaches a hidden layer:

* backprop: ``delta_l = (delta_above @ W_above^T) * f'``;
* alignment (FA): ``delta_l = (delta_above @ B_l) * f'``;
* direct (DFA): ``delta_l = (e @ B_l) * f'``, the same error e = y - target for every layer;
* indirect (IFA): ``delta_1 = (e @ B) * f'``, then forward: ``delta_l = (delta_below @ W_l) * f'``.

The presets ``slides_small`` and ``slides_large`` are the networks of a widely used introduction to these algorithms
(softmax, batches of 1000, rate .5, weights and feedback from a truncated normal), ``nokland`` the paper's 2 x 800 with
direct, ``nokland_fa`` and ``nokland_bp`` the same with alignment and backpropagation, ``nokland_dropout`` with direct
and dropout: rates, ranges, RMSprop's constants and dropout as in the paper's code, github.com/anokland/dfa-torch.
A batch is the streams, and its updates are averaged.

Deviations from the paper:

* Forward weights that start at zero are for alignment and direct. Backpropagation gets no gradient through them, nor
  does indirect with two hidden layers or more; set ``weights=fan_in`` for both.
* The range of B for indirect, which the code does not have, is that of direct. Biases start at zero. In the code, but
  not in the paper, alignment's first layer starts as backpropagation's; here at zero.
* The code stops once hardly a training image is wrong, or after 300 epochs; here the number of epochs is a parameter.
* The slides' decay, which subtracts a constant from all weights, is off by default: `subtracted`. `gamma` is a usual
  one, of weights and biases. The slides hold 5,000 training images out (``--validation 5000``).
* Batches run on over the end of an epoch if the number of images is no multiple of the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np

import spikefa as fa

INPUT = "y : 1   # pixel intensity"
#: Pixels of which some are not seen: x the intensity, y what is left of it.
FAILING_INPUT = """
x : 1
drop : 1 (shared)
y : 1
"""
FAILING = "y = x * int(rand() >= drop) / (1 - drop)"
#: Hidden units -> rate r of the current I, and its derivative.
UNITS = {"tanh": ("tanh(I)", "1 - r**2"), "logistic": ("1 / (1 + exp(-I))", "r * (1 - r)")}
LAYER = """
I : 1                        # y_below @ W + b
r = {rate} : 1               # rate of the unit were it not silent
drop : 1 (shared)            # probability that a unit is silent; 0 in evaluations
kept : 1                     # 0, or 1 / (1 - drop)
y : 1                        # rate
psi = ({derivative}) * kept : 1  # dy/dI
"""
RATE = """
kept = {kept}
y = r * kept
"""
KEPT = {False: "1", True: "int(rand() >= drop) / (1 - drop)"}
OUTPUT = """
I : 1
y : 1
"""
LOGISTIC = "y = 1 / (1 + exp(-I))"
ERROR = """
target : 1
delta : 1
"""
ERROR_SENT = "delta = layer_y - target"  # descends the cross-entropy, of softmax or of logistic outputs
FEEDBACK = """
J : 1                        # delta_above @ B, or another of the four
delta : 1
"""
MODULATION = "delta = J * layer_psi"

RULE = "dW = -eta * delta_post * y_pre - gamma * W"
# The slides' decay. A product of ones is a term of the sum over the streams, and so reaches every synapse.
ONE = "one = 1 : 1"
SUBTRACTED = " - subtracted * one_pre * one_post"


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters, with those of the paper's 2 x 800 units."""

    pixels: Annotated[int, fa.Range(1)] = 784
    """Input units, one a pixel."""
    hidden: tuple[Annotated[int, fa.Range(1)], ...] = (800, 800)
    """Units of each hidden layer."""
    classes: Annotated[int, fa.Range(1)] = 10
    """Output units, one a class."""
    units: Literal["tanh", "logistic"] = "tanh"
    """Hidden units."""
    output_unit: Literal["logistic", "softmax"] = "logistic"
    """Output units: logistic (binary cross-entropy) or softmax (cross-entropy)."""
    pathway: Annotated[Literal["backprop", "alignment", "direct", "indirect"], fa.OrRegistered("spikefa.pathways")] = (
        "direct"
    )
    """What carries the error."""
    weights: Literal["zero", "fan_in", "truncated"] = "zero"
    """Forward weights at the start: zero, fan_in (uniform in +- 1 / sqrt(presynaptic units)) or truncated (normal,
    standard deviation `spread`, nothing beyond two of them)."""
    feedback: Literal["fan_in", "truncated"] = "fan_in"
    """Feedback weights: fan_in (uniform in +- 1 / sqrt(n), n being the units of the layer that receives them) or
    truncated."""
    spread: Annotated[float, fa.Range(0, open_low=True)] = 0.2
    """Standard deviation of truncated normal weights."""
    eta: Annotated[float, fa.Range(0)] = 1e-4
    """Learning rate, for the update averaged over the streams; with `rmsprop`, about a synapse's move in a step."""
    rmsprop: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = 0.99
    """Share of a synapse's mean squared update that stays in a step; updates are divided by its root; none: plain."""
    momentum: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = None
    """Momentum of the updates, without `rmsprop`: v <- momentum v + dW, W <- W + v."""
    gamma: Annotated[float, fa.Range(0, 1, open_high=True)] = 0.0
    """Decay of weights and biases in a step."""
    subtracted: Annotated[float, fa.Range(0, open_low=True)] | None = None
    """What is subtracted from all weights and biases in a step; the slides' code has 1e-5 for alignment in the small
    network, 1e-4 for alignment and direct in the large one, and none for backpropagation. It falls with the learning
    rate, and is not for `rmsprop`. Diagnostics count it as part of the update."""
    dropout: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = None
    """Fraction of hidden units that are silent, drawn anew in each step; the others' rates grow to make up for it."""
    dropout_input: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = None
    """The same for the pixels."""
    layerwise_epochs: Annotated[int, fa.Range(1)] | None = None
    """Epochs for which one layer alone learns: the layers take turns, bottom up, again and again; none: all learn."""
    lr_milestones: tuple[Annotated[int, fa.Range(0)], ...] = ()
    """Epochs after which the learning rate falls, none by default."""
    lr_divisor: Annotated[float, fa.Range(0, open_low=True)] = 10.0
    """Divisor of the learning rate after each of these epochs."""
    streams: Annotated[int, fa.Range(1)] = 64
    """Images shown at once, a batch, unless the command line says how many."""
    epochs: Annotated[int, fa.Range(0)] = 300
    """Passes over the training images, unless the command line says how many; the paper's most."""
    steps_per_image: Annotated[int, fa.Range(1)] = 1
    """Steps for which an image is shown in training; there are no dynamics, so that one is enough."""
    test_steps: Annotated[int, fa.Range(1)] = 1
    """Steps for which an image is shown in a test."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if not self.hidden:
            self.refuse("hidden", "name at least one hidden layer")
        if self.momentum and self.rmsprop:
            self.refuse("momentum", "be None with rmsprop")
        if self.subtracted and self.rmsprop:
            self.refuse("subtracted", "be None with rmsprop, which would divide it by its own size")


_SLIDES = {
    "output_unit": "softmax",
    "weights": "truncated",
    "feedback": "truncated",
    "eta": 0.5,
    "rmsprop": None,
    "streams": 1000,
    "epochs": 50,
}

PRESETS = {
    "slides_small": _SLIDES | {"hidden": (100,), "units": "logistic"},
    "slides_large": _SLIDES | {"hidden": (200, 100), "units": "tanh"},
    "nokland": {},
    "nokland_fa": {"pathway": "alignment"},
    "nokland_bp": {"pathway": "backprop", "weights": "fan_in"},
    "nokland_dropout": {"dropout": 0.5, "dropout_input": 0.1},
}


def lr_factor(params: Params, epoch: int) -> float | dict[str, float]:
    """Factor of the learning rate in an epoch, 0 being the first; one for each projection if layers take turns."""
    factor = fa.step_schedule(epoch, params.lr_milestones, params.lr_divisor)
    if not params.layerwise_epochs:
        return factor
    names = ["image", *(f"h{number}" for number in range(1, len(params.hidden) + 1)), "output"]
    turn = epoch // params.layerwise_epochs % (len(names) - 1)
    return {f"{below}_to_{above}": factor * (number == turn) for number, (below, above) in enumerate(pairwise(names))}


def sizes(params: Params, dataset: fa.datasets.Dataset) -> dict:
    """Parameters that follow from the data: the input and the classes."""
    return {"pixels": dataset.train_images.shape[1], "classes": dataset.classes or params.classes}


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype, target=params.target)
    one = f"\n{ONE}" if params.subtracted else ""
    equations, emit, shown = (FAILING_INPUT, FAILING, "x") if params.dropout_input else (INPUT, "", "y")
    below = fa.Input(
        net, "image", params.pixels, equations + one, emit=emit, stimulus_variable=shown, output="y", threshold=None
    )
    rate, derivative = UNITS[params.units]
    for number, units in enumerate(params.hidden, start=1):
        fa.Layer(
            net,
            f"h{number}",
            units,
            LAYER.format(rate=rate, derivative=derivative) + one,
            emit=RATE.format(kept=KEPT[params.dropout is not None]),
            output="y",
            threshold=None,
        )
    softmax = params.output_unit == "softmax"
    fa.Layer(net, "output", params.classes, OUTPUT + one, emit="" if softmax else LOGISTIC, output="y", threshold=None)
    if softmax:
        fa.Softmax(net, "output", "I")
    _add_pathway(net, params)
    eta, lr = (1.0, params.eta) if params.rmsprop else (params.eta, 1.0)
    constants = {"eta": eta / streams, "gamma": params.gamma}
    text = RULE
    if params.subtracted:
        constants, text = constants | {"subtracted": params.subtracted / streams}, RULE + SUBTRACTED
    for layer in net.layers:
        # One each, for learning rates of their own.
        rule = fa.Plasticity(text, constants, _optimizer(params), lr)
        fa.Projection(net, below, layer, _weights(params), plasticity=rule)
        below = layer
    fa.classification_task(net, params.steps_per_image, params.classes)
    dropout = dict.fromkeys(net.hidden, params.dropout) | {net.input: params.dropout_input}
    for population, fraction in dropout.items():
        if fraction:
            population.drop = fraction
            population.set_in_evaluations(drop=0)
    return net


def _optimizer(params: Params) -> fa.Optimizer:
    if params.rmsprop:
        return fa.RMSprop(params.rmsprop)
    return fa.Momentum(params.momentum) if params.momentum else fa.SGD()


def _add_pathway(net: fa.Network, params: Params) -> None:
    def fan_in(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        return rng.uniform(-1, 1, shape) / np.sqrt(shape[1])

    B = fan_in if params.feedback == "fan_in" else truncated_normal(params.spread)
    fa.add_pathway(net, params.pathway, error=ERROR, emit_error=ERROR_SENT, feedback=FEEDBACK, emit=MODULATION, B=B)


def truncated_normal(spread: float) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    """Weights drawn from a normal distribution, again if they are beyond two standard deviations."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        z = rng.standard_normal(shape)
        while (far := np.abs(z) > 2).any():
            z[far] = rng.standard_normal(far.sum())
        return spread * z

    return draw


def _weights(params: Params) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    if params.weights == "zero":
        return lambda rng, shape: np.zeros(shape)
    if params.weights == "fan_in":
        return lambda rng, shape: rng.uniform(-1, 1, shape) / np.sqrt(shape[0])
    return truncated_normal(params.spread)
