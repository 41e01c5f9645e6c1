"""Temporal differences in the place of the derivative: differential plasticity in the spiking network.

The network is that of Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, Fig. 4,
https://doi.org/10.1038/ncomms13276. Its rule multiplies the error that reaches a unit by psi, the slope p * (1 - p) of
its spike probability, which a unit would have to know. What it has are its spikes in this step and in the one before.
That plasticity may follow the change of postsynaptic activity, and that spike-timing windows do so, is due to
Xie & Seung (2000), Spike-based learning rules and stabilization of persistent neural activity, NIPS 12, and
Bengio, Mesnard, Fischer, Zhang & Wu (2017), STDP-compatible approximation of backpropagation in an energy-based model,
Neural Computation 29:555, https://doi.org/10.1162/NECO_a_00934.

Rules of the hidden layers, by the parameter ``hidden_rule``:

* ``derivative``: the published rule, psi = p * (1 - p).
* ``rectified``: in the place of psi, (s - s_last)**2 / 2, of the unit's spikes s now and s_last a step before: 0 or
  one half. If the potential stays, its mean is p * (1 - p); if it moves, (p + p_last - 2 p p_last) / 2.
* ``spikes``, ``potential``: s - s_last, or v - v_last. The sign of a change is no slope: negative controls.
* ``nudged``: no psi and no product with the error. The feedback would move the potential, v - kappa * delta (kappa is
  ``nudging_strength``), and the unit compares the spike that it would then emit with the one that it emits:
  dW = eta / kappa * s_pre * (nudged - s), of mean -eta * delta * psi * s_pre for small kappa. Both spikes are of one
  random number, or, with ``shared_random_number=False``, of two.
* ``pairwise``: the same by the order of spikes: eta / kappa * (s_last_pre * nudged - s_pre * s_last), a spike-timing
  window of one step on either side.
* ``stdp``: the same with exponential windows of ``window_steps``: eta / kappa * (trace_pre * nudged - s_pre * trace),
  of traces of the image's spikes before this step. Both windows have the same area, so that only changes count.
* ``real_nudge``: such windows and nothing else, eta / kappa * (trace_pre * s - s_pre * trace), of spikes that feedback
  has moved: from an image's step ``free_steps`` on, counted from 0, a hidden unit's potential is v - kappa * delta, of
  the step before. The change of its rate, about -kappa * delta * psi, is what the windows see.
* ``itd_dy``, ``itd_y``, ``itd_sub``: the forms of iterative temporal differencing (Dargazany 2019, see
  ``dargazany2019_itd``), whose differences are there of unrelated batches, and here of two steps of one image: in the
  place of psi delta - delta_last, or the change of the outputs that are sent down by the feedback weights; or
  (delta - delta_last) * psi. Its form with the unit's own output is ``spikes``.
* ``none``: hidden layers do not learn, a control.

There is no reset between images, so that a difference in an image's first step would be one of two images. It counts
as 0 in all rules but ``derivative`` and ``nudged``, which therefore learn in four of five steps. After
``settling_steps`` other than 1 it is the first so many steps. (The model knows images by ``steps_per_image``,
counted by the clock. What it learns from must begin at a multiple of these steps, and is refused otherwise.)

Deviations from the paper: tanh as phi_delta and summed updates of several streams, as in ``lillicrap2016_spiking``;
psi; and the output layer's rule, which has no psi (``loss``). There the error is made of the unit's own spikes in the
same step, so that the mean of error times difference is not the product of their means: with ``loss=squared_error``,
the published error, the differences teach output units to be silent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from brian2 import ms

import spikefa as fa

INPUT = """
x : 1        # pixel intensity
s : 1        # spike
s_last : 1   # spike a step before
"""
INPUT_SPIKES = """
s_last = s
s = int(rand() < clip(x, 0, max_spike_probability))
"""
WITHIN = "within = int(t_in_timesteps % steps >= settling_steps) : 1    # 0 in the first steps of an image"
# Traces of the rules with exponential windows begin anew with each image. `filled` is the trace of a unit that always
# spikes: a bias is learned as the weight from such a unit, whose trace is written 1, as a mean of its spikes.
TRACE = """
filtered : 1    # the spikes before this step, in the window
filled = within * (1 - decay ** (t_in_timesteps % steps - settling_steps + 1)) : 1
trace = filtered / (filled + 1 - within) : 1    # their mean
"""
TRACE_OF_SPIKES = "filtered = within * (decay * filtered + (1 - decay) * s)\n"

LAYER = """
dv/dt = (I - v) / tau : 1    # potential
I : 1                        # s_below @ W + b
p = 1 / (1 + exp(-v)) : 1    # probability of a spike
psi = p * (1 - p) : 1        # its derivative, which most rules do without
r : 1                        # random number of the spike
s : 1                        # spike
s_last : 1                   # spike a step before
"""
SPIKES = """
s_last = s
r = rand()
s = int(r < p)
"""
# The random number of the nudged spike is that of the spike, or one of its own.
ONE_RANDOM_NUMBER = "r_nudged = r : 1"
TWO_RANDOM_NUMBERS = "r_nudged : 1"
SPIKES_OF_TWO_RANDOM_NUMBERS = SPIKES + "r_nudged = rand()\n"
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
SUB_RULE = "dW = -eta * change_post * psi_post * s_pre - gamma * W"
CHANGE_RULE = "dW = -eta * delta_post * change_post * s_pre - gamma * W"
NUDGED_RULE = "dW = eta / kappa * (nudged_post - s_post) * s_pre - gamma * W"
PAIRWISE_RULE = (
    "dW = eta / kappa * (within_post * nudged_post * s_last_pre - within_post * s_last_post * s_pre) - gamma * W"
)
STDP_RULE = "dW = eta / kappa * (filled_post * nudged_post * trace_pre - filled_post * trace_post * s_pre) - gamma * W"
REAL_NUDGE_RULE = STDP_RULE.replace("nudged_post", "s_post")
OUTPUT_RULE = "dW = -eta * delta_post * s_pre - gamma * W"

# The spike, had feedback moved the potential; and a potential that it moves.
NUDGED = "nudged = int(r_nudged < 1 / (1 + exp(kappa * delta - v))) : 1"
FREE_P = "p = 1 / (1 + exp(-v)) : 1"
NUDGED_P = "p = 1 / (1 + exp(kappa * delta * int(t_in_timesteps % steps >= free_steps) - v)) : 1"
CHANGE_OF_DELTA = "delta_last : 1\nchange = within * (delta - delta_last) : 1"


class Rule(NamedTuple):
    """A rule of the hidden layers: its text, and what a layer needs for it beside LAYER and SPIKES."""

    text: str
    equations: str = ""
    before_spikes: str = ""


RULES = {
    "none": Rule(""),
    "derivative": Rule(RULE),
    "rectified": Rule(CHANGE_RULE, "change = within * (s - s_last)**2 / 2 : 1"),
    "spikes": Rule(CHANGE_RULE, "change = within * (s - s_last) : 1"),
    "potential": Rule(CHANGE_RULE, "v_last : 1\nchange = within * (v - v_last) : 1"),
    "nudged": Rule(NUDGED_RULE, NUDGED),
    "pairwise": Rule(PAIRWISE_RULE, NUDGED),
    "stdp": Rule(STDP_RULE, f"{NUDGED}{TRACE}", TRACE_OF_SPIKES),
    "real_nudge": Rule(REAL_NUDGE_RULE, TRACE, TRACE_OF_SPIKES),
    "itd_dy": Rule(CHANGE_RULE, CHANGE_OF_DELTA, "delta_last = delta\n"),
    "itd_y": Rule(CHANGE_RULE, "sent_last : 1\nchange = within * (sent - sent_last) : 1", "sent_last = sent\n"),
    "itd_sub": Rule(SUB_RULE, CHANGE_OF_DELTA, "delta_last = delta\n"),
}
#: Rules without a difference.
IN_EVERY_STEP = ("none", "derivative", "nudged")
SENT = """
J : 1                        # outputs @ B of the layers between
sent : 1
"""


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters; of the network, with the published values."""

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
    weight_range: Annotated[float, fa.Range(0)] = 0.05
    """Forward weights start uniform in +- this."""
    feedback_range: Annotated[float, fa.Range(0)] = 0.1
    """Feedback weights are uniform in +- this."""
    hidden_rule: Literal[
        "derivative",
        "rectified",
        "spikes",
        "potential",
        "nudged",
        "pairwise",
        "stdp",
        "real_nudge",
        "itd_dy",
        "itd_y",
        "itd_sub",
        "none",
    ] = "rectified"
    """The rule of the hidden layers; derivative is the published one."""
    loss: Literal["squared_error", "cross_entropy"] = "cross_entropy"
    """Which error the output layer descends: squared_error by the same rule as the hidden layers (the published one,
    with derivative), or cross_entropy by the rule without psi, so that no unit needs a derivative."""
    nudging_strength: Annotated[float, fa.Range(0, open_low=True)] = 1.0
    """How far feedback moves the potential, in units of delta: kappa in the equations of nudged, pairwise, stdp
    and real_nudge."""
    shared_random_number: bool = True
    """Whether the spike and the nudged spike are of one random number; of the rules nudged, pairwise and
    stdp."""
    window_steps: Annotated[float, fa.Range(0, open_low=True)] = 2.0
    """Time constant of the windows of stdp and real_nudge, in steps."""
    settling_steps: Annotated[int, fa.Range(1)] = 1
    """Steps at the start of an image in which differences and traces are 0."""
    free_steps: Annotated[int, fa.Range(1)] = 3
    """Steps of an image before feedback moves potentials, in real_nudge."""
    eta: Annotated[float, fa.Range(0)] = 1e-3
    """Learning rate, for the update summed over the streams."""
    gamma: Annotated[float, fa.Range(0, 1, open_high=True)] = 1e-8
    """Decay of weights and biases in a step."""
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

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if not self.hidden:
            self.refuse("hidden", "name at least one hidden layer")
        if self.hidden_rule not in IN_EVERY_STEP and self.steps_per_image <= self.settling_steps:
            self.refuse("steps_per_image", f"be at least {self.settling_steps + 1} for {self.hidden_rule}")
        if self.hidden_rule == "itd_y" and self.loss != "cross_entropy":
            self.refuse("loss", "be cross_entropy for itd_y")
        if self.hidden_rule == "real_nudge" and not self.settling_steps <= self.free_steps < self.steps_per_image:
            self.refuse("free_steps", "be settling_steps at least and below steps_per_image for real_nudge")


_SMALL = {"hidden": (500, 500, 500), "outputs": 500, "weight_range": 0.1, "test_steps": 20}
PRESETS = {
    # For scikit-learn's 8 x 8 digits.
    "digits": _SMALL
    | {
        "pixels": 64,
        "hidden": (300, 300),
        "outputs": 300,
        "weight_range": 0.2,
        "feedback_range": 0.3,
        "eta": 4e-3,
    },
    # In which rules are compared (examples/differential_stdp/rules.py).
    "small": _SMALL,
}

#: The data sets of presets that are not for MNIST.
DATA = {"digits": "digits"}


def sizes(params: Params, dataset: fa.datasets.Dataset) -> dict:
    """Parameters that follow from the data: the input, the classes, and as many output units a class as before."""
    classes = dataset.classes or params.classes
    outputs = params.outputs // params.classes * classes
    return {"pixels": dataset.train_images.shape[1], "classes": classes, "outputs": outputs}


def _add_layer(net: fa.Network, name: str, units: int, params: Params, constants: dict) -> None:
    rule, shared = RULES[params.hidden_rule], params.shared_random_number
    learns_so = name != "output" or params.loss == "squared_error"
    layer = LAYER.replace(FREE_P, NUDGED_P) if params.hidden_rule == "real_nudge" and learns_so else LAYER
    if params.hidden_rule == "itd_y" and not learns_so:  # nothing is sent down to it
        rule = RULES["none"]
    equations = f"{layer}{WITHIN}\n{ONE_RANDOM_NUMBER if shared else TWO_RANDOM_NUMBERS}\n{rule.equations}"
    emit = rule.before_spikes + (SPIKES if shared else SPIKES_OF_TWO_RANDOM_NUMBERS)
    receive = "v_last = v" if params.hidden_rule == "potential" else ""
    fa.Layer(net, name, units, equations, emit=emit, namespace=constants, receive=receive)


def _send_outputs(net: fa.Network, down: list[fa.Projection]) -> None:
    """Send the output layer's spikes to each hidden layer, by the weights by which the error reaches it."""
    above = net.layers[-1]
    for layer, error in zip(net.hidden[::-1], down, strict=True):
        sent = fa.FeedbackPopulation(net, f"sent_{layer.name}", layer, SENT, emit="sent = J", output="sent")
        fa.TiedProjection(net, above, sent, error.name)
        above = sent


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dt=1 * ms, dtype=params.dtype, target=params.target)
    kappa, tau = params.nudging_strength, net.clock.dt / params.dt_over_tau
    phases = {"steps": params.steps_per_image, "settling_steps": params.settling_steps}
    constants = {"tau": tau, "kappa": kappa, "free_steps": params.free_steps} | phases
    window = {"decay": math.exp(-1 / params.window_steps)}
    rule = RULES[params.hidden_rule]
    traces = TRACE in rule.equations
    limit = {"max_spike_probability": params.max_spike_probability}
    below = fa.Input(
        net,
        "image",
        params.pixels,
        f"{INPUT}{WITHIN}{TRACE}" if traces else INPUT,
        emit=(TRACE_OF_SPIKES if traces else "") + INPUT_SPIKES,
        namespace=limit | (phases | window if traces else {}),
    )
    sizes = {f"h{number}": units for number, units in enumerate(params.hidden, start=1)}
    for name, units in {**sizes, "output": params.outputs}.items():
        _add_layer(net, name, units, params, constants | (window if traces else {}))
    down = fa.feedback_alignment(
        net, error=ERROR, feedback=FEEDBACK, emit=MODULATION, B=fa.uniform(params.feedback_range), namespace=constants
    )
    if params.hidden_rule == "itd_y":
        _send_outputs(net, down)
    learned = {"eta": params.eta, "gamma": params.gamma, "kappa": kappa}
    for layer in net.layers:
        text = OUTPUT_RULE if layer is net.layers[-1] and params.loss == "cross_entropy" else rule.text
        plasticity = fa.Plasticity(text, {n: v for n, v in learned.items() if n in text}) if text else None
        fa.Projection(net, below, layer, fa.uniform(params.weight_range), plasticity=plasticity)
        below = layer
    if params.averaging_images:
        fa.WeightAverage(net, params.averaging_images)
    # For diagnostics: what rules without the derivative leave out.
    net.output_error = "delta * layer_psi" if params.loss == "squared_error" else "delta"
    fa.classification_task(
        net, params.steps_per_image, params.classes, in_phase=params.hidden_rule not in IN_EVERY_STEP
    )
    return net
