"""e-prop: recurrent spiking units learn by eligibility traces and errors through fixed random feedback.

Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein & Maass (2020). A solution to the learning dilemma for recurrent
networks of spiking neurons. Nature Communications 11:3625. https://doi.org/10.1038/s41467-020-17236-y

Leaky integrate-and-fire units, ``v <- alpha v + I - theta s`` in each step, with the pseudo-derivative
``psi = gamma max(0, 1 - |v - theta| / theta) / theta``, drive leaky readout units ``y <- kappa y + I``. The error is
``y - target``, and reaches the hidden units by fixed random weights ("random e-prop"). A synapse has the eligibility
``psi_post * x``, where x is the low-pass of presynaptic spikes with the membrane's time constant. Its weight moves by

* ``filtered=True``: the error times the eligibility's low-pass with the readout's time constant, as in the paper. The
  low-pass of a product is a state of each synapse in each stream.
* ``filtered=False``: the error times the eligibility of the step, which needs traces of the units alone.

Deviations from the paper: digits in the place of its tasks; squared errors; stochastic input spikes, one draw a step;
leaky integrate-and-fire units only; plain descent in every step, averaged over the streams, in the place of Adam after
each trial; no regularisation of rates; no reset between images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from brian2 import ms

import spikefa as fa

INPUT = """
x : 1                                                        # pixel intensity
s : 1                                                        # spike
"""
INPUT_SPIKES = "s = int(rand() < input_rate * dt * x)"
LIF = """
dv/dt = -v / tau_m : 1                                       # potential
I : 1                                                        # spikes below @ W + spikes a step before @ W
psi = gamma / theta * clip(1 - abs(v - theta) / theta, 0, 1) : 1    # pseudo-derivative
s : 1                                                        # spike
"""
SPIKES = """
v = v + I - theta * s
s = int(v > theta)
"""
READOUT = """
dy/dt = -y / tau_out : 1
I : 1
"""
ERROR = """
target : 1
delta : 1
"""
FEEDBACK = """
J : 1                                                        # delta of the readout @ B
delta : 1
"""

FILTERED_RULE = """
dx/dt = -x / tau_m : 1 (synapse)
de/dt = -e / tau_out : 1 (synapse)
x += s_pre
e += psi_post * x
dW/dt = -eta * delta_post * e
"""
RULE = """
dx/dt = -x / tau_m : 1 (synapse)
x += s_pre
dW/dt = -eta * delta_post * psi_post * x
"""
OUTPUT_RULE = """
dx/dt = -x / tau_out : 1 (synapse)
x += s_pre
dW/dt = -eta * delta_post * x
"""


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters."""

    pixels: Annotated[int, fa.Range(1)] = 64
    """Input units, one a pixel."""
    hidden: Annotated[int, fa.Range(1)] = 100
    """Recurrent units."""
    classes: Annotated[int, fa.Range(1)] = 10
    """Number of classes, each with a readout unit."""
    dt_ms: Annotated[float, fa.Range(0, open_low=True)] = 1.0
    """Duration of a step in ms."""
    tau_m_ms: Annotated[float, fa.Range(0, open_low=True)] = 10.0
    """Time constant of the membrane in ms."""
    tau_out_ms: Annotated[float, fa.Range(0, open_low=True)] = 5.0
    """Time constant of the readout in ms."""
    theta: Annotated[float, fa.Range(0, open_low=True)] = 1.0
    """Threshold."""
    gamma: Annotated[float, fa.Range(0)] = 0.3
    """Height of the pseudo-derivative."""
    input_rate_hz: Annotated[float, fa.Range(0)] = 400.0
    """Rate of an input unit of full intensity in Hz."""
    pathway: Literal["random", "none"] = "random"
    """Whether errors reach the hidden units by fixed random weights, or not at all, a control."""
    filtered: bool = False
    """Whether eligibilities are low-passed with the readout's time constant, as in the paper."""
    feedback_range: Annotated[float, fa.Range(0)] = 1.0
    """Feedback weights are uniform in +- this."""
    weight_range: Annotated[float, fa.Range(0)] = 0.5
    """Input weights start uniform in +- this."""
    recurrent_range: Annotated[float, fa.Range(0)] = 0.1
    """Recurrent weights start uniform in +- this."""
    readout_range: Annotated[float, fa.Range(0)] = 0.02
    """Readout weights start uniform in +- this."""
    eta: Annotated[float, fa.Range(0)] = 8.0
    """Learning rate of hidden units, a second."""
    eta_output: Annotated[float, fa.Range(0)] = 0.6
    """Learning rate of the readout, a second."""
    duration_ms: Annotated[float, fa.Range(0, open_low=True)] = 30.0
    """Time for which a training image is shown, in ms."""
    test_steps: Annotated[int, fa.Range(1)] = 40
    """Steps for which a test image is shown."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""


PRESETS = {"digits": {}}
DATA = {None: "digits", "digits": "digits"}


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    dt, tau_m, tau_out = params.dt_ms * ms, params.tau_m_ms * ms, params.tau_out_ms * ms
    net = fa.Network(streams=streams, seed=seed, dt=dt, dtype=params.dtype, target=params.target)
    rate = {"input_rate": 1e-3 * params.input_rate_hz / ms}
    fa.Input(net, "image", params.pixels, INPUT, emit=INPUT_SPIKES, namespace=rate)
    unit = {"tau_m": tau_m, "theta": params.theta, "gamma": params.gamma}
    fa.Layer(net, "h1", params.hidden, LIF, emit=SPIKES, namespace=unit, threshold=None, method="exact")
    fa.Layer(
        net,
        "output",
        params.classes,
        READOUT,
        emit="y = y + I",
        output="y",
        namespace={"tau_out": tau_out},
        threshold=None,
        method="exact",
    )
    fa.ErrorPopulation(net, "error_output", "output", ERROR, emit="delta = layer_y - target")
    hidden_rule = None
    if params.pathway == "random":
        fa.FeedbackPopulation(net, "feedback_h1", "h1", FEEDBACK, emit="delta = J")
        fa.Projection(net, "error_output", "feedback_h1", fa.uniform(params.feedback_range))
        text, constants = RULE, {"tau_m": tau_m, "eta": params.eta}
        if params.filtered:
            text, constants = FILTERED_RULE, constants | {"tau_out": tau_out}
        hidden_rule = fa.Plasticity(text, constants, average_streams=True)
    fa.Projection(net, "image", "h1", fa.uniform(params.weight_range), plasticity=hidden_rule)
    # With the delay that it has anyway, the rule learns of the spikes that arrive, and not of those of the step.
    fa.Projection(
        net, "h1", "h1", fa.uniform(params.recurrent_range), plasticity=hidden_rule, learn_bias=False, delay=dt
    )
    output_rule = fa.Plasticity(OUTPUT_RULE, {"tau_out": tau_out, "eta": params.eta_output}, average_streams=True)
    fa.Projection(net, "h1", "output", fa.uniform(params.readout_range), plasticity=output_rule)
    fa.classification_task(net, classes=params.classes, duration=params.duration_ms * ms)
    return net
