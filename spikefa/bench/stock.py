"""Part (d): the same model by stock Brian2 `Synapses`, one stream, and by spikefa with many."""

from __future__ import annotations

from brian2.codegen.runtime.cython_rt import CythonCodeObject

from ..reference import Reference
from .harness import Part, Setting, StepTimer, show_synthetic, take_turns

#: A network that both can run, for those of the names that the model's ``Params`` have.
SIZES = {"hidden": (300, 300), "outputs": 100}
QUICK_SIZES = {"hidden": (30, 30), "outputs": 20}


def stock_target(quick: bool) -> str:
    """Return ``"cython"`` where a compiler is found; ``"numpy"`` without one, or quickly (nothing to compile)."""
    return "cython" if not quick and CythonCodeObject.is_available() else "numpy"


def against_stock(setting: Setting) -> Part:
    """Measure (d): keys ``stock``, ``spikefa``, ``spikefa_one``, ``ratio`` and ``ratio_one``."""
    part, sizes = Part(), QUICK_SIZES if setting.quick else SIZES
    target = stock_target(setting.quick)
    reference = Reference(setting.network(1, **sizes), target=target).network
    show_synthetic(reference)
    reference.run_steps(2 * reference.stimulus.steps_per_image)
    networks = {
        "stock": reference,
        "spikefa": setting.network(**sizes),
        "spikefa_one": setting.network(1, **sizes),
    }
    jobs = {}
    for name, network in networks.items():
        timer = StepTimer(network)
        steps, images = setting.steps(network, timer), network.streams / network.stimulus.steps_per_image
        jobs[name] = lambda timer=timer, steps=steps, images=images: timer.mean_of(steps) / images
    measured = take_turns(jobs, setting)
    widths = "-".join(str(p.units) for p in [reference.input, *reference.layers])
    part.add("stock", f"stock Brian2 Synapses ({target}), one stream: training, an image", "ms", 1e3 * measured["stock"])
    shown = f"spikefa, {setting.streams} streams: training, an image"
    part.add("spikefa", shown, "ms", 1e3 * measured["spikefa"])
    part.add("spikefa_one", "spikefa, one stream: training, an image", "ms", 1e3 * measured["spikefa_one"])
    part.add("ratio", f"stock / spikefa with {setting.streams} streams", "x", measured["stock"] / measured["spikefa"])
    part.add("ratio_one", "stock / spikefa with one stream", "x", measured["stock"] / measured["spikefa_one"])
    part.notes.append(f"Network {widths}; stock Brian2 has no streams that share weights, and one thread.")
    if target == "numpy" and not setting.quick:
        part.notes.append("No C++ compiler or no Cython was found: stock Brian2 would be faster with them.")
    return part
