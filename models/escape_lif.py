"""Feedback alignment in continuous time: leaky integrate-and-fire neurons with escape noise, at any dt.

Gerstner, Kistler, Naud & Paninski (2014). Neuronal Dynamics, chapter 9: escape noise.
https://neuronaldynamics.epfl.ch/online/Ch9.html

Lillicrap, Cownden, Tweed & Akerman (2016). Random synaptic feedback weights support error backpropagation for
deep learning. Nature Communications 7:13276. https://doi.org/10.1038/ncomms13276

Reproduces: no published experiment. It is the idea of the second paper's Fig. 4, forward activity, feedback and
plasticity in every moment, with the neurons of the first: potentials in mV, times in ms, rates in Hz. The published
network draws one spike a step, so that another dt is another network; here dt is a matter of accuracy alone.

* A neuron's potential decays to rest, and is held at its reset for an absolute refractory time after each spike. It
  fires at the hazard rho(v) = rho_threshold exp((v - threshold) / delta_u): in a step with probability
  1 - exp(-rho dt). At a constant v its rate is 1 / (refractory + 1 / rho), a logistic function of v. The slope of that
  function, at the rate that a unit has had of late, is its psi.
* A presynaptic spike raises the synaptic drive by the weight, in mV, which decays exponentially.
* Input, error and feedback neurons are Poisson processes: the number of their spikes in a step is drawn. The spikes of
  error and feedback neurons have a sign, that of what they received; the error is the output's filtered spikes less the
  target, which is filtered in the same way.
* A weight moves at each spike of the postsynaptic unit's feedback neuron, in proportion to the psp that the presynaptic
  spikes have left there. So the rule has no dt: there are as many such spikes at any.
* What is left of dt is of second order. A spike at the end of a step stands for those within dt / 2 of it: after the
  refractory time the hazard acts for half a step more, and half of what a feedback neuron receives acts in its step.

Deviations from Lillicrap et al.: all of these; there are no biases, weights do not decay, and the output layer's rule
descends the cross-entropy, without psi.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from brian2 import Hz, Quantity, ms, mV

import spikefa as fa

# What a spike leaves at a synapse of weight 1 mV: its current and its potential, as in the postsynaptic neurons.
TRACES = """
dz/dt = -z / tau_s : 1
dpsp/dt = (z - psp) / tau_m : 1
"""
INPUT = f"""
x : 1                                                  # pixel intensity
s : 1
{TRACES}"""
INPUT_SPIKES = """
s = poisson(x * input_rate * dt)
z = z + s
"""

LAYER = f"""
dv/dt = (rest - v + drive * mV) / tau_m : volt (unless refractory)
ddrive/dt = -drive / tau_s : 1                         # in mV; each spike from below adds its weight
rho = rho_threshold * exp((v - threshold) / delta_u) : Hz
rate = psp * t_ref / tau_s : 1                         # filtered spikes, as a fraction of the largest rate
psi = rate * (1 - rate) : 1                            # slope of the rate, in units of 1 / (t_ref delta_u)
s : 1
{TRACES}"""
FIRES = "rand() < 1 - exp(-rho * dt * (1 + 0.5 * int(t - lastspike < t_ref + 1.5 * dt)))"
RESET = """
v = reset
z += 1
"""

ERROR = """
u = layer_rate - wanted * goal : 1
dgoal/dt = (onset - goal) / tau_m : 1                  # the target, filtered as the spikes are
donset/dt = (target - onset) / tau_s : 1
target : 1
delta : 1
"""
FEEDBACK = """
du/dt = -u / tau_feedback : 1
J : 1                                                  # weights of the spikes of the feedback neurons above
delta : 1
"""
SIGNED_SPIKES = "delta = sign(u) * poisson(feedback_rate * tanh(abs(u)) * dt)"
RECEIVE_AND_SEND = f"""
u = u + J / 2
{SIGNED_SPIKES}
u = u + J / 2
"""

RULE = "dW = -eta * delta_post * psi_post * psp_pre"
OUTPUT_RULE = "dW = -eta * delta_post * psp_pre"  # descends the cross-entropy


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters; quantities have units."""

    pixels: Annotated[int, fa.Range(1)] = 784
    """Input units, one a pixel."""
    hidden: tuple[Annotated[int, fa.Range(1)], ...] = (500,)
    """Units of each hidden layer."""
    outputs: Annotated[int, fa.Range(1)] = 200
    """Output units, in equal groups, one group a class."""
    classes: Annotated[int, fa.Range(1)] = 10
    """Number of classes."""
    dt: Annotated[Quantity, ms, fa.Range(0, open_low=True)] = "0.5 ms"
    """Time step."""
    method: Literal["exact", "euler", "exponential_euler"] = "exact"
    """How the differential equations are integrated."""
    duration: Annotated[Quantity, ms, fa.Range(0, open_low=True)] = "100 ms"
    """Time for which a training image is shown."""
    test_duration: Annotated[Quantity, ms, fa.Range(0, open_low=True)] = "100 ms"
    """Time for which a test image is shown."""
    tau_m: Annotated[Quantity, ms, fa.Range(0, open_low=True)] = "10 ms"
    """Time constant of membranes."""
    tau_s: Annotated[Quantity, ms, fa.Range(0, open_low=True)] = "5 ms"
    """Time constant of synaptic currents; other than tau_m."""
    tau_feedback: Annotated[Quantity, ms, fa.Range(0, open_low=True)] = "10 ms"
    """Time constant of what feedback neurons receive."""
    t_ref: Annotated[Quantity, ms, fa.Range(0, open_low=True)] = "4 ms"
    """Absolute refractory time, a multiple of dt."""
    rest: Annotated[Quantity, mV] = "-60 mV"
    """Potential to which membranes decay."""
    reset: Annotated[Quantity, mV] = "-60 mV"
    """Potential after a spike, while refractory."""
    threshold: Annotated[Quantity, mV] = "-50 mV"
    """Potential at which the hazard is rho_threshold."""
    delta_u: Annotated[Quantity, mV, fa.Range(0, open_low=True)] = "4 mV"
    """Change of the potential by which the hazard grows e-fold."""
    rho_threshold: Annotated[Quantity, Hz, fa.Range(0, open_low=True)] = "100 Hz"
    """Hazard at the threshold."""
    input_rate: Annotated[Quantity, Hz, fa.Range(0)] = "200 Hz"
    """Rate of an input unit of a white pixel."""
    feedback_rate: Annotated[Quantity, Hz, fa.Range(0, open_low=True)] = "200 Hz"
    """Largest rate of error and feedback neurons."""
    wanted: Annotated[float, fa.Range(0, 1, open_low=True)] = 0.5
    """Rate of the right class's output units, as a fraction of the largest, 1 / t_ref."""
    weight_range: Annotated[Quantity, mV, fa.Range(0)] = "2 mV"
    """Forward weights start uniform in +- this."""
    feedback_range: Annotated[float, fa.Range(0)] = 0.3
    """Feedback weights are uniform in +- this."""
    eta: Annotated[Quantity, mV, fa.Range(0)] = "0.02 mV"
    """Learning rate: change of a weight at a feedback spike, for psi and psp of 1; summed over the streams."""
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
        for name in ("duration", "test_duration", "t_ref"):
            if abs(getattr(self, name) / self.dt - self._steps(getattr(self, name))) > 1e-6:
                self.refuse(name, f"be a multiple of dt, {self.dt}")
        if self.tau_s == self.tau_m and self.method == "exact":
            self.refuse("tau_s", "be other than tau_m with the method exact")

    def _steps(self, time: Quantity) -> int:
        return round(float(time / self.dt))

    @property
    def steps_per_image(self) -> int:
        """Steps for which a training image is shown."""
        return self._steps(self.duration)

    @property
    def test_steps(self) -> int:
        """Steps for which a test image is shown."""
        return self._steps(self.test_duration)

    @property
    def recording_steps(self) -> int:
        """Steps for which an image is shown in recordings of activity."""
        return self._steps(self.test_duration)


PRESETS = {
    # For scikit-learn's 8 x 8 digits; chosen on the last 237 training images.
    "digits": {"pixels": 64, "hidden": (100,), "outputs": 50, "weight_range": "5 mV", "eta": "0.05 mV"},
}
DATA = {"digits": "digits"}


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dt=params.dt, dtype=params.dtype, target=params.target)
    names = ("tau_m", "tau_s", "tau_feedback", "t_ref", "rest", "reset", "threshold", "delta_u", "rho_threshold")
    names += ("input_rate", "feedback_rate", "wanted")
    options = {"namespace": {name: getattr(params, name) for name in names}, "method": params.method}

    held = params.t_ref + params.dt  # Brian2 counts from the start of a spike's step, and the spike is at its end
    below = fa.Input(net, "image", params.pixels, INPUT, emit=INPUT_SPIKES, **options)
    sizes = {f"h{number}": units for number, units in enumerate(params.hidden, start=1)}
    for name, units in {**sizes, "output": params.outputs}.items():
        layer = fa.Layer(
            net, name, units, LAYER, threshold=FIRES, reset=RESET, refractory=held, current="drive", **options
        )
        layer.v = params.rest

    above = fa.ErrorPopulation(net, "error_output", net.layers[-1], ERROR, emit=SIGNED_SPIKES, **options)
    for layer in net.hidden[::-1]:
        feedback = fa.FeedbackPopulation(
            net, f"feedback_{layer.name}", layer, FEEDBACK, emit=RECEIVE_AND_SEND, **options
        )
        fa.Projection(net, above, feedback, fa.uniform(params.feedback_range))
        above = feedback

    for layer in net.layers:
        rule = fa.Plasticity(OUTPUT_RULE if layer is net.layers[-1] else RULE, {"eta": float(params.eta / mV)})
        initial = fa.uniform(float(params.weight_range / mV))
        fa.Projection(net, below, layer, initial, plasticity=rule, learn_bias=False)
        below = layer
    fa.classification_task(net, duration=params.duration, classes=params.classes)
    return net
