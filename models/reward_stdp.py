"""Reward-modulated plasticity: spike pairs leave a trace in each synapse, and a global reward turns it into learning.

Izhikevich (2007). Solving the distal reward problem through linkage of STDP and dopamine signaling. Cerebral Cortex
17:2443. https://doi.org/10.1093/cercor/bhl152

Frémaux & Gerstner (2016). Neuromodulated spike-timing-dependent plasticity, and theory of three-factor learning rules.
Frontiers in Neural Circuits 9:85. https://doi.org/10.3389/fncir.2015.00085

Stochastic spiking units see a digit; those of its class are to spike. In each step a single number, the reward, is the
spikes of the right class less `cost` times those of the others. What it is more than its running mean, the success,
is broadcast to all synapses, which know nothing else. By the parameter ``window``, a synapse's trace e gathers

* ``pairs``: pairs of spikes, as in Izhikevich's rule: by ``A_plus`` times the presynaptic trace at a postsynaptic
  spike, less ``A_minus`` times the postsynaptic trace at a presynaptic spike.
* ``escape``: the presynaptic trace times the postsynaptic spike less its probability, the rule for units with escape
  noise that Frémaux & Gerstner call R-max. Its mean change follows the gradient of the reward.

Deviations from the papers: digits in the place of their tasks; the success is one step late, where Izhikevich's
dopamine decays in 200 ms; one layer unless `hidden` says otherwise; no bounds of weights; updates are averaged over
streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from brian2 import ms

import spikefa as fa

INPUT = """
x : 1                           # pixel intensity
s : 1                           # spike
"""
INPUT_SPIKES = "s = int(rand() < input_rate * dt * x)"
LAYER = """
dv/dt = (I - v) / tau_m : 1     # potential
I : 1                           # s_below @ W + b
p = 1 / (1 + exp(-v)) : 1       # probability of a spike
s : 1                           # spike
success : 1                     # the global signal
"""
SPIKES = "s = int(rand() < p)"
ERROR = """
target : 1
delta : 1                       # what the unit adds to the reward
"""
REWARDED = "delta = layer_s * (target - cost * (1 - target))"
REWARD = """
dmean/dt = (I - mean) / tau_reward : 1
I : 1                           # the reward
success : 1
"""

PAIRS = """
dx/dt = -x / tau_x : 1 (synapse)
dy/dt = -y / tau_y : 1 (synapse)
de/dt = -e / tau_e : 1 (synapse)
e += A_plus * x * s_post - A_minus * y * s_pre
x += s_pre
y += s_post
dW/dt = eta * success_post * e
"""
ESCAPE = """
dx/dt = -x / tau_x : 1 (synapse)
de/dt = -e / tau_e : 1 (synapse)
x += s_pre
e += x * (s_post - p_post)
dW/dt = eta * success_post * e
"""


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters."""

    pixels: Annotated[int, fa.Range(1)] = 64
    """Input units, one a pixel."""
    hidden: tuple[Annotated[int, fa.Range(1)], ...] = ()
    """Units of each hidden layer; none by default."""
    outputs: Annotated[int, fa.Range(1)] = 10
    """Output units, in equal groups, one group a class."""
    classes: Annotated[int, fa.Range(1)] = 10
    """Number of classes."""
    window: Literal["pairs", "escape"] = "escape"
    """What a synapse's trace gathers."""
    cost: Annotated[float, fa.Range(0)] = 0.11
    """What a spike of a wrong class takes from the reward."""
    input_rate_hz: Annotated[float, fa.Range(0)] = 300.0
    """Rate of an input unit of full intensity in Hz."""
    tau_m_ms: Annotated[float, fa.Range(0, open_low=True)] = 5.0
    """Time constant of the membrane in ms; and of the presynaptic trace."""
    tau_y_ms: Annotated[float, fa.Range(0, open_low=True)] = 10.0
    """Time constant of the postsynaptic trace in ms, of the window pairs."""
    A_plus: Annotated[float, fa.Range(0)] = 1.0
    """Height of the window pairs for a presynaptic spike before a postsynaptic one."""
    A_minus: Annotated[float, fa.Range(0)] = 0.5
    """Height of the window pairs for the other order."""
    tau_e_ms: Annotated[float, fa.Range(0, open_low=True)] = 2.0
    """Time constant of the eligibility trace in ms."""
    tau_reward_ms: Annotated[float, fa.Range(0, open_low=True)] = 100.0
    """Time constant of the reward's running mean in ms."""
    weight_range: Annotated[float, fa.Range(0)] = 0.05
    """Weights start uniform in +- this."""
    output_bias: float = -2.0
    """Initial bias of the output units."""
    eta: Annotated[float, fa.Range(0)] = 40.0
    """Learning rate, a second."""
    duration_ms: Annotated[float, fa.Range(0, open_low=True)] = 20.0
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
    net = fa.Network(streams=streams, seed=seed, dt=1 * ms, dtype=params.dtype, target=params.target)
    rate = {"input_rate": 1e-3 * params.input_rate_hz / ms}
    fa.Input(net, "image", params.pixels, INPUT, emit=INPUT_SPIKES, namespace=rate)
    sizes = {f"h{number}": units for number, units in enumerate(params.hidden, start=1)}
    for name, units in {**sizes, "output": params.outputs}.items():
        fa.Layer(net, name, units, LAYER, emit=SPIKES, namespace={"tau_m": params.tau_m_ms * ms}, threshold=None)
    fa.ErrorPopulation(net, "error_output", "output", ERROR, emit=REWARDED, namespace={"cost": params.cost})
    fa.Population(
        net,
        "reward",
        1,
        REWARD,
        emit="success = I - mean",
        output="success",
        slot="feedback",
        threshold=None,
        namespace={"tau_reward": params.tau_reward_ms * ms},
    )
    fa.Projection(net, "error_output", "reward", np.ones((params.outputs, 1)))
    times = {name: getattr(params, f"{name}_ms") * ms for name in ("tau_y", "tau_e")}
    constants = {"eta": params.eta, "A_plus": params.A_plus, "A_minus": params.A_minus, **times}
    constants["tau_x"] = params.tau_m_ms * ms
    text = PAIRS if params.window == "pairs" else ESCAPE
    rule = fa.Plasticity(text, {n: v for n, v in constants.items() if n in text}, average_streams=True)
    below = net.input
    for layer in net.layers:
        bias = np.full(layer.units, params.output_bias if layer is net.layers[-1] else 0.0)
        fa.Projection(net, below, layer, fa.uniform(params.weight_range), bias=bias, plasticity=rule)
        fa.Projection(net, "reward", layer, np.ones((1, layer.units)), into="success")
        below = layer
    fa.classification_task(net, classes=params.classes, duration=params.duration_ms * ms)
    return net
