"""A training step with many streams against its own products."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from spikefa.bench.harness import Section, Setting, StepTimer, all_threads, take_turns
from spikefa.bench.products import operations, own_products, scipy_products
from spikefa.bench.profile import add_profile
from spikefa.bench.sections import sections

LAYOUTS = ("units_x_streams", "streams_x_units")
#: Of the feedback products, beside float32.
PRECISIONS = ("bfloat16", "int8")


@sections.register("step")
def training_step(setting: Setting, section: Section) -> None:
    """Time a training step against its matrix products alone.

    Keys ``step``, ``busy``, ``own``, ``scipy/LAYOUT``, ``ratio``, ``remainder``, ``profile/...``; if the model has a
    ``feedback_precision``, also ``step/PRECISION`` and ``speedup/PRECISION``.
    """
    network = setting.network()
    timer = StepTimer(network)
    steps = setting.steps(network, timer)
    busy: list[float] = []

    def step() -> float:
        seconds = timer.mean_of(steps)
        busy.append(timer.cores_busy)
        return seconds

    jobs = {"step": step, "own": own_products(network, steps)}
    jobs |= {f"scipy/{layout}": scipy_products(network, steps, layout) for layout in LAYOUTS}
    measured = take_turns(jobs | _in_fewer_bits(setting, steps), setting)
    work = operations(network) / 1e9
    section.add("step", f"training step, {network.streams} streams", "ms", measured["step"])
    section.add("busy", "cores busy meanwhile", "", busy, f"{all_threads()} threads")
    products = {name: values for name, values in measured.items() if name in jobs and name != "step"}
    for name, values in products.items():
        library, _, layout = name.partition("/")
        who = "spikefa's kernels" if library == "own" else f"SciPy, {layout.replace('_', ' ')}"
        note = f"{work / values.min():.0f} Gflop/s at best"
        section.add(name, f"products alone, {who}", "ms", values, note)
    fastest = min(products, key=lambda name: section.rows[name].spread.median)
    ratio = measured["step"] / products[fastest]
    section.add("ratio", "step / fastest products", "x", ratio, fastest)
    remainder = measured["step"] - measured["own"]
    section.add("remainder", "step - products, spikefa's kernels", "ms", remainder, "all that is no product")
    for precision in PRECISIONS:
        if (key := f"step/{precision}") in measured:
            section.add(key, f"training step, feedback in {precision}", "ms", measured[key])
            speedup = measured["step"] / measured[key]
            section.add(f"speedup/{precision}", f"step / step with feedback in {precision}", "x", speedup)
    add_profile(section, network, timer, steps, setting)
    section.notes.append(
        f"{steps} steps a turn in one run; a step is timed from the end of one to the end of the next. "
        "The matrix products are those of propagation, feedback and plasticity, on the network's own arrays: "
        f"{work:.3g} Gflop."
    )


def _in_fewer_bits(setting: Setting, steps: int) -> dict[str, Callable[[], float]]:
    """Return the jobs ``step/PRECISION``, if the model knows precisions."""
    jobs = {}
    for precision in PRECISIONS:
        if changes := setting.known({"feedback_precision": precision}):
            timer = StepTimer(setting.network(**changes))
            jobs[f"step/{precision}"] = partial(timer.mean_of, steps)
    return jobs
