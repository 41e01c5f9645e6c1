"""Leaky integrate-and-fire units at dt = 0.1 ms, by stock Brian2 and by spikefa with one stream and many."""

from __future__ import annotations

from brian2 import Hz, Quantity, ms
from brian2.codegen.runtime.cython_rt import CythonCodeObject

from spikefa.bench.harness import Section, Setting, StepTimer, show_synthetic, take_turns
from spikefa.bench.sections import sections
from spikefa.brian2_reference import Brian2Reference
from spikefa.core.network import Network
from spikefa.pathways.alignment import feedback_alignment
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.roles import Input, Layer
from spikefa.presentation.tasks import classification_task
from spikefa.projections.initializers import uniform
from spikefa.projections.projection import Projection

#: Units of the input, the hidden layers and the output.
SIZES = (784, 300, 300, 100)
QUICK_SIZES = (64, 30, 30, 20)

LAYER = """dv/dt = (I - v) / (20*ms) : 1 (unless refractory)
           I : 1
           psi = exp(-(v - 1)**2) : 1
           s : 1"""
ERROR = "du/dt = (layer_s - target - u) / (20*ms) : 1\ntarget : 1\ndelta : 1"
FEEDBACK = "du/dt = (J - u) / (20*ms) : 1\nJ : 1\ndelta : 1"


def network(streams: int, quick: bool, delay: Quantity | None = None) -> Network:
    """Build a network that learns by feedback alignment, its spikes delayed, and let it do a few steps (compiled)."""
    net = Network(streams=streams, seed=0, dt=0.1 * ms)
    pixels, *layers = QUICK_SIZES if quick else SIZES
    Input(net, "image", pixels, max_rate=63.75 * Hz)
    names = [*(f"h{number}" for number in range(1, len(layers))), "output"]
    for name, units in zip(names, layers, strict=True):
        Layer(net, name, units, LAYER, threshold="v > 1", reset="v = 0", refractory=2 * ms)
    feedback_alignment(net, error=ERROR, feedback=FEEDBACK, B=uniform(0.1))
    rule = Plasticity("dW = -eta * delta_post * psi_post * s_pre", {"eta": 1e-4})
    for pre, post in zip(["image", *names], names, strict=False):
        Projection(net, pre, post, uniform(2.0), plasticity=rule, delay=delay)
    classification_task(net, classes=10, duration=2 * ms)
    started(net)
    return net


def started(net: Network) -> None:
    """Show a network synthetic images without end, and let it do a few steps."""
    show_synthetic(net)
    net.run_steps(2 * net.stimulus.steps_per_image)


@sections.register("lif")
def integrate_and_fire(setting: Setting, section: Section) -> None:
    """Compare integrate-and-fire units at dt = 0.1 ms with stock Brian2.

    Keys ``numpy``, ``cython`` where it is, ``spikefa``, ``spikefa_one``, and ``ratio/TARGET``, ``ratio_one/TARGET``.
    """
    targets = ["numpy", *(["cython"] if not setting.quick and CythonCodeObject.is_available() else [])]
    networks = {}
    for target in targets:
        networks[target] = Brian2Reference(network(1, setting.quick), target=target).network
        started(networks[target])
    networks |= {"spikefa": network(setting.streams, setting.quick), "spikefa_one": network(1, setting.quick)}
    jobs = {}
    for name, net in networks.items():
        timer = StepTimer(net)
        steps = setting.steps(net, timer)
        jobs[name] = lambda timer=timer, steps=steps, streams=net.streams: timer.mean_of(steps) / streams
    measured = take_turns(jobs, setting)
    for target in targets:
        section.add(target, f"Brian2 ({target}), one stream", "ms", measured[target])
    section.add("spikefa", f"spikefa, {setting.streams} streams", "ms", measured["spikefa"])
    section.add("spikefa_one", "spikefa, one stream", "ms", measured["spikefa_one"])
    for target in targets:
        for name, what in (("", f"{setting.streams} streams"), ("_one", "one stream")):
            ratio = measured[target] / measured[f"spikefa{name}"]
            section.add(f"ratio{name}/{target}", f"Brian2 ({target}) / spikefa, {what}", "x", ratio)
    widths = "-".join(map(str, QUICK_SIZES if setting.quick else SIZES))
    section.notes.append(f"Training, a step of 0.1 ms a stream; network {widths}, Poisson input of up to 63.75 Hz.")
    if "cython" not in targets and not setting.quick:
        section.notes.append("No C++ compiler or no Cython was found: stock Brian2 would be faster with them.")
