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

Parameters that the paper does not have, all off by default: running means of the spikes subtracted in the rule
(``mean_steps``), input spikes that fail (``release``), first-layer units that hear a few pixels (``field``), the output
layer's own loss and output units that compete (``loss``, ``softmax``), direct feedback and hidden units that hear the
errors of two classes (``pathway``, ``feedback_pairs``), learning rates by layer, a schedule, momentum, weights averaged
for testing, and the controls (``pathway``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from brian2 import ms

import spikefa as fa

INPUT = """
x : 1   # pixel intensity
s : 1   # spike
"""
INPUT_SPIKES = "s = int(rand() < clip(x, 0, max_rate))"
FAILING_SPIKES = "s = int(rand() < release * clip(x, 0, max_rate))"  # not in the paper

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
# Backpropagation, a control: the derivative goes down with the error.
GRADIENT = "delta = u * layer_psi"
# Backpropagation's rule, and without psi the output layer's for the cross-entropy of its spikes, competing or not.
PLAIN_RULE = "dW = -eta * delta_post * s_pre - gamma * W"


@dataclass(frozen=True)
class Params:
    """Parameters, with the published values."""

    pixels: int = 784
    """Input units, one a pixel."""
    hidden: tuple[int, ...] = (1500, 1500, 1500)
    """Units of each hidden layer."""
    outputs: int = 1000
    """Output units, in equal groups, one group a class."""
    classes: int = 10
    """Number of classes."""
    a: float = 0.9
    """dt/tau of potentials and feedback."""
    max_rate: float = 0.95
    """Largest spike probability of an input unit in a step."""
    release: float = 1.0
    """Probability that a spike of an input unit gets out, in training and in tests; in the paper all do."""
    weight_range: float = 0.05
    """Forward weights start uniform in +- this."""
    weight_range_first: float = 0.0
    """The same for the first hidden layer; 0: as the others."""
    field: int = 0
    """Pixels that a unit of the first hidden layer hears, such as vary together in the training images; 0: all."""
    output_bias: float = 0.0
    """Initial bias of the output units; where it is log(1 / (classes - 1)), their mean errors start at 0."""
    feedback_range: float = 0.1
    """Feedback weights are uniform in +- this."""
    eta: float = 1e-3
    """Learning rate, for the update summed over the streams."""
    gamma: float = 1e-8
    """Decay of weights and biases in a step."""
    eta_first: float = 1.0
    """Factor of eta in the first hidden layer."""
    eta_output: float = 1.0
    """Factor of eta in the output layer."""
    loss: str = "squares"
    """Which error the output layer descends: squares, the published rule, or cross_entropy, the rule without psi."""
    softmax: bool = False
    """Whether output units of different classes divide one spike probability among them, for the cross-entropy."""
    momentum: float = 0.0
    """Momentum of the updates; the paper has none."""
    drop_after: tuple[int, ...] = ()
    """Epochs after which the learning rate is divided by `drop_by`; the paper's is constant."""
    drop_by: float = 3.0
    """Divisor of the learning rate after each of these epochs."""
    mean_steps: float = 0.0
    """Time constant, in steps, of the running mean of each unit's spikes that the rule subtracts; 0: nothing is."""
    pathway: str = "alignment"
    """How errors come down: alignment, direct (from the output to each hidden layer), or as controls reshuffled (B in a
    new order in every step), transpose (backpropagation) or shallow (they do not: only the output layer learns)."""
    feedback_pairs: bool = False
    """Whether a hidden unit hears only the errors of two classes, drawn once, one by plus and one by minus
    `feedback_range`; with the direct pathway."""
    average: int = 0
    """Images over which weights are averaged for testing; 0: none, as in the paper."""
    steps_per_image: int = 5
    """Steps for which a training image is shown."""
    test_steps: int = 5
    """Steps for which a test image is shown."""
    epochs: int = 5
    """Passes over the training images, unless the command line says how many."""
    dtype: str = "float32"
    """Float type of states and weights."""
    target: str = "numba"
    """Brian2 code-generation target of the equations: numba, numpy or cython."""
    rule: str = RULE
    """Plasticity of every forward projection."""


# The lowest error with fixed random feedback: two hidden layers, chosen with 25,000 training images on the last 10,000
# (see examples/SETTINGS.md).
_BEST = {
    "hidden": (1500, 1500), "outputs": 200, "mean_steps": 500.0, "loss": "cross_entropy", "output_bias": -2.2,
    "release": 0.7, "feedback_range": 0.06, "eta": 2e-2, "eta_first": 10.0, "eta_output": 0.3,
    "drop_after": (30, 36), "average": 120000, "epochs": 40, "test_steps": 20,
}  # fmt: skip

# First-layer units that hear 60 pixels, and twice as many of them; settings chosen as those of `best`.
_FIELDS = _BEST | {
    "hidden": (3000, 1500), "field": 60, "weight_range_first": 0.3, "eta_first": 60.0, "release": 0.85,
}  # fmt: skip
# Each hidden unit hears the errors of two classes (chosen with 25,000 training images on the other 35,000).
_PAIRS = _FIELDS | {"pathway": "direct", "feedback_pairs": True, "feedback_range": 0.035}
# A wider first layer and about as many weights, chosen in the same way.
_WIDE = _PAIRS | {"hidden": (6000, 750)}
# The controls of `best` and `best_fields`: the same network, loss and schedule. Backpropagation has the first rates
# that were tried; hidden layers that do not learn have weights through which signals pass.
_BACKPROP = {"pathway": "transpose", "weight_range": 0.1, "eta": 2e-3, "eta_output": 3.0}
_FROZEN = {"pathway": "shallow", "weight_range": 2.0}

PRESETS = {
    # For scikit-learn's 8 x 8 digits; scales chosen on the last 237 training images.
    "demo": {
        "pixels": 64, "hidden": (300, 300), "outputs": 300, "weight_range": 0.2, "feedback_range": 0.3,
        "eta": 4e-3, "test_steps": 20,
    },
    "best": _BEST,
    "best_fields": _FIELDS,
    "best_pairs": _PAIRS,
    "best_wide": _WIDE,
    "best_backprop": _BEST | _BACKPROP | {"eta_first": 3.0},
    "best_frozen": _BEST | _FROZEN,
    "best_fields_backprop": _FIELDS | _BACKPROP | {"eta_first": 18.0},
    "best_fields_frozen": _FIELDS | _FROZEN | {"weight_range_first": 2.0},
}  # fmt: skip


def learning_rate(params: Params, epoch: int) -> float:
    """Factor of the learning rate in an epoch; 0 is the first."""
    return params.drop_by ** -sum(epoch >= drop for drop in params.drop_after)


def _check(params: Params) -> None:
    def must(name: str, rule: str, holds: bool) -> None:
        if not holds:
            raise ValueError(f"lillicrap2016_spiking: {name} must be {rule}, got {getattr(params, name)!r}")

    pathways = ("alignment", "direct", "reshuffled", "transpose", "shallow")
    must("pathway", "alignment, direct, reshuffled, transpose or shallow", params.pathway in pathways)
    must("pathway", "direct with feedback_pairs", not params.feedback_pairs or params.pathway == "direct")
    must("classes", "at least 2 with feedback_pairs", not params.feedback_pairs or params.classes >= 2)
    must("loss", "squares or cross_entropy", params.loss in ("squares", "cross_entropy"))
    must("loss", "cross_entropy with softmax", not params.softmax or params.loss == "cross_entropy")
    for name in ("a", "max_rate", "release"):
        must(name, "above 0 and at most 1", 0 < getattr(params, name) <= 1)
    for name in ("weight_range", "weight_range_first", "feedback_range"):
        must(name, "finite and at least 0", 0 <= getattr(params, name) < np.inf)
    must("mean_steps", "0 or at least 1", params.mean_steps == 0 or params.mean_steps >= 1)
    must("drop_by", "above 0", params.drop_by > 0)
    for name in ("eta", "eta_first", "eta_output"):
        must(name, "at least 0", getattr(params, name) >= 0)
    must("gamma", "at least 0 and below 1", 0 <= params.gamma < 1)
    must("drop_after", "numbers of epochs", all(epoch >= 0 for epoch in params.drop_after))


def _pairs_of_classes(params: Params) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        outputs, units = shape
        one, other = np.array([rng.permutation(params.classes)[:2] for _ in range(units)]).T
        classes = np.arange(outputs)[:, None] * params.classes // outputs
        return params.feedback_range * (1.0 * (classes == one) - (classes == other))

    return draw


def _add_pathway(net: fa.Network, params: Params, constants: dict) -> None:
    options = {"error": ERROR, "emit": MODULATION, "namespace": constants}
    B = _pairs_of_classes(params) if params.feedback_pairs else fa.uniform(params.feedback_range)
    if params.pathway == "alignment":
        fa.feedback_alignment(net, feedback=FEEDBACK, B=B, **options)
    elif params.pathway == "direct":
        fa.direct_feedback_alignment(net, feedback=FEEDBACK, B=B, **options)
    elif params.pathway == "reshuffled":
        fa.shuffled_feedback(net, feedback=FEEDBACK, B=B, **options)
    elif params.pathway == "transpose":
        top = "delta = u" if params.loss == "cross_entropy" else GRADIENT
        fa.backprop(net, feedback=FEEDBACK, **{**options, "emit": GRADIENT, "emit_error": top})
    else:
        fa.output_only(net, **options)


def _rule(net: fa.Network, layer: fa.Layer, params: Params) -> fa.Plasticity:
    top = layer is net.layers[-1]
    plain = params.pathway == "transpose" or (top and params.loss == "cross_entropy")
    text = PLAIN_RULE if plain and params.rule == RULE else params.rule
    if params.mean_steps:
        text = text.replace("s_pre", CENTRED)
    factor = params.eta_output if top else params.eta_first if layer is net.layers[0] else 1.0
    return fa.Plasticity(text, {"eta": factor * params.eta, "gamma": params.gamma}, optimizer=fa.Momentum(params.momentum) if params.momentum else fa.SGD())


def build(
    params: Params = Params(), streams: int = 1, seed: int = 0, images: Callable[[], np.ndarray] | None = None
) -> fa.Network:
    """Build the network; `images` returns the training images, ``(n, pixels)``, of which `field` needs to know."""
    _check(params)
    if params.field and images is None:
        raise ValueError(f"lillicrap2016_spiking: a field of {params.field} pixels needs the training images")
    net = fa.Network(streams=streams, seed=seed, dt=1 * ms, dtype=params.dtype, target=params.target)
    constants = {"tau": net.clock.dt / params.a, "tau_mean": net.clock.dt * params.mean_steps}
    mean = MEAN if params.mean_steps else ""
    below = fa.Input(
        net, "image", params.pixels, INPUT + mean, emit=INPUT_SPIKES if params.release == 1 else FAILING_SPIKES,
        namespace={"max_rate": params.max_rate, "release": params.release, **constants},
    )  # fmt: skip
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
        learns = params.pathway != "shallow" or layer is net.layers[-1]
        first = layer is net.layers[0]
        fa.Projection(
            net, below, layer, fa.uniform((first and params.weight_range_first) or params.weight_range),
            mask=fa.correlated_receptive_fields(images(), params.field) if first and params.field else None,
            bias=np.full(layer.units, params.output_bias if layer is net.layers[-1] else 0.0),
            plasticity=_rule(net, layer, params) if learns else None,
        )  # fmt: skip
        below = layer
    if params.average:
        fa.WeightAverage(net, params.average)
    fa.classification_task(net, params.steps_per_image, params.classes)
    return net
