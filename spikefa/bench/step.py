"""Parts (a) and (b): a training step with many streams against its own products, and the time an image."""

from __future__ import annotations

from brian2 import CodeRunner
from brian2.groups.neurongroup import Resetter, StateUpdater, Thresholder

from ..network import EVALUATION, Network
from ..plasticity import Learning
from ..projections import Projection
from ..stimulus import Readout, Stimulus
from .harness import Part, Setting, StepTimer, take_turns
from .products import operations, own_products, scipy_products

LAYOUTS = ("units x streams", "streams x units")

#: What a profile is summed up in; the last is what Brian2's loop spends between the parts.
CATEGORIES = (
    "propagation", "updates", "integration", "emission", "thresholds", "post factors", "stimulus", "readout",
    "other", "loop",
)  # fmt: skip


def training_step(setting: Setting) -> Part:
    """Measure (a): keys ``step``, ``own``, ``scipy/LAYOUT``, ``ratio``, ``remainder``, ``profile/CATEGORY``."""
    network, part = setting.network(), Part()
    timer = StepTimer(network)
    steps = setting.steps(network, timer)
    jobs = {"step": lambda: timer.mean_of(steps), "own": own_products(network, steps)}
    jobs |= {f"scipy/{layout}": scipy_products(network, steps, layout) for layout in LAYOUTS}
    measured = take_turns(jobs, setting)
    work = operations(network) / 1e9
    part.add("step", f"training step, {network.streams} streams", "ms", 1e3 * measured["step"])
    for name, values in list(measured.items())[1:]:
        library, _, layout = name.partition("/")
        who = "spikefa's kernels" if library == "own" else f"SciPy's gemm, {layout}"
        note = f"{work:.3g} Gflop, {work / values.min():.0f} Gflop/s at best"
        part.add(name, f"its matrix products alone, {who}", "ms", 1e3 * values, note)
    products = {name: values for name, values in measured.items() if name != "step"}
    fastest = min(products, key=lambda name: float(sorted(products[name])[len(products[name]) // 2]))
    part.add("ratio", "step / products by the fastest of these", "x", measured["step"] / products[fastest], fastest)
    part.add(
        "remainder", "step - products by spikefa's kernels", "ms", 1e3 * (measured["step"] - measured["own"]),
        "all that is no matrix product, with what the step does to the products (caches)",
    )  # fmt: skip
    for category, values in _profiles(network, timer, steps, setting).items():
        part.add(f"profile/{category}", f"of a profiled step: {category}", "ms", values)
    part.notes.append(
        f"{steps} steps a turn in one run; a step is timed from the end of one to the end of the next. "
        "The products are those of propagation, feedback and plasticity, on the network's own arrays."
    )
    part.notes.append("Profiles are separate runs (Brian2's profile=True); 'loop' is Brian2 between the parts.")
    return part


def category_of(obj) -> str:
    """Return to which of `CATEGORIES` an object of a network belongs."""
    kinds = (
        (Projection, "propagation"), (Learning, "updates"), (StateUpdater, "integration"),
        (Thresholder | Resetter, "thresholds"), (Stimulus, "stimulus"), (Readout, "readout"),
    )  # fmt: skip
    for kind, category in kinds:
        if isinstance(obj, kind):
            return category
    if isinstance(obj, CodeRunner):
        return "post factors" if obj.when == "plasticity" else "emission"
    return "other"


def _profiles(network: Network, timer: StepTimer, steps: int, setting: Setting) -> dict[str, list[float]]:
    """Return milliseconds a step of each category, one value a turn."""
    categories = {obj.name: category_of(obj) for obj in network.sorted_objects}
    spent: dict[str, list[float]] = {category: [] for category in CATEGORIES}
    for _ in range(setting.turns):
        total = dict.fromkeys(CATEGORIES, 0.0)
        whole = timer.mean_of(steps, profile=True)
        for name, seconds in network.profiling_info:
            if name != timer.name:
                total[categories[name]] += 1e3 * float(seconds) / (steps + 1)
        total["loop"] = max(1e3 * whole - sum(total.values()), 1e-6)
        for category, value in total.items():
            spent[category].append(value)
    return {category: values for category, values in spent.items() if any(values)}


def images(setting: Setting) -> Part:
    """Measure (b): keys ``train``, ``test``, ``epoch`` and ``test_set``."""
    network, part = setting.network(), Part()
    timer = StepTimer(network)
    train_steps = network.stimulus.steps_per_image
    test_steps = getattr(setting.params(), "test_steps", train_steps)
    steps = setting.steps(network, timer)
    measured = take_turns(
        {
            "train": lambda: timer.mean_of(steps) * train_steps / network.streams,
            "test": lambda: _testing(network, timer, steps // train_steps * test_steps, test_steps),
        },
        setting,
    )
    shown = f"{network.streams} streams"
    part.add("train", f"training, an image of {train_steps} steps, {shown}", "ms", 1e3 * measured["train"])
    part.add("test", f"testing, an image of {test_steps} steps, {shown}", "ms", 1e3 * measured["test"])
    part.add("epoch", "training, 60,000 images (derived)", "s", 60_000 * measured["train"])
    part.add("test_set", "testing, 10,000 images (derived)", "s", 10_000 * measured["test"])
    part.notes.append("Synthetic images of MNIST's statistics, switched as in training; evaluations not included.")
    return part


def _testing(network: Network, timer: StepTimer, steps: int, test_steps: int) -> float:
    source = network.stimulus.save()[0]
    with network.aside(EVALUATION):
        network.stimulus.steps_per_image = test_steps
        network.stimulus.show(source)
        timer.active = True
        return timer.mean_of(steps) * test_steps / network.streams
