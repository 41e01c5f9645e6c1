"""Feedback alignment in rate networks, beside backpropagation and other pathways.

Lillicrap, Cownden, Tweed & Akerman (2016). Random synaptic feedback weights support error backpropagation for
deep learning. Nature Communications 7:13276. https://doi.org/10.1038/ncomms13276

Reproduces: Figs 2, 3 and 5, Supplementary Figs 5-8 and 14, Supplementary Notes 5-7 and 9: one preset for each, and one
`algorithm` for each pathway. ``y = f(y_below @ W + b)``, one step an example, with these updates:

* output: ``dW = -eta y_below^T (e * f') - gamma W`` with e = y - target; hidden: ``e * f'`` replaced by delta;
* transpose (backpropagation): ``delta = ((e * f') @ W_above^T) * f'``, and so on down;
* alignment: ``delta = (e @ B) * f'``, then ``delta = (delta_above @ B) * f'``.

`eta` is for one example. With S streams, S examples are shown at once, a mini-batch, and their updates are summed, or
averaged where `mean_over_streams`: then one step of 100 streams moves weights as far as one of one stream. Decay is
applied once a step. Fig. 3 is one stream; the presets of the Supplementary Notes are for 100.

Deviations from the paper:

* Ranges of weights, which the paper chose by hand for each algorithm, and rates that it does not print were chosen
  here, on validation images; the presets say which.
* Decay also acts on biases, as in the spiking network of Fig. 4.
* Elastic distortions, dropout rates and the steps of the learning rate of Note 5 are not printed: `augment`, Params.
* Note 5's images are standardised with one deviation for all pixels: with each pixel's own, those seldom on weigh most,
  and the test error was higher (2.13 against 1.77 %, seed 0). Some presets send e * f' (`derivative_sent`).
* Mini-batches of 100 are 100 streams; the arithmetic is float32 where a preset does not ask otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isqrt

import numpy as np

import spikefa as fa
from spikefa import datasets
from spikefa.datasets import elastic

INPUT = "y : 1   # what is shown"
#: Units -> output y of the potential v, and its derivative.
UNITS = {
    "linear": ("v", "1"),
    "tanh": ("tanh(v)", "1 - r**2"),
    "logistic": ("1 / (1 + exp(-v))", "r * (1 - r)"),
    "leaky": ("v * (0.05 + 0.95 * int(v > 0))", "0.05 + 0.95 * int(v > 0)"),
}
LAYER = """
v = I : 1                    # potential
I : 1                        # y_below @ W + b
r = y : 1
y : 1                        # rate
psi = {derivative} : 1       # dy/dv
"""
DROPPED_LAYER = """
v = I : 1
I : 1
drop : 1 (shared)            # probability that a unit is silent; 0 at rest, from which evaluations start
kept : 1                     # 0, or 1 / (1 - drop)
r : 1                        # rate of the unit were it not silent
y : 1
psi = ({derivative}) * kept : 1
"""
RATE = "y = {rate}"
DROPPED_RATE = """
r = {rate}
kept = int(rand() >= drop) / (1 - drop)
y = r * kept
"""
ERROR = """
target : 1                                          # 0 or 1 with classes, else values
err = layer_y - low - (high - low) * target : 1
delta : 1
"""
FEEDBACK = """
J : 1                        # delta_above @ B
delta : 1
"""
ERROR_SENT = "delta = err * layer_psi"
PLAIN_ERROR_SENT = "delta = err"
MODULATION = "delta = J * layer_psi"
LOSS = "(layer_y - low - (high - low) * target)**2 / 2"

RULE = "dW = -eta * delta_post * y_pre - gamma * W"
PLAIN_ERROR_RULE = "dW = -eta * delta_post * psi_post * y_pre - gamma * W"

ALGORITHMS = (
    "alignment", "transpose", "shallow", "node_perturbation", "pseudobackprop", "direct", "indirect", "sign",
)  # fmt: skip


@dataclass(frozen=True)
class Params:
    """Parameters, with the published values of Fig. 3."""

    sizes: tuple[int, ...] = (784, 1000, 10)
    """Units of each layer: input, hidden layers, output."""
    units: str = "logistic"
    """Hidden units: linear, tanh, logistic or leaky (a rectifier with a slope of 1/20 below 0)."""
    output_unit: str = "logistic"
    """Output units: the same choice."""
    algorithm: str = "alignment"
    """The pathway: alignment, transpose (backpropagation), shallow (only the output learns), node_perturbation,
    pseudobackprop, direct, indirect or sign."""
    classes: int = 10
    """Number of classes; 0 for a regression, whose targets are values."""
    target_low: float = 0.0
    """Target of the output units of all other classes."""
    target_high: float = 1.0
    """Target of the output unit of the class."""
    weight_range: float = 0.05
    """Forward weights start uniform in +- this."""
    feedback_range: float = 4.0
    """Feedback weights are uniform in +- this; with `sign`, they are + or - this."""
    scaled: bool = False
    """Whether both ranges are divided by the square root of the number of a unit's synapses."""
    eta: float = 1e-3
    """Learning rate, for one example."""
    mean_over_streams: bool = False
    """Whether the update is the mean over the streams, and not the sum."""
    gamma: float = 1e-6
    """Decay of weights and biases in a step."""
    momentum: float = 0.0
    """Momentum of the updates: v <- momentum v + dW, W <- W + v."""
    eta_drop_after: tuple[int, ...] = ()
    """Epochs after which the learning rate is divided by `eta_drop_by`."""
    eta_drop_by: float = 10.0
    """Divisor of the learning rate after each of these epochs."""
    derivative_sent: bool = False
    """Whether alignment, direct and indirect send e * f' of the output units down; the paper sends e."""
    keep_weights: float = 1.0
    """Fraction of the forward synapses that exist."""
    keep_feedback: float = 1.0
    """Fraction of the feedback synapses that exist."""
    maps: int = 0
    """Maps of local fields in the first hidden layer, with weights of each unit's own; 0: it is fully connected."""
    field: int = 6
    """Side of those fields, in pixels of a square image; neighbours are one pixel apart."""
    dropout: float = 0.0
    """Fraction of hidden units that are silent, drawn anew in each step; the others' rates grow to make up for it."""
    frozen: tuple[int, ...] = ()
    """Numbers of the forward projections that do not learn; 1 is the one from the input."""
    turns: tuple[int, ...] = ()
    """Epochs at which learning passes from the hidden layers to the output layer, and back (Fig. 5c); or none."""
    noise: float = 0.01
    """Standard deviation of the noise on the units' currents in node perturbation."""
    standardise: bool = False
    """Whether each input has mean 0 and standard deviation 1 over the training set."""
    common_deviation: bool = False
    """Whether one standard deviation, the root of the inputs' mean variance, is taken for all instead."""
    autoencode: bool = False
    """Whether the targets are the images, with `target_low` for a pixel of 0 and `target_high` for 1."""
    distort: bool = False
    """Whether training images are elastically distorted, anew whenever they are shown."""
    distort_sigma: float = 4.0
    """Smoothness of the distortions in pixels."""
    distort_alpha: float = 34.0
    """Strength of the distortions."""
    streams: int = 20
    """Images shown at once, a batch, unless the command line says how many; the paper's Fig. 3 shows one."""
    epochs: int = 5
    """Passes over the training images, unless the command line says how many."""
    steps_per_image: int = 1
    """Steps for which an example is shown in training; there are no dynamics, so that one is enough."""
    test_steps: int = 1
    """Steps for which an example is shown in a test."""
    dtype: str = "float32"
    """Float type of states and weights."""
    target: str = "numba"
    """Brian2 code-generation target of the equations: numba, numpy or cython."""


# Chosen by hand, as the paper says it did: eta, both ranges.
_FIG3D = {
    "units": "tanh", "output_unit": "linear", "classes": 0, "weight_range": 0.1, "feedback_range": 0.5, "eta": 1e-2,
    "gamma": 0.0, "dtype": "float64", "streams": 1,
}  # fmt: skip
# Chosen on validation images, with 20,000 others: ranges, that the update is a mean, and one deviation for all inputs.
# With eta 1e-2 for the sum, 70 to 90 % of them stay wrong.
_NOTE5 = {
    "sizes": (784, 1500, 1500, 1500, 10), "units": "tanh", "output_unit": "tanh", "target_low": -0.9,
    "target_high": 0.9, "standardise": True, "common_deviation": True, "scaled": True, "weight_range": 0.1,
    "feedback_range": 3.0, "eta": 1e-2, "mean_over_streams": True, "eta_drop_after": (12, 18), "epochs": 20,
    "streams": 100,
}  # fmt: skip
# Errors that come down through the small forward weights want a higher rate than through the strong feedback.
_BACKPROP = {"algorithm": "transpose", "weight_range": 1.73, "eta": 0.1}
# Rectifiers grow without bound if e is sent down whole.
_LEAKY = {"units": "leaky", "derivative_sent": True, "weight_range": 0.5, "eta": 1e-3}
_DEEP = {"sizes": (784, *(1000,) * 10, 10)}
# Not tuned beyond a few short runs of half the widths.
_AUTOENCODER = _NOTE5 | {"classes": 0, "autoencode": True, "eta": 2e-3, "eta_drop_after": (18,)}
_AUTO_BACKPROP = _BACKPROP | {"eta": 0.02}
_SMALL = {"sizes": (784, 1000, 500, 10, 500, 1000, 784)}
_LARGE = {"sizes": (784, *(1000,) * 5, 784)}

PRESETS = {
    # eta by hand; node perturbation needs 1e-4.
    "fig2": {
        "sizes": (30, 20, 10), "units": "linear", "output_unit": "linear", "classes": 0, "weight_range": 0.01,
        "feedback_range": 0.5, "eta": 2e-3, "gamma": 0.0, "dtype": "float64", "streams": 1,
    },
    # Ranges chosen on validation images: .05 and 4 for alignment, .2 for backpropagation.
    "fig3": {},
    "fig3_backprop": {"algorithm": "transpose", "weight_range": 0.2},
    "fig3_half": {"keep_weights": 0.5, "keep_feedback": 0.5},
    "fig3d_3": _FIG3D | {"sizes": (30, 20, 10)},
    "fig3d_4": _FIG3D | {"sizes": (30, 20, 10, 10)},
    "fig5": _FIG3D | {"sizes": (20, 1000, 20), "eta": 1e-3},
    # 20 examples a step: hidden weights, then those of the output, then hidden ones again.
    "fig5_phases": _FIG3D | {"sizes": (20, 1000, 20), "eta": 1e-4, "streams": 20, "turns": (2, 6), "epochs": 10},
    "s6_3": _FIG3D | {"sizes": (30, 40, 10), "eta": 0.05, "mean_over_streams": True, "streams": 100},
    "s6_4": _FIG3D | {"sizes": (30, 40, 20, 10), "eta": 0.05, "mean_over_streams": True, "streams": 100},
    "s8": _FIG3D | {"sizes": (30, 20, 10), "momentum": 0.9, "eta": 1e-3},
    "xor": _FIG3D | {
        "sizes": (2, 25, 1), "units": "logistic", "output_unit": "logistic", "weight_range": 0.5, "feedback_range": 2.0,
        "eta": 0.5, "streams": 4, "epochs": 20,
    },
    "note5": _NOTE5,
    "note5_backprop": _NOTE5 | _BACKPROP,
    # Half of the units: by hand. With e sent down whole hidden weights never rest, as outputs are never all right.
    "note5_dropout": _NOTE5 | {
        "sizes": (784, 1500, 10), "dropout": 0.5, "derivative_sent": True, "feedback_range": 5.0,
        "eta_drop_after": (70, 90), "epochs": 100,
    },
    "note5_leaky": _NOTE5 | _LEAKY,
    "note5_local": _NOTE5 | {"sizes": (784, 3174, 1500, 1500, 10), "maps": 6},
    "note5_distortions": _NOTE5 | {"sizes": (784, 3174, 1500, 1500, 10), "maps": 6, "distort": True},
    # Signals of about equal size in all layers on their way up, and smaller ones further down.
    "note5_deep": _NOTE5 | _DEEP | {
        "derivative_sent": True, "weight_range": 1.73, "feedback_range": 1.4, "eta": 0.05, "eta_drop_after": (30, 38),
        "epochs": 40,
    },
    "note5_deep_backprop": _NOTE5 | _DEEP | _BACKPROP | {"eta": 0.05},
    # For --data mnist-background, svhn and timit-stops. Everything but the sizes is as in Note 5.
    "background": _NOTE5,
    "background_backprop": _NOTE5 | _BACKPROP,
    "svhn": _NOTE5 | {"sizes": (1024, 3000, 3000, 3000, 3000, 10)},
    "svhn_local": _NOTE5 | {"sizes": (1024, 4232, 3000, 3000, 3000, 10), "maps": 8, "field": 10},
    "svhn_leaky": _NOTE5 | {"sizes": (1024, 4232, 3000, 3000, 3000, 10), "maps": 8, "field": 10} | _LEAKY,
    "timit": _NOTE5 | {"sizes": (39, 1000, 1000, 1000, 6), "classes": 6, "common_deviation": False},
    "autoencoder_small": _AUTOENCODER | _SMALL | {"feedback_range": 1.0, "eta": 5e-3},
    "autoencoder_small_backprop": _AUTOENCODER | _SMALL | _AUTO_BACKPROP,
    "autoencoder_large": _AUTOENCODER | _LARGE,
    "autoencoder_large_backprop": _AUTOENCODER | _LARGE | _AUTO_BACKPROP,
}  # fmt: skip


def learning_rate(params: Params, epoch: int) -> float | dict[str, float]:
    """Factor of the learning rate in an epoch, 0 being the first; one for each projection if layers take turns."""
    rate = params.eta_drop_by ** -sum(epoch >= drop for drop in params.eta_drop_after)
    if not params.turns:
        return rate
    turn, last = sum(epoch >= end for end in params.turns) % 2, len(params.sizes) - 1
    names = ["image", *(f"h{number}" for number in range(1, last)), "output"]
    return {
        f"{below}_to_{above}": rate * ((number == last) == turn)
        for number, (below, above) in enumerate(pairwise(names), start=1)
        if number not in params.frozen
    }


def prepare(params: Params, dataset: datasets.Dataset) -> datasets.Dataset:
    """Make the images targets, or standardise them, where the parameters say so."""
    if params.autoencode:
        dataset = datasets.autoencoder(dataset, (params.target_low, params.target_high))
    return datasets.standardised(dataset, params.common_deviation) if params.standardise else dataset


def augment(params: Params, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Distort a batch of training images, where the parameters say so."""
    if not params.distort:
        return images
    side = _side(params)
    return elastic.elastic(images, (side, side), rng, params.distort_sigma, params.distort_alpha)


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    _check(params)
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype, target=params.target)
    first, *hidden, last = params.sizes
    limits = (0, 1) if params.classes and not params.standardise else None
    below = fa.Input(net, "image", first, INPUT, emit="", stimulus_variable="y", output="y", threshold=None, limits=limits)
    for number, units in enumerate(hidden, start=1):
        _layer(net, f"h{number}", units, params.units, dropping=params.dropout > 0)
    _layer(net, "output", last, params.output_unit)
    sent = params.derivative_sent or params.algorithm not in ("alignment", "direct", "indirect")
    _pathway(net, params, sent)
    constants = {"eta": params.eta / (streams if params.mean_over_streams else 1), "gamma": params.gamma}
    rule = fa.Plasticity(RULE, constants, optimizer=fa.Momentum(params.momentum) if params.momentum else fa.SGD())
    output_rule = rule if sent else fa.Plasticity(PLAIN_ERROR_RULE, constants, optimizer=fa.Momentum(params.momentum) if params.momentum else fa.SGD())
    for number, layer in enumerate(net.layers, start=1):
        learns = "delta" in layer.variables and number not in params.frozen
        weights = params.weight_range
        mask = fa.random_connectivity(params.keep_weights) if params.keep_weights < 1 else None
        if number == 1 and params.maps:
            mask = fa.local_receptive_fields(_side(params), _side(params), params.field, 1, params.maps)
        if params.scaled:
            weights /= params.field if number == 1 and params.maps else np.sqrt(below.units * params.keep_weights)
        plasticity = output_rule if layer is net.layers[-1] else rule
        fa.Projection(net, below, layer, fa.uniform(weights), mask=mask, plasticity=plasticity if learns else None)
        below = layer
    if params.classes:
        fa.classification_task(net, params.steps_per_image, params.classes)
    else:
        fa.regression_task(net, params.steps_per_image)
    for layer in net.hidden if params.dropout else ():
        layer.variables["drop"].set_value(params.dropout)  # after present(): at rest, nothing is dropped
    return net


def _layer(net: fa.Network, name: str, units: int, kind: str, dropping: bool = False) -> None:
    rate, derivative = UNITS[kind]
    equations, emit = (DROPPED_LAYER, DROPPED_RATE) if dropping else (LAYER, RATE)
    equations, emit = equations.format(derivative=derivative), emit.format(rate=rate)
    fa.Layer(net, name, units, equations, emit=emit, output="y", threshold=None)


def _pathway(net: fa.Network, params: Params, derivative_sent: bool) -> None:
    """Add the feedback pathway of the algorithm."""
    low, high = (params.target_low, params.target_high) if params.classes else (0.0, 1.0)
    namespace = {"low": low, "high": high}
    if params.algorithm == "node_perturbation":
        fa.node_perturbation(net, loss=LOSS, noise=params.noise, namespace=namespace)
        return
    error = {"error": ERROR, "emit_error": ERROR_SENT if derivative_sent else PLAIN_ERROR_SENT, "namespace": namespace}
    if params.algorithm == "shallow":
        fa.output_only(net, **error)
        return
    strings = {**error, "feedback": FEEDBACK, "emit": MODULATION}

    def B(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        limit = params.feedback_range / (np.sqrt(shape[0] * params.keep_feedback) if params.scaled else 1)
        return rng.uniform(-limit, limit, shape) * (rng.random(shape) < params.keep_feedback)

    match params.algorithm:
        case "alignment":
            fa.feedback_alignment(net, B=B, **strings)
        case "direct":
            fa.direct_feedback_alignment(net, B=B, **strings)
        case "indirect":
            fa.indirect_feedback_alignment(net, B=B, **strings)
        case "transpose":
            fa.backprop(net, **strings)
        case "pseudobackprop":
            fa.pseudobackprop(net, **strings)
        case "sign":
            fa.sign_symmetric(net, scale=params.feedback_range, **strings)


def _side(params: Params) -> int:
    return isqrt(params.sizes[0])


def _check(params: Params) -> None:
    """Refuse what no network can be built of."""

    def refuse(name: str, rule: str) -> None:
        raise ValueError(f"lillicrap2016_rate: {name} must {rule}, got {getattr(params, name)!r}")

    if len(params.sizes) < 2:
        refuse("sizes", "name at least an input and an output")
    for name, known in (("units", UNITS), ("output_unit", UNITS), ("algorithm", ALGORITHMS)):
        if getattr(params, name) not in known:
            refuse(name, f"be one of {', '.join(known)}")
    for name in ("keep_weights", "keep_feedback"):
        if not 0 < getattr(params, name) <= 1:
            refuse(name, "be above 0 and at most 1")
    for name in ("weight_range", "feedback_range"):
        if not 0 <= getattr(params, name) < np.inf:
            refuse(name, "be finite and at least 0")
    if not 0 <= params.dropout < 1:
        refuse("dropout", "be in [0, 1)")
    if not params.target_low < params.target_high:
        refuse("target_low", f"be below target_high, {params.target_high!r}")
    for name in ("eta_drop_by", "noise", "distort_sigma"):
        if not getattr(params, name) > 0:
            refuse(name, "be positive")
    for name in ("eta", "distort_alpha", "maps"):
        if not getattr(params, name) >= 0:
            refuse(name, "be at least 0")
    if not 0 <= params.gamma < 1:
        refuse("gamma", "be in [0, 1)")
    if any(epoch < 0 for epoch in params.eta_drop_after):
        refuse("eta_drop_after", "hold numbers of epochs")
    if params.autoencode and params.classes:
        refuse("classes", "be 0 with autoencode, whose targets are the images")
    if any(epoch < 1 for epoch in params.turns) or (params.turns and params.algorithm == "shallow"):
        refuse("turns", "hold numbers of epochs from 1 on, and none with shallow, in which the output alone learns")
    if any(not 1 <= number < len(params.sizes) for number in params.frozen):
        refuse("frozen", f"hold numbers from 1 to {len(params.sizes) - 1}, the forward projections")
    if (params.maps or params.distort) and _side(params) ** 2 != params.sizes[0]:
        refuse("sizes", "begin with the pixels of a square image, for maps or distortions")
    if params.maps:
        if params.keep_weights < 1:
            refuse("keep_weights", "be 1 with maps, which have a mask of their own")
        if len(params.sizes) < 3:
            refuse("sizes", "have a hidden layer for the maps")
        if not 1 <= params.field <= _side(params):
            refuse("field", f"fit the image of {_side(params)} x {_side(params)} pixels")
        wanted = params.maps * (_side(params) - params.field + 1) ** 2
        if params.sizes[1] != wanted:
            refuse("sizes", f"have {wanted} units in the first hidden layer, for {params.maps} maps")
