"""Feedback alignment in rate networks, beside backpropagation and other pathways.

Lillicrap, Cownden, Tweed & Akerman (2016). Random synaptic feedback weights support error backpropagation for
deep learning. Nature Communications 7:13276. https://doi.org/10.1038/ncomms13276

Reproduces: Figs 2, 3 and 5, Supplementary Figs 5-8 and 14, Supplementary Notes 5-7 and 9: one preset for each, and one
`pathway` for each feedback pathway. ``y = f(y_below @ W + b)``, one step an example, with these updates:

* output: ``dW = -eta y_below^T (e * f') - gamma W`` with e = y - target;
* alignment: ``delta = e @ B``, then ``delta = delta_above @ B``, without a derivative (Methods, "Deep nonlinear
  function approximation"); hidden: ``dW = -eta y_below^T (delta * f') - gamma W``;
* backprop: ``delta = ((e * f') @ W_above^T) * f'``, and so on down; hidden: ``e * f'`` replaced by delta.

With `gated`, alignment sends ``delta * f'`` down from one hidden layer to the next, as Nokland (2016) does.

`eta` is for one example. With S streams, S examples are shown at once, a mini-batch, and their updates are summed, or
averaged with `mean_over_streams`: then one step of 100 streams moves weights as far as one of one stream. Decay is
applied once a step. Fig. 3 is one stream; the presets of the Supplementary Notes are for 100.

Deviations from the paper:

* Ranges of weights, which the paper chose by hand for each pathway, and rates that it does not print were chosen
  here, on validation images; the presets say which.
* Decay also acts on biases, as in the spiking network of Fig. 4.
* Elastic distortions, dropout rates and the steps of the learning rate of Note 5 are not printed: `augment`, Params.
* Note 5's images are standardised with one deviation for all pixels: with each pixel's own, those seldom on weigh most,
  and the test error was higher (2.13 against 1.77 %, seed 0, `gated`). Some presets send e * f' (`derivative_sent`).
* Mini-batches of 100 are 100 streams; the arithmetic is float32 unless a preset says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isqrt
from typing import Annotated, Literal

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
#: What weighs a hidden unit's modulator in its rule.
WEIGHTINGS = {"derivative": "psi_post", "window": "int(abs(v_post) < 0.88)", "none": "1"}
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
drop : 1 (shared)            # probability that a unit is silent; 0 in evaluations
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
MODULATION = "delta = J"
GATED_MODULATION = "delta = J * layer_psi"
LOSS = "(layer_y - low - (high - low) * target)**2 / 2"

#: Of layers whose delta holds their derivative, and of those whose delta does not.
GATED_RULE = "dW = -eta * delta_post * y_pre - gamma * W"
RULE = "dW = -eta * delta_post * psi_post * y_pre - gamma * W"


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters, with the published values of Fig. 3."""

    sizes: tuple[Annotated[int, fa.Range(1)], ...] = (784, 1000, 10)
    """Units of each layer: input, hidden layers, output."""
    units: Literal["linear", "tanh", "logistic", "leaky"] = "logistic"
    """Hidden units; leaky is a rectifier with a slope of 1/20 below 0."""
    output_unit: Literal["linear", "tanh", "logistic", "leaky"] = "logistic"
    """Output units: the same choice."""
    pathway: Annotated[
        Literal[
            "alignment",
            "backprop",
            "output_only",
            "node_perturbation",
            "pseudobackprop",
            "direct",
            "indirect",
            "sign_symmetric",
        ],
        fa.OrRegistered("spikefa.pathways"),
    ] = "alignment"
    """How errors reach the hidden layers; with output_only they do not, and only the output layer learns."""
    classes: Annotated[int, fa.Range(1)] | None = 10
    """Number of classes; none for a regression, whose targets are values."""
    target_low: float = 0.0
    """Target of the output units of all other classes."""
    target_high: float = 1.0
    """Target of the output unit of the class."""
    weight_range: Annotated[float, fa.Range(0)] = 0.05
    """Forward weights start uniform in +- this."""
    feedback_range: Annotated[float, fa.Range(0)] = 4.0
    """Feedback weights are uniform in +- this; with sign_symmetric, they are + or - this."""
    scaled: bool = False
    """Whether both ranges are divided by the square root of the number of a unit's synapses."""
    eta: Annotated[float, fa.Range(0)] = 1e-3
    """Learning rate, for one example."""
    mean_over_streams: bool = False
    """Whether the update is the mean over the streams, and not the sum."""
    gamma: Annotated[float, fa.Range(0, 1, open_high=True)] = 1e-6
    """Decay of weights and biases in a step."""
    momentum: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = None
    """Momentum of the updates: v <- momentum v + dW, W <- W + v."""
    lr_milestones: tuple[Annotated[int, fa.Range(0)], ...] = ()
    """Epochs after which the learning rate is divided by `lr_divisor`."""
    lr_divisor: Annotated[float, fa.Range(0, open_low=True)] = 10.0
    """Divisor of the learning rate after each of these epochs."""
    derivative_sent: bool = False
    """Whether alignment, direct and indirect send e * f' of the output units down; the paper sends e."""
    gated: bool = False
    """Whether alignment sends delta * f' from one hidden layer down to the next; the paper sends delta."""
    connection_probability: Annotated[float, fa.Range(0, 1, open_low=True)] = 1.0
    """Probability that a forward synapse exists."""
    feedback_connection_probability: Annotated[float, fa.Range(0, 1, open_low=True)] = 1.0
    """Probability that a feedback synapse exists."""
    maps: Annotated[int, fa.Range(1)] | None = None
    """Maps of local receptive fields in the first hidden layer, in which each unit has weights of its own; none: the
    layer is fully connected."""
    receptive_field_side: Annotated[int, fa.Range(1)] = 6
    """Side of those fields, in pixels of a square image; neighbours are one pixel apart."""
    dropout: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = None
    """Fraction of hidden units that are silent, drawn anew in each step; the others' rates grow to make up for it."""
    weighting: Literal["derivative", "window", "none"] = "derivative"
    """What weighs the modulators of hidden units in alignment: the derivative; 1 where |v| < 0.88 and else 0, a
    window in which a tanh unit's derivative is above 1/2; or nothing."""
    biases: bool = True
    """Whether units have biases, which learn; the paper's linear networks have none."""
    frozen: tuple[Annotated[int, fa.Range(1)], ...] = ()
    """Numbers of the forward projections that do not learn; 1 is the one from the input."""
    turns: tuple[Annotated[int, fa.Range(1)], ...] = ()
    """Epochs at which learning passes from the hidden layers to the output layer, and back (Fig. 5c); or none."""
    noise: Annotated[float, fa.Range(0, open_low=True)] = 0.01
    """Standard deviation of the noise on the units' currents in node perturbation."""
    standardise: bool = False
    """Whether each input has mean 0 and standard deviation 1 over the training set."""
    common_deviation: bool = False
    """Whether one standard deviation, the root of the inputs' mean variance, is taken for all instead."""
    autoencode: bool = False
    """Whether the targets are the images, with `target_low` for a pixel of 0 and `target_high` for 1."""
    distort: bool = False
    """Whether training images are elastically distorted, anew whenever they are shown."""
    distort_sigma: Annotated[float, fa.Range(0, open_low=True)] = 4.0
    """Smoothness of the distortions in pixels."""
    distort_alpha: Annotated[float, fa.Range(0)] = 34.0
    """Strength of the distortions."""
    streams: Annotated[int, fa.Range(1)] = 20
    """Images shown at once, a batch, unless the command line says how many; the paper's Fig. 3 shows one."""
    epochs: Annotated[int, fa.Range(0)] = 5
    """Passes over the training images, unless the command line says how many."""
    steps_per_image: Annotated[int, fa.Range(1)] = 1
    """Steps for which an example is shown in training; there are no dynamics, so that one is enough."""
    test_steps: Annotated[int, fa.Range(1)] = 1
    """Steps for which an example is shown in a test."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""

    def side(self) -> int:
        """Side of a square image, in pixels."""
        return isqrt(self.sizes[0])

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if len(self.sizes) < 2:
            self.refuse("sizes", "name at least an input and an output")
        if not self.target_low < self.target_high:
            self.refuse("target_low", f"be below target_high, {self.target_high!r}")
        if self.autoencode and self.classes:
            self.refuse("classes", "be None with autoencode, whose targets are the images")
        if self.turns and self.pathway == "output_only":
            self.refuse("turns", "be empty with output_only, in which the output alone learns")
        if self.weighting != "derivative" and (self.pathway != "alignment" or self.gated):
            self.refuse("weighting", "be 'derivative' but in alignment that is not gated")
        if any(number >= len(self.sizes) for number in self.frozen):
            self.refuse("frozen", f"hold numbers from 1 to {len(self.sizes) - 1}, the forward projections")
        if (self.maps or self.distort) and self.side() ** 2 != self.sizes[0]:
            self.refuse("sizes", "begin with the pixels of a square image, for maps or distortions")
        if self.maps:
            self._validate_maps()

    def _validate_maps(self) -> None:
        if self.connection_probability < 1:
            self.refuse("connection_probability", "be 1 with maps, which have a mask of their own")
        if len(self.sizes) < 3:
            self.refuse("sizes", "have a hidden layer for the maps")
        if self.receptive_field_side > self.side():
            self.refuse("receptive_field_side", f"fit the image of {self.side()} x {self.side()} pixels")
        wanted = self.maps * (self.side() - self.receptive_field_side + 1) ** 2
        if self.sizes[1] != wanted:
            self.refuse("sizes", f"have {wanted} units in the first hidden layer, for {self.maps} maps")


# Chosen by hand, as the paper says it did: eta, both ranges.
_FIG3D = {
    "units": "tanh",
    "output_unit": "linear",
    "classes": None,
    "weight_range": 0.1,
    "feedback_range": 0.5,
    "eta": 1e-2,
    "gamma": 0.0,
    "dtype": "float64",
    "streams": 1,
}
# Chosen on validation images, with 20,000 others: ranges, that the update is a mean, and one deviation for all inputs.
# With eta 1e-2 for the sum, 70 to 90 % of them stay wrong.
_NOTE5 = {
    "sizes": (784, 1500, 1500, 1500, 10),
    "units": "tanh",
    "output_unit": "tanh",
    "target_low": -0.9,
    "target_high": 0.9,
    "standardise": True,
    "common_deviation": True,
    "scaled": True,
    "weight_range": 0.1,
    "feedback_range": 3.0,
    "eta": 1e-2,
    "mean_over_streams": True,
    "lr_milestones": (12, 18),
    "epochs": 20,
    "streams": 100,
}
# Errors that come down through the small forward weights need a higher rate than through the strong feedback.
_BACKPROP = {"pathway": "backprop", "weight_range": 1.73, "eta": 0.1}
# Rectifiers grow without bound if e is sent down whole.
_LEAKY = {"units": "leaky", "derivative_sent": True, "weight_range": 0.5, "eta": 1e-3}
_DEEP = {"sizes": (784, *(1000,) * 10, 10)}
# Not tuned beyond a few short runs of half the widths.
_AUTOENCODER = _NOTE5 | {"classes": None, "autoencode": True, "eta": 2e-3, "lr_milestones": (18,)}
_AUTO_BACKPROP = _BACKPROP | {"eta": 0.02}
_SMALL = {"sizes": (784, 1000, 500, 10, 500, 1000, 784)}
_LARGE = {"sizes": (784, *(1000,) * 5, 784)}
_SVHN_LOCAL = _NOTE5 | {"sizes": (1024, 4232, 3000, 3000, 3000, 10), "maps": 8, "receptive_field_side": 10}

PRESETS = {
    # eta by hand; node perturbation needs 1e-4.
    "fig2": {
        "sizes": (30, 20, 10),
        "units": "linear",
        "output_unit": "linear",
        "classes": None,
        "weight_range": 0.01,
        "feedback_range": 0.5,
        "eta": 2e-3,
        "gamma": 0.0,
        "biases": False,
        "dtype": "float64",
        "streams": 1,
    },
    # Ranges chosen on validation images: .05 and 4 for alignment, .2 for backpropagation.
    "fig3": {},
    "fig3_backprop": {"pathway": "backprop", "weight_range": 0.2},
    "fig3_half": {"connection_probability": 0.5, "feedback_connection_probability": 0.5},
    "fig3d_3": _FIG3D | {"sizes": (30, 20, 10)},
    "fig3d_4": _FIG3D | {"sizes": (30, 20, 10, 10)},
    "fig5": _FIG3D | {"sizes": (20, 1000, 20), "eta": 1e-3},
    # 20 examples a step: hidden weights, then those of the output, then hidden ones again.
    "fig5_phases": _FIG3D | {"sizes": (20, 1000, 20), "eta": 1e-4, "streams": 20, "turns": (2, 6), "epochs": 10},
    "s6_3": _FIG3D | {"sizes": (30, 40, 10), "eta": 0.05, "mean_over_streams": True, "streams": 100},
    "s6_4": _FIG3D | {"sizes": (30, 40, 20, 10), "eta": 0.05, "mean_over_streams": True, "streams": 100},
    "s8": _FIG3D | {"sizes": (30, 20, 10), "momentum": 0.9, "eta": 1e-3},
    "xor": _FIG3D
    | {
        "sizes": (2, 25, 1),
        "units": "logistic",
        "output_unit": "logistic",
        "weight_range": 0.5,
        "feedback_range": 2.0,
        "eta": 0.5,
        "streams": 4,
        "epochs": 20,
    },
    "note5": _NOTE5,
    "note5_backprop": _NOTE5 | _BACKPROP,
    # Half of the units: by hand. With e sent down whole hidden weights never rest, as outputs are never all right.
    "note5_dropout": _NOTE5
    | {
        "sizes": (784, 1500, 10),
        "dropout": 0.5,
        "derivative_sent": True,
        "feedback_range": 5.0,
        "lr_milestones": (70, 90),
        "epochs": 100,
    },
    "note5_leaky": _NOTE5 | _LEAKY,
    "note5_local": _NOTE5 | {"sizes": (784, 3174, 1500, 1500, 10), "maps": 6},
    "note5_distortions": _NOTE5 | {"sizes": (784, 3174, 1500, 1500, 10), "maps": 6, "distort": True},
    # The error keeps its size from layer to layer on its way down, as the paper asks.
    "note5_deep": _NOTE5 | _DEEP | {"feedback_range": 1.73, "lr_milestones": (30, 38), "epochs": 40},
    "note5_deep_backprop": _NOTE5 | _DEEP | _BACKPROP | {"eta": 0.05},
    # For --data mnist-background, svhn and timit-stops. Everything but the sizes is as in Note 5.
    "background": _NOTE5,
    "background_backprop": _NOTE5 | _BACKPROP,
    "svhn": _NOTE5 | {"sizes": (1024, 3000, 3000, 3000, 3000, 10)},
    "svhn_local": _SVHN_LOCAL,
    "svhn_leaky": _SVHN_LOCAL | _LEAKY,
    "timit": _NOTE5 | {"sizes": (39, 1000, 1000, 1000, 6), "classes": 6, "common_deviation": False},
    "autoencoder_small": _AUTOENCODER | _SMALL | {"feedback_range": 1.0, "eta": 5e-3},
    "autoencoder_small_backprop": _AUTOENCODER | _SMALL | _AUTO_BACKPROP,
    "autoencoder_large": _AUTOENCODER | _LARGE,
    "autoencoder_large_backprop": _AUTOENCODER | _LARGE | _AUTO_BACKPROP,
}

#: The data sets of presets that are not for MNIST.
DATA = {
    "fig2": "linear",
    "fig5": "quadratic",
    "fig5_phases": "quadratic",
    "xor": "xor",
    "timit": "timit-stops",
    **dict.fromkeys(("fig3d_3", "fig3d_4", "s6_3", "s6_4", "s8"), "teacher"),
    **dict.fromkeys(("background", "background_backprop"), "mnist-background"),
    **dict.fromkeys(("svhn", "svhn_local", "svhn_leaky"), "svhn"),
}


def sizes(params: Params, dataset: datasets.Dataset) -> dict:
    """Parameters that follow from the data: the input, the output, and the number of classes, if there are any."""
    if params.autoencode:
        return {"sizes": (dataset.train_images.shape[1], *params.sizes[1:-1], dataset.train_images.shape[1])}
    last = params.sizes[-1] if dataset.classes is None else dataset.classes
    if dataset.train_targets is not None and not params.classes:
        last = dataset.train_targets.shape[1]
    found = {"sizes": (dataset.train_images.shape[1], *params.sizes[1:-1], last)}
    return found | {"classes": dataset.classes} if params.classes and dataset.classes else found


def lr_factor(params: Params, epoch: int) -> float | dict[str, float]:
    """Factor of the learning rate in an epoch, 0 being the first; one for each projection if layers take turns."""
    factor = fa.step_schedule(epoch, params.lr_milestones, params.lr_divisor)
    if not params.turns:
        return factor
    turn, last = sum(epoch >= end for end in params.turns) % 2, len(params.sizes) - 1
    names = ["image", *(f"h{number}" for number in range(1, last)), "output"]
    return {
        f"{below}_to_{above}": factor * ((number == last) == turn)
        for number, (below, above) in enumerate(pairwise(names), start=1)
        if number not in params.frozen
    }


def prepare(params: Params, dataset: datasets.Dataset) -> datasets.Dataset:
    """Make the images targets, or standardise them, if the parameters say so."""
    if params.autoencode:
        dataset = datasets.autoencoder(dataset, (params.target_low, params.target_high))
    return datasets.standardised(dataset, params.common_deviation) if params.standardise else dataset


def augment(params: Params, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Distort a batch of training images, if the parameters say so."""
    if not params.distort:
        return images
    side = params.side()
    return elastic.elastic(images, (side, side), rng, params.distort_sigma, params.distort_alpha)


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype, target=params.target)
    first, *hidden, last = params.sizes
    limits = (0, 1) if params.classes and not params.standardise else None
    below = fa.Input(
        net, "image", first, INPUT, emit="", stimulus_variable="y", output="y", threshold=None, limits=limits
    )
    for number, units in enumerate(hidden, start=1):
        _layer(net, f"h{number}", units, params.units, dropping=params.dropout is not None)
    _layer(net, "output", last, params.output_unit)
    sent = params.derivative_sent or params.pathway not in ("alignment", "direct", "indirect")
    gated = params.gated or params.pathway != "alignment"
    _add_pathway(net, params, sent, gated)
    constants = {"eta": params.eta / (streams if params.mean_over_streams else 1), "gamma": params.gamma}
    optimizer = fa.Momentum(params.momentum) if params.momentum else fa.SGD()
    hidden_rule = RULE.replace("psi_post", WEIGHTINGS[params.weighting])
    rule_of_last = fa.Plasticity(GATED_RULE if sent else RULE, constants, optimizer)
    rule_of_hidden = fa.Plasticity(GATED_RULE if gated else hidden_rule, constants, optimizer)
    for number, layer in enumerate(net.layers, start=1):
        learns = "delta" in layer.variables and number not in params.frozen
        weights = params.weight_range
        density = params.connection_probability
        mask = fa.random_connectivity(density) if density < 1 else None
        if number == 1 and params.maps:
            side = params.side()
            mask = fa.local_receptive_fields(side, side, params.receptive_field_side, 1, params.maps)
        if params.scaled:
            local = number == 1 and params.maps
            weights /= params.receptive_field_side if local else np.sqrt(below.units * density)
        rule = rule_of_last if layer is net.layers[-1] else rule_of_hidden
        rule = rule if learns else None
        fa.Projection(net, below, layer, fa.uniform(weights), mask=mask, plasticity=rule, learn_bias=params.biases)
        below = layer
    if params.classes:
        fa.classification_task(net, params.steps_per_image, params.classes)
    else:
        fa.regression_task(net, params.steps_per_image)
    for layer in net.hidden if params.dropout else ():
        layer.drop = params.dropout
        layer.set_in_evaluations(drop=0)
    return net


def _layer(net: fa.Network, name: str, units: int, kind: str, dropping: bool = False) -> None:
    rate, derivative = UNITS[kind]
    equations, emit = (DROPPED_LAYER, DROPPED_RATE) if dropping else (LAYER, RATE)
    equations, emit = equations.format(derivative=derivative), emit.format(rate=rate)
    fa.Layer(net, name, units, equations, emit=emit, output="y", threshold=None)


def _add_pathway(net: fa.Network, params: Params, derivative_sent: bool, gated: bool) -> None:
    low, high = (params.target_low, params.target_high) if params.classes else (0.0, 1.0)

    def B(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        density = params.feedback_connection_probability
        limit = params.feedback_range / (np.sqrt(shape[0] * density) if params.scaled else 1)
        return rng.uniform(-limit, limit, shape) * (rng.random(shape) < density)

    fa.add_pathway(
        net,
        params.pathway,
        error=ERROR,
        emit_error=ERROR_SENT if derivative_sent else PLAIN_ERROR_SENT,
        feedback=FEEDBACK,
        emit=GATED_MODULATION if gated else MODULATION,
        B=B,
        scale=params.feedback_range,
        loss=LOSS,
        noise=params.noise,
        namespace={"low": low, "high": high},
    )
