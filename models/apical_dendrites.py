"""Two-compartment neurons: feedback arrives at an apical dendrite, which sets plasticity and not spikes.

After Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276,
whose Supplementary Notes discuss how a neuron may keep forward signals and errors apart: by a second compartment, and
by modulatory neurons that need not be one for each neuron. Segregated dendrites are due to Guerguiev, Lillicrap &
Richards (2017), eLife 6:e22901, https://doi.org/10.7554/eLife.22901; their plateau potentials are not used here.

A hidden neuron has a soma, with potential v, and an apical compartment, with potential u::

    dv/dt = (I + coupling * u - v) / tau
    du/dt = (J - u) / tau

Forward synapses bring I, feedback synapses J, by two ports of one population. ``delta = tanh(u)`` is the modulatory
signal of the published rule. With ``coupling`` 0 spikes do not know of the feedback; above 0 it leaks into the soma.

By ``feedback``, the apical dendrites receive

* ``direct``: the error itself, through fixed random weights;
* ``modulators``: modulatory neurons, fewer than the hidden neurons. Each projects to many dendrites, and each dendrite
  receives many: the error goes from one group of modulatory neurons to the next, and from each group to a layer;
* ``none``: nothing, so that hidden layers do not learn, a control.

Deviations from the paper: feedback reaches a dendrite one step late, as the error is computed after the spikes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from brian2 import ms

import spikefa as fa

INPUT = """
x : 1                        # pixel intensity
s : 1                        # spike
"""
INPUT_SPIKES = "s = int(rand() < clip(x, 0, 0.95))"

SOMA = """
dv/dt = (I - v) / tau : 1    # potential of the soma
I : 1                        # s_below @ W + b
p = 1 / (1 + exp(-v)) : 1    # probability of a spike
psi = p * (1 - p) : 1        # its derivative
s : 1                        # spike
"""
TWO_COMPARTMENTS = (
    SOMA.replace("(I - v)", "(I + coupling * u - v)")
    + """
du/dt = (J - u) / tau : 1    # potential of the apical dendrite
J : 1                        # feedback that arrives there
delta = tanh(u) : 1          # modulatory signal, of plasticity alone
"""
)
SPIKES = "s = int(rand() < p)"

ERROR = """
du/dt = (layer_s - target - u) / tau : 1
target : 1
delta : 1
"""
MODULATOR = """
du/dt = (J - u) / tau : 1
J : 1                        # delta_above @ B
delta : 1
"""
MODULATION = "delta = tanh(u)"

RULE = "dW = -eta * delta_post * psi_post * s_pre"


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters, for scikit-learn's 8 x 8 digits."""

    pixels: Annotated[int, fa.Range(1)] = 64
    """Input units, one a pixel."""
    hidden: tuple[Annotated[int, fa.Range(1)], ...] = (200, 200)
    """Units of each hidden layer."""
    outputs: Annotated[int, fa.Range(1)] = 200
    """Output units, in equal groups, one group a class."""
    classes: Annotated[int, fa.Range(2)] = 10
    """Number of classes."""
    feedback: Literal["direct", "modulators", "none"] = "modulators"
    """What the apical dendrites of hidden neurons receive."""
    modulators: Annotated[int, fa.Range(1)] = 20
    """Modulatory neurons of each hidden layer."""
    coupling: Annotated[float, fa.Range(0)] = 0.0
    """How much of the apical potential reaches the soma."""
    dt_over_tau: Annotated[float, fa.Range(0, 1, open_low=True)] = 0.9
    """dt/tau of all potentials."""
    weight_range: Annotated[float, fa.Range(0)] = 0.2
    """Forward weights start uniform in +- this."""
    feedback_scale: Annotated[float, fa.Range(0)] = 2.0
    """Feedback weights are uniform in +- this times sqrt(3 / presynaptic units)."""
    eta: Annotated[float, fa.Range(0)] = 4e-3
    """Learning rate, for the update summed over the streams."""
    steps_per_image: Annotated[int, fa.Range(1)] = 5
    """Steps for which a training image is shown."""
    test_steps: Annotated[int, fa.Range(1)] = 20
    """Steps for which a test image is shown."""
    streams: Annotated[int, fa.Range(1)] = 20
    """Images shown at once, unless the command line says how many."""
    epochs: Annotated[int, fa.Range(0)] = 15
    """Passes over the training images, unless the command line says how many."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if not self.hidden:
            self.refuse("hidden", "name at least one hidden layer")


PRESETS = {
    "digits": {},
    # A wider network; scales are those of the published one.
    "mnist": {
        "pixels": 784,
        "hidden": (500, 500),
        "outputs": 500,
        "modulators": 50,
        "weight_range": 0.05,
        "eta": 1e-3,
        "streams": 50,
        "epochs": 5,
    },
}
DATA = {None: "digits", "digits": "digits"}


def _feedback_weights(params: Params, pre: fa.Population):
    return fa.uniform(params.feedback_scale * np.sqrt(3 / pre.units))


def _add_feedback(net: fa.Network, params: Params, constants: dict) -> None:
    error = fa.ErrorPopulation(net, "error_output", "output", ERROR, emit=MODULATION, namespace=constants)
    above = error
    for layer in net.hidden[::-1] if params.feedback != "none" else []:
        if params.feedback == "modulators":
            modulators = fa.Population(
                net,
                f"modulators_{layer.name}",
                params.modulators,
                MODULATOR,
                emit=MODULATION,
                output="delta",
                current="J",
                threshold=None,
                slot="feedback",
                namespace=constants,
            )
            fa.Projection(net, above, modulators, _feedback_weights(params, above))
            above = modulators
        fa.Projection(net, above, layer, _feedback_weights(params, above), into="J")


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dt=1 * ms, dtype=params.dtype, target=params.target)
    constants = {"tau": net.clock.dt / params.dt_over_tau}
    soma = constants | {"coupling": params.coupling}
    below = fa.Input(net, "image", params.pixels, INPUT, emit=INPUT_SPIKES)
    for number, units in enumerate(params.hidden, start=1):
        fa.Layer(net, f"h{number}", units, TWO_COMPARTMENTS, emit=SPIKES, namespace=soma)
    fa.Layer(net, "output", params.outputs, SOMA, emit=SPIKES, namespace=constants)
    _add_feedback(net, params, constants)
    rule = fa.Plasticity(RULE, {"eta": params.eta})
    for layer in net.layers:
        learns = params.feedback != "none" or layer is net.layers[-1]
        fa.Projection(net, below, layer, fa.uniform(params.weight_range), plasticity=rule if learns else None)
        below = layer
    fa.classification_task(net, params.steps_per_image, params.classes)
    return net
