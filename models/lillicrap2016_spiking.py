"""Feedback alignment in a network of stochastic integrate-and-spike neurons.

Lillicrap, Cownden, Tweed & Akerman (2016). Random synaptic feedback weights support error backpropagation for
deep learning. Nature Communications 7:13276, Fig. 4. https://doi.org/10.1038/ncomms13276

Reproduces: the network of Fig. 4 (784-1500-1500-1500-1000, 100 output units a class) learning MNIST while forward
activity, feedback and plasticity evolve together in every step; rasters and PSPs early, middle and late.

Deviations from the paper:

* ``phi_delta`` is only called "a simple sigmoidal function centred on 0"; here it is tanh.
* The paper shows one image at a time. With S streams, S images are shown at once and their updates are summed,
  all with the weights at the start of the step; ``streams=1`` is the paper.
* A unit's output is a float 0 or 1, and the arithmetic is float32 unless asked otherwise.

Parameters that the paper does not have, all off by default:

* running means of the spikes, subtracted in the rule (``rate_average_steps``);
* input spikes that fail (``release_probability``);
* first-layer units that receive a few pixels (``receptive_field_pixels``);
* the output layer's own loss, and output units that compete (``loss``, ``softmax``);
* every other way of the errors down (``pathway``), and hidden units that receive the errors of two classes
  (``feedback_pairs``);
* feedback products in fewer bits (``feedback_precision``);
* learning rates by layer, a schedule, momentum, and weights averaged for testing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np
from brian2 import ms

import spikefa as fa

INPUT = """
x : 1   # pixel intensity
s : 1   # spike
"""
INPUT_SPIKES = "s = int(rand() < clip(x, 0, max_spike_probability))"
FAILING_SPIKES = "s = int(rand() < release_probability * clip(x, 0, max_spike_probability))"  # not in the paper

LAYER = """
dv/dt = (I - v) / tau : 1    # potential
I : 1                        # s_below @ W + b
p = 1 / (1 + exp(-v)) : 1    # probability of a spike
psi = p * (1 - p) : 1        # its derivative
s : 1                        # spike
"""
SPIKES = "s = int(rand() < p)"
# Not in the paper: output units of different classes compete, so that in each group of one unit a class p is the
# softmax of the potentials.
COMPETING = LAYER.replace("p = 1 / (1 + exp(-v)) : 1 ", "p : 1")

ERROR = """
du/dt = (layer_s - target - u) / tau : 1
target : 1
delta : 1
"""
FEEDBACK = """
du/dt = (J - u) / tau : 1
J : 1                        # delta_above @ B
delta : 1
"""
MODULATION = "delta = tanh(u)"

RULE = "dW = -eta * delta_post * psi_post * s_pre - gamma * W"
# Not in the paper: the mean of the presynaptic spikes makes one direction of the updates far larger than the
# others, which bounds eta; a unit that knows its own mean rate can subtract it.
MEAN = """
dm/dt = (s - m) / tau_mean : 1
centred = s - m : 1
"""
CENTRED = "centred_pre"  # in the rule, in the place of s_pre; for a bias it is 1
# Pathways whose delta is to be the gradient: the derivative goes down with the error, and is in no rule.
GRADIENT = "delta = u * layer_psi"
BY_NOISE = ("reinforce", "reinforce_feedback", "node_perturbation", "node_perturbation_feedback")
OF_GRADIENTS = ("backprop", "sign_symmetric", "kolen_pollack", "product", "relaxation", *BY_NOISE)
# Pathways whose feedback weights are fixed and dense.
FIXED = ("alignment", "direct", "augmented_direct", "indirect")
# Their rule, and that of the output layer for the cross-entropy of its spikes, competing or not.
PLAIN_RULE = "dW = -eta * delta_post * s_pre - gamma * W"
# A unit's spike noise: what its spike tells of its current, d log P(s) / dv.
NOISE = "layer_s - layer_p"
# An output unit's part of the loss, by its probability of a spike: its own spike's noise is not in it.
LOSSES = {
    "squared_error": "(layer_p - target)**2 / 2",
    "cross_entropy": "log(1 + exp(layer_v)) - target * layer_v",
    "softmax": "-target * log(layer_p + 1e-30)",
}


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters, with the published values."""

    pixels: Annotated[int, fa.Range(1)] = 784
    """Input units, one a pixel."""
    hidden: tuple[Annotated[int, fa.Range(1)], ...] = (1500, 1500, 1500)
    """Units of each hidden layer."""
    outputs: Annotated[int, fa.Range(1)] = 1000
    """Output units, in equal groups, one group a class."""
    classes: Annotated[int, fa.Range(1)] = 10
    """Number of classes."""
    dt_over_tau: Annotated[float, fa.Range(0, 1, open_low=True)] = 0.9
    """dt/tau of potentials and feedback."""
    max_spike_probability: Annotated[float, fa.Range(0, 1, open_low=True)] = 0.95
    """Largest spike probability of an input unit in a step."""
    release_probability: Annotated[float, fa.Range(0, 1, open_low=True)] = 1.0
    """Probability that a spike of an input unit is transmitted, in training and in tests; in the paper all are."""
    weight_range: Annotated[float, fa.Range(0)] = 0.05
    """Forward weights start uniform in +- this."""
    weight_range_first: Annotated[float, fa.Range(0)] | None = None
    """The same for the first hidden layer; none: as the others."""
    receptive_field_pixels: Annotated[int, fa.Range(1)] | None = None
    """Pixels that a unit of the first hidden layer receives, which vary together in the training images; none: all."""
    output_bias: float = 0.0
    """Initial bias of the output units; with log(1 / (classes - 1)), their mean errors start at 0."""
    feedback_range: Annotated[float, fa.Range(0)] = 0.1
    """Feedback weights are uniform in +- this."""
    feedback_precision: Literal["float32", "bfloat16", "int8"] | None = None
    """Number format in which fixed feedback weights and errors are multiplied; none: as `dtype`."""
    eta: Annotated[float, fa.Range(0)] = 1e-3
    """Learning rate, for the update summed over the streams."""
    gamma: Annotated[float, fa.Range(0, 1, open_high=True)] = 1e-8
    """Decay of weights and biases in a step."""
    eta_factor_first: Annotated[float, fa.Range(0)] = 1.0
    """Factor of eta in the first hidden layer."""
    eta_factor_output: Annotated[float, fa.Range(0)] = 1.0
    """Factor of eta in the output layer."""
    loss: Literal["squared_error", "cross_entropy"] = "squared_error"
    """Which error the output layer descends: squared_error by the published rule, cross_entropy by that without psi."""
    softmax: bool = False
    """Whether output units of different classes divide one spike probability among them, for the cross-entropy."""
    momentum: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = None
    """Momentum of the updates; the paper has none."""
    lr_milestones: tuple[Annotated[int, fa.Range(0)], ...] = ()
    """Epochs after which the learning rate is divided by `lr_divisor`; the paper's is constant."""
    lr_divisor: Annotated[float, fa.Range(0, open_low=True)] = 3.0
    """Divisor of the learning rate after each of these epochs."""
    rate_average_steps: Annotated[float, fa.Range(1)] | None = None
    """Time constant, in steps, of the running mean of each unit's spikes that the rule subtracts; none: no mean."""
    pathway: Annotated[
        Literal[
            "alignment",
            "direct",
            "augmented_direct",
            "indirect",
            "sign_symmetric",
            "pseudobackprop",
            "kolen_pollack",
            "product",
            "relaxation",
            "reinforce",
            "reinforce_feedback",
            "node_perturbation",
            "node_perturbation_feedback",
            "shuffled_feedback",
            "backprop",
            "output_only",
        ],
        fa.OrRegistered("spikefa.pathways"),
    ] = "alignment"
    """How errors reach the hidden layers: alignment is the paper's; shuffled_feedback (B in a new order in every step),
    backprop and output_only (not at all) are controls."""
    feedback_pairs: bool = False
    """Whether a hidden unit receives only the errors of two random classes, one by plus and one by minus
    `feedback_range`; with the direct pathway."""
    feedback_every: Annotated[int, fa.Range(1)] = 1
    """Steps from one computation of sign_symmetric's and pseudobackprop's feedback weights to the next."""
    pseudoinverse_cutoff: Annotated[float, fa.Range(0, 1)] | None = None
    """Singular values below this fraction of the largest count as 0 in pseudobackprop; none: numpy's."""
    feedback_nonlinearity: str = "cos(layer_v)"
    """What augmented_direct has in the place of psi."""
    product_units: Annotated[int, fa.Range(1)] = 1000
    """Units between two feedback populations; with the product pathway."""
    relaxation_step: Annotated[float, fa.Range(0, 1, open_low=True)] = 0.2
    """How far the feedback to a hidden layer goes in a step; with relaxation."""
    baseline_steps: Annotated[float, fa.Range(1)] = 2.0
    """Time constant, in steps, of the mean loss that reinforce and reinforce_feedback subtract."""
    noise: Annotated[float, fa.Range(0, open_low=True)] = 0.1
    """Standard deviation of the noise of node_perturbation and node_perturbation_feedback."""
    eta_feedback: Annotated[float, fa.Range(0)] = 1e-5
    """Learning rate of the feedback weights of reinforce_feedback and node_perturbation_feedback."""
    averaging_images: Annotated[int, fa.Range(1)] | None = None
    """Images over which weights are averaged for testing; the paper does not average."""
    steps_per_image: Annotated[int, fa.Range(1)] = 5
    """Steps for which a training image is shown."""
    test_steps: Annotated[int, fa.Range(1)] = 5
    """Steps for which a test image is shown."""
    epochs: Annotated[int, fa.Range(0)] = 5
    """Passes over the training images, unless the command line says how many."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""
    rule: str = RULE
    """Plasticity of every forward projection."""

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if not self.hidden:
            self.refuse("hidden", "name at least one hidden layer")
        if self.feedback_pairs and self.pathway != "direct":
            self.refuse("pathway", "be direct with feedback_pairs")
        if self.feedback_pairs and self.classes < 2:
            self.refuse("classes", "be at least 2 with feedback_pairs")
        if self.softmax and self.loss != "cross_entropy":
            self.refuse("loss", "be cross_entropy with softmax")
        if self.feedback_precision is not None and self.dtype != "float32":
            self.refuse("dtype", "be float32 with a feedback_precision")
        if self.feedback_precision is not None and self.pathway not in FIXED:
            self.refuse("pathway", f"be one of {', '.join(FIXED)} with a feedback_precision")


# The lowest error with fixed random feedback: two hidden layers, chosen with 25,000 training images on the last 10,000
# (see docs/results/tuning).
_DENSE = {
    "hidden": (1500, 1500),
    "outputs": 200,
    "rate_average_steps": 500.0,
    "loss": "cross_entropy",
    "output_bias": -2.2,
    "release_probability": 0.7,
    "feedback_range": 0.06,
    "eta": 2e-2,
    "eta_factor_first": 10.0,
    "eta_factor_output": 0.3,
    "lr_milestones": (30, 36),
    "averaging_images": 120000,
    "epochs": 40,
    "test_steps": 20,
}

# First-layer units that receive 60 pixels, and twice as many of them; settings chosen as those of `dense`.
_RECEPTIVE_FIELDS = _DENSE | {
    "hidden": (3000, 1500),
    "receptive_field_pixels": 60,
    "weight_range_first": 0.3,
    "eta_factor_first": 60.0,
    "release_probability": 0.85,
}
# Each hidden unit receives the errors of two classes (chosen with 25,000 training images on the other 35,000).
_TWO_CLASS_FEEDBACK = _RECEPTIVE_FIELDS | {"pathway": "direct", "feedback_pairs": True, "feedback_range": 0.035}
# A wider first layer and about as many weights, chosen in the same way.
_WIDE = _TWO_CLASS_FEEDBACK | {"hidden": (6000, 750)}
# The controls of `dense` and `receptive_fields`: the same network, loss and schedule. Backpropagation has the first
# rates that were tried; hidden layers that do not learn have weights through which signals pass.
_BACKPROP = {"pathway": "backprop", "weight_range": 0.1, "eta": 2e-3, "eta_factor_output": 3.0}
_OUTPUT_ONLY = {"pathway": "output_only", "weight_range": 2.0}

PRESETS = {
    # For scikit-learn's 8 x 8 digits; scales chosen on the last 237 training images, eta on the last 300.
    "digits": {
        "pixels": 64,
        "hidden": (300, 300),
        "outputs": 300,
        "weight_range": 0.2,
        "feedback_range": 0.3,
        "eta": 2e-2,
        "test_steps": 20,
    },
    "dense": _DENSE,
    "receptive_fields": _RECEPTIVE_FIELDS,
    "two_class_feedback": _TWO_CLASS_FEEDBACK,
    "wide": _WIDE,
    "dense_backprop": _DENSE | _BACKPROP | {"eta_factor_first": 3.0},
    "dense_output_only": _DENSE | _OUTPUT_ONLY,
    "receptive_fields_backprop": _RECEPTIVE_FIELDS | _BACKPROP | {"eta_factor_first": 18.0},
    "receptive_fields_output_only": _RECEPTIVE_FIELDS | _OUTPUT_ONLY | {"weight_range_first": 2.0},
}

#: The preset of ``spikefa demo``.
DEMO = "digits"

#: The data sets of presets that are not for MNIST.
DATA = {"digits": "digits"}


def sizes(params: Params, dataset: fa.datasets.Dataset) -> dict:
    """Parameters that follow from the data: the input, the classes, and as many output units a class as before."""
    classes = dataset.classes or params.classes
    outputs = params.outputs // params.classes * classes
    return {"pixels": dataset.train_images.shape[1], "classes": classes, "outputs": outputs}


def lr_factor(params: Params, epoch: int) -> float:
    """Factor of the learning rate in an epoch; 0 is the first."""
    return fa.step_schedule(epoch, params.lr_milestones, params.lr_divisor)


def _two_classes(params: Params) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        outputs, units = shape
        one, other = np.array([rng.permutation(params.classes)[:2] for _ in range(units)]).T
        classes = np.arange(outputs)[:, None] * params.classes // outputs
        return params.feedback_range * (1.0 * (classes == one) - (classes == other))

    return draw


def _add_pathway(net: fa.Network, params: Params, constants: dict) -> None:
    emit, emit_error = MODULATION, MODULATION
    if params.pathway in OF_GRADIENTS:
        emit, emit_error = GRADIENT, "delta = u" if params.loss == "cross_entropy" else GRADIENT
    fa.add_pathway(
        net,
        params.pathway,
        error=ERROR,
        emit_error=emit_error,
        feedback=FEEDBACK,
        emit=emit,
        B=_two_classes(params) if params.feedback_pairs else fa.uniform(params.feedback_range),
        feedback_precision=params.feedback_precision,
        namespace=constants,
        scale=params.feedback_range,
        every=params.feedback_every,
        cutoff=params.pseudoinverse_cutoff,
        nonlinearity=params.feedback_nonlinearity,
        units=params.product_units,
        rule=partial(_rule, net, params=params),
        step=params.relaxation_step,
        loss=LOSSES["softmax" if params.softmax else params.loss],
        score=NOISE,
        derivative="layer_psi",
        baseline_steps=params.baseline_steps,
        noise=params.noise,
        eta=params.eta_feedback,
    )


def _rule(net: fa.Network, layer: fa.Layer, params: Params) -> fa.Plasticity:
    top = layer is net.layers[-1]
    without = params.loss == "cross_entropy" if top else params.pathway == "augmented_direct"
    plain = without or params.pathway in OF_GRADIENTS
    text = PLAIN_RULE if plain and params.rule == RULE else params.rule
    if params.rate_average_steps:
        text = text.replace("s_pre", CENTRED)
    factor = params.eta_factor_output if top else params.eta_factor_first if layer is net.layers[0] else 1.0
    constants = {"eta": factor * params.eta, "gamma": params.gamma}
    optimizer = fa.Momentum(params.momentum) if params.momentum else fa.SGD()
    return fa.Plasticity(text, constants, optimizer)


def build(
    params: Params = Params(), streams: int = 1, seed: int = 0, images: Callable[[], np.ndarray] | None = None
) -> fa.Network:
    """Build the network.

    `images` returns the training images, ``(n, pixels)``, which `receptive_field_pixels` needs.
    """
    if params.receptive_field_pixels and images is None:
        params.refuse("receptive_field_pixels", "be None without the training images")
    net = fa.Network(streams=streams, seed=seed, dt=1 * ms, dtype=params.dtype, target=params.target)
    constants = {"tau": net.clock.dt / params.dt_over_tau}
    mean = ""
    if params.rate_average_steps:
        mean, constants["tau_mean"] = MEAN, net.clock.dt * params.rate_average_steps
    probabilities = {
        "max_spike_probability": params.max_spike_probability,
        "release_probability": params.release_probability,
    }
    below = fa.Input(
        net,
        "image",
        params.pixels,
        INPUT + mean,
        emit=INPUT_SPIKES if params.release_probability == 1 else FAILING_SPIKES,
        namespace=probabilities | constants,
    )
    sizes = {f"h{number}": units for number, units in enumerate(params.hidden, start=1)}
    for name, units in {**sizes, "output": params.outputs}.items():
        competes = params.softmax and name == "output"
        equations = (COMPETING if competes else LAYER) + mean
        layer = fa.Layer(net, name, units, equations, emit=SPIKES, namespace=constants)
        if competes:
            fa.Softmax(net, layer, result="p", groups=units // params.classes)
        if mean:
            layer.view("m")[...] = 0.5
    _add_pathway(net, params, constants)
    for layer in net.layers:
        learns = params.pathway != "output_only" or layer is net.layers[-1]
        weight_range, mask = params.weight_range, None
        if layer is net.layers[0]:
            if params.weight_range_first is not None:
                weight_range = params.weight_range_first
            if params.receptive_field_pixels:
                mask = fa.correlated_receptive_fields(images(), params.receptive_field_pixels)
        fa.Projection(
            net,
            below,
            layer,
            fa.uniform(weight_range),
            mask=mask,
            bias=np.full(layer.units, params.output_bias if layer is net.layers[-1] else 0.0),
            plasticity=_rule(net, layer, params) if learns else None,
        )
        below = layer
    if params.averaging_images:
        fa.WeightAverage(net, params.averaging_images)
    fa.classification_task(net, params.steps_per_image, params.classes)
    return net
