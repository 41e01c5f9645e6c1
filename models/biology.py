"""Feedback alignment in leaky integrate-and-fire neurons, with one switch for each thing that a brain has.

After Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, Fig. 4,
https://doi.org/10.1038/ncomms13276: forward activity, feedback and plasticity run at once, and nothing pauses. There,
neurons are coins that are tossed anew in each step. Here, they are integrate-and-fire neurons with refractoriness and
exponential synapses, and everything is stated in time, so that dt may be changed.

Switches, each off by default, but for refractoriness:

* ``poisson``: input spikes are drawn, at rates of 0 to ``input_rate``; without it, their mean is sent.
* ``refractory``: a neuron is silent for this time after a spike.
* ``spiking_feedback``: error and feedback populations send signed spikes in the place of graded signals.
* ``feedback_delay``: the time that feedback takes from one population to the next.
* ``gap``: a blank interval after each image, without targets; rules rest in it.
* ``dale``: excitatory neurons project forward by weights of at least 0. A quarter as many inhibitory neurons a layer
  receive what it receives and its own spikes, and inhibit it by weights of at most 0. These learn to keep each
  neuron's rate (Vogels et al. 2011, https://doi.org/10.1126/science.1211095).
* ``feedback_density``: the fraction of feedback synapses that exist.
* ``tau_spread``: membrane time constants differ from unit to unit.

``dW = -eta * delta_post * psi_post * s_pre`` in forward projections: at each presynaptic spike, by the modulatory
signal and by psi, a function of the distance to the threshold (a surrogate of a derivative that spikes do not have:
Zenke & Ganguli 2018, https://doi.org/10.1162/neco_a_01086). No neuron has a learned bias.

Times are in ms and rates in Hz.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from brian2 import Hz, ms

import spikefa as fa

INPUT = """
x : 1                        # pixel intensity
s : 1                        # spike, or the mean number of spikes in a step
"""
MEAN_INPUT = "s = x * input_rate * dt"
POISSON_INPUT = "s = int(rand() < 1 - exp(-x * input_rate * dt))"

NEURON = """
dv/dt = (I + drive - v) / tau : 1 (unless refractory)    # potential: rest 0, threshold 1
dI/dt = -I / tau_syn : 1     # synaptic current, to which a spike adds a weight
tau : second                 # membrane time constant
s : 1                        # spike
"""
THRESHOLD, RESET = "v > 1", "v = 0"
# psi stands in the place of ds/dv. It is of the potential without resets, since v stays below 1 at any rate: with psi
# of v, neurons that fire most go on to learn, and their rates grow without bound.
LAYER = f"""{NEURON}
dfree/dt = (I + drive - free) / tau : 1     # potential without resets
psi = 1 / (1 + steepness * abs(free - 1))**2 : 1
drate/dt = -rate / tau_rate : Hz            # filtered spikes
"""
LAYER_RESET = "v = 0\nrate += 1 / tau_rate"

ERROR = """
du/dt = (layer_s / (target_rate * dt) - target - u) / tau_error : 1    # rate less target, in units of target_rate
target : 1
delta : 1
"""
FEEDBACK = """
du/dt = (J - u) / tau_error : 1
J : 1                        # delta_above @ B
delta : 1
"""
MODULATION = "delta = tanh(u)"
# Signed spikes: a neuron fires by +1 or -1 where its integrated modulation reaches a threshold on either side.
SPIKING = """
dq/dt = feedback_rate * tanh(u) : 1
spike : 1
"""
SPIKING_ERROR = ERROR + SPIKING
SPIKING_FEEDBACK = FEEDBACK.replace("J : 1 ", "dJ/dt = -J / tau_syn : 1 ") + SPIKING
SIGNED_SPIKES = """
delta = tanh(u)
spike = int(q > 1) - int(q < -1)
q = q - spike
"""

RULE = "dW = -eta * delta_post * psi_post * s_pre"
# Inhibition that keeps the rate of each neuron, after Vogels et al. (2011).
INHIBITORY_RULE = "dW = -eta * (rate_post - wanted) / wanted * s_pre"


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters; times in ms, rates in Hz."""

    pixels: Annotated[int, fa.Range(1)] = 64
    """Input units, one a pixel."""
    hidden: tuple[Annotated[int, fa.Range(1)], ...] = (200, 200)
    """Units of each hidden layer."""
    outputs: Annotated[int, fa.Range(1)] = 100
    """Output units, in equal groups, one group a class."""
    classes: Annotated[int, fa.Range(2)] = 10
    """Number of classes."""
    dt: Annotated[float, fa.Range(0, open_low=True)] = 1.0
    """Duration of a step (ms)."""
    duration: Annotated[float, fa.Range(0, open_low=True)] = 50.0
    """Time for which an image is shown (ms)."""
    gap: Annotated[float, fa.Range(0)] = 0.0
    """Blank interval after each image (ms)."""
    input_rate: Annotated[float, fa.Range(0, open_low=True)] = 100.0
    """Rate of an input unit whose pixel is 1 (Hz)."""
    poisson: bool = False
    """Whether input units spike at random; else they send their mean number of spikes in each step."""
    tau: Annotated[float, fa.Range(0, open_low=True)] = 10.0
    """Membrane time constant (ms), or its mean."""
    tau_spread: Annotated[float, fa.Range(0, 1)] = 0.0
    """Standard deviation of the units' membrane time constants, as a fraction of tau; none is below tau / 4."""
    tau_syn: Annotated[float, fa.Range(0, open_low=True)] = 5.0
    """Time constant of synapses (ms)."""
    tau_error: Annotated[float, fa.Range(0, open_low=True)] = 10.0
    """Time constant of error and feedback populations (ms)."""
    refractory: Annotated[float, fa.Range(0)] = 2.0
    """Refractory period (ms)."""
    drive: float = 1.0
    """Constant current of each neuron; 1 brings it to its threshold."""
    steepness: Annotated[float, fa.Range(0)] = 1.0
    """Of psi about the threshold."""
    target_rate: Annotated[float, fa.Range(0, open_low=True)] = 100.0
    """Rate that output units of the image's class are to have (Hz); the others' is 0."""
    dale: bool = False
    """Whether each neuron is excitatory or inhibitory."""
    weight_scale: Annotated[float, fa.Range(0)] = 0.5
    """Forward weights start uniform in +- this times sqrt(12 / presynaptic units)."""
    feedback_scale: Annotated[float, fa.Range(0)] = 0.2
    """Feedback weights are uniform in +- this times sqrt(3 / synapses of a unit)."""
    feedback_density: Annotated[float, fa.Range(0, 1, open_low=True)] = 1.0
    """Fraction of the feedback synapses that exist."""
    feedback_delay: Annotated[float, fa.Range(0)] = 0.0
    """Delay of each feedback projection (ms)."""
    spiking_feedback: bool = False
    """Whether feedback is sent by signed spikes."""
    feedback_rate: Annotated[float, fa.Range(0, open_low=True)] = 200.0
    """Largest rate of these spikes (Hz)."""
    pathway: Literal["alignment", "output_only", "shuffled_feedback"] = "alignment"
    """How errors reach the hidden layers; or, as controls, not, or through B in a new order in every step."""
    eta: Annotated[float, fa.Range(0)] = 1e-3
    """Learning rate, for the update summed over the streams."""
    eta_inhibitory: Annotated[float, fa.Range(0)] = 5e-5
    """Learning rate of inhibitory synapses; with `dale`."""
    initial_density: Annotated[float, fa.Range(0, 1, open_low=True)] = 0.1
    """Fraction of the excitatory synapses that start above 0; with `dale`."""
    hidden_rate: Annotated[float, fa.Range(0, open_low=True)] = 25.0
    """Rate that inhibition keeps in each hidden neuron (Hz); with `dale`."""
    tau_rate: Annotated[float, fa.Range(0, open_low=True)] = 100.0
    """Time over which a neuron's rate is measured for it (ms)."""
    streams: Annotated[int, fa.Range(1)] = 20
    """Images shown at once, unless the command line says how many."""
    epochs: Annotated[int, fa.Range(0)] = 10
    """Passes over the training images, unless the command line says how many."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if not self.hidden:
            self.refuse("hidden", "name at least one hidden layer")
        for name in ("duration", "gap"):
            steps = getattr(self, name) / self.dt
            if abs(steps - round(steps)) > 1e-6:
                self.refuse(name, f"be a multiple of dt, {self.dt} ms")

    @property
    def steps_per_image(self) -> int:
        """Steps for which an image is shown, in training and in tests."""
        return round(self.duration / self.dt)


#: Everything at once.
TOGETHER = {
    "poisson": True,
    "spiking_feedback": True,
    "feedback_delay": 5.0,
    "gap": 50.0,
    "dale": True,
    "feedback_density": 0.1,
    "tau_spread": 0.3,
}

PRESETS = {
    "digits": {},
    "together": TOGETHER,
    "mnist": {"pixels": 784, "hidden": (500, 500), "streams": 50, "epochs": 5},
}
DATA = {None: "digits", "digits": "digits", "together": "digits"}


def _constants(params: Params) -> dict:
    return {
        "tau_syn": params.tau_syn * ms,
        "tau_error": params.tau_error * ms,
        "drive": params.drive,
        "steepness": params.steepness,
        "target_rate": params.target_rate * Hz,
        "feedback_rate": params.feedback_rate * Hz,
        "tau_rate": params.tau_rate * ms,
    }


def _feedback_weights(params: Params) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        scale = params.feedback_scale * np.sqrt(3 / (shape[0] * params.feedback_density))
        if params.spiking_feedback:  # so that spikes at the largest rate bring as much as a graded signal of 1
            scale /= params.feedback_rate * params.tau_syn / 1000
        return rng.uniform(-scale, scale, shape) * (rng.random(shape) < params.feedback_density)

    return draw


def _add_pathway(net: fa.Network, params: Params, constants: dict) -> None:
    spiking = params.spiking_feedback
    fa.add_pathway(
        net,
        params.pathway,
        error=SPIKING_ERROR if spiking else ERROR,
        feedback=SPIKING_FEEDBACK if spiking else FEEDBACK,
        emit=SIGNED_SPIKES if spiking else MODULATION,
        output="spike" if spiking else "delta",
        modulator="delta",
        B=_feedback_weights(params),
        delay=params.feedback_delay * ms if params.feedback_delay else None,
        namespace=constants,
    )


def _neurons(net: fa.Network, kind: type, name: str, units: int, params: Params, constants: dict) -> fa.Population:
    return kind(
        net,
        name,
        units,
        LAYER if kind is fa.Layer else NEURON,
        threshold=THRESHOLD,
        reset=LAYER_RESET if kind is fa.Layer else RESET,
        refractory=params.refractory * ms,
        namespace=constants | {"mean_tau": params.tau * ms, "spread": params.tau_spread},
        initial={"tau": "clip(mean_tau * (1 + spread * randn()), mean_tau / 4, 4 * mean_tau)", "v": "rand()"},
    )


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dt=params.dt * ms, dtype=params.dtype, target=params.target)
    constants = _constants(params)
    emit = POISSON_INPUT if params.poisson else MEAN_INPUT
    rate = {"input_rate": params.input_rate * Hz}
    fa.Input(net, "image", params.pixels, INPUT, emit=emit, threshold=None, namespace=rate)
    sizes = {f"h{number}": units for number, units in enumerate(params.hidden, start=1)} | {"output": params.outputs}
    for name, units in sizes.items():
        if params.dale:
            _neurons(net, fa.Population, f"{name}_inhibitory", max(1, units // 4), params, constants)
        _neurons(net, fa.Layer, name, units, params, constants)
    _add_pathway(net, params, constants)
    below = net.input
    for layer in net.layers:
        _connect(net, below, layer, params)
        below = layer
    gap = params.gap * ms if params.gap else None
    fa.classification_task(net, classes=params.classes, duration=params.duration * ms, gap=gap)
    return net


def _connect(net: fa.Network, below: fa.Population, layer: fa.Layer, params: Params) -> None:
    learns = params.pathway != "output_only" or layer is net.layers[-1]
    rule = fa.Plasticity(RULE, {"eta": params.eta}) if learns else None
    limit = params.weight_scale * np.sqrt(12 / below.units)
    if not params.dale:
        fa.Projection(net, below, layer, fa.uniform(limit), plasticity=rule, learn_bias=False)
        return
    inhibitory = net[f"{layer.name}_inhibitory"]
    initial = _excitatory_weights(params)
    wanted = params.target_rate / params.classes if layer is net.layers[-1] else params.hidden_rate
    balance = fa.Plasticity(INHIBITORY_RULE, {"eta": params.eta_inhibitory, "wanted": wanted * Hz})
    fa.Projection(net, below, inhibitory, initial, sign="excitatory")
    fa.Projection(net, layer, inhibitory, fa.uniform(0, 4 / layer.units), sign="excitatory")
    fa.Projection(net, below, layer, initial, sign="excitatory", plasticity=rule, learn_bias=False)
    strong = fa.uniform(-2 * params.weight_scale / np.sqrt(inhibitory.units), 0)
    fa.Projection(net, inhibitory, layer, strong, sign="inhibitory", plasticity=balance, learn_bias=False)


def _excitatory_weights(params: Params) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        density = params.initial_density  # few strong synapses vary more, at the same mean, than many weak ones
        limit = params.weight_scale * np.sqrt(12 / (shape[0] * density))
        return rng.uniform(0, limit, shape) * (rng.random(shape) < density)

    return draw
