"""The same model by stock Brian2 `Synapses`, one stream, and by spikefa with many."""

from __future__ import annotations

from brian2.codegen.runtime.cython_rt import CythonCodeObject

from spikefa.bench.harness import Section, Setting, StepTimer, show_synthetic, take_turns
from spikefa.bench.sections import sections
from spikefa.brian2_reference import Brian2Reference

#: A network that both can run, for those of the names that the model's ``Params`` have.
SIZES = {"hidden": (300, 300), "outputs": 100}
QUICK_SIZES = {"hidden": (30, 30), "outputs": 20}


def stock_target(quick: bool) -> str:
    """Return ``"cython"`` if a compiler is found; ``"numpy"`` without one, or quickly."""
    return "cython" if not quick and CythonCodeObject.is_available() else "numpy"


@sections.register("brian2")
def against_stock(setting: Setting, section: Section) -> None:
    """Compare with stock Brian2 Synapses.

    Keys ``stock``, ``spikefa``, ``spikefa_one``, ``ratio`` and ``ratio_one``.
    """
    sizes = QUICK_SIZES if setting.quick else SIZES
    target = stock_target(setting.quick)
    reference = Brian2Reference(setting.network(1, **sizes), target=target).network
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
    stock, many, one = (measured[name] for name in networks)
    section.add("stock", f"Brian2 ({target}), one stream", "ms", stock)
    section.add("spikefa", f"spikefa, {setting.streams} streams", "ms", many)
    section.add("spikefa_one", "spikefa, one stream", "ms", one)
    section.add("ratio", f"Brian2 / spikefa, {setting.streams} streams", "x", stock / many)
    section.add("ratio_one", "Brian2 / spikefa, one stream", "x", stock / one)
    section.notes.append(f"Training, an image; network {widths}.")
    section.notes.append("Stock Brian2 has one thread, and no streams that share weights.")
    if target == "numpy" and not setting.quick:
        section.notes.append("No C++ compiler or no Cython was found: stock Brian2 would be faster with them.")
