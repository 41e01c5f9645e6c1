"""Parts (a) and (b): a training step with many streams against its own products, and the time an image."""

from __future__ import annotations

from spikefa.bench.harness import Part, Setting, StepTimer, all_threads, take_turns
from spikefa.bench.products import operations, own_products, scipy_products
from spikefa.bench.profile import add_profile
from spikefa.core.network import Network
from spikefa.core.sandbox import EVALUATION, sandboxed

LAYOUTS = ("units_x_streams", "streams_x_units")


def training_step(setting: Setting, part: Part) -> None:
    """Measure (a): ``step``, ``busy``, ``own``, ``scipy/LAYOUT``, ``ratio``, ``remainder``, ``profile/...``."""
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
    measured = take_turns(jobs, setting)
    work = operations(network) / 1e9
    part.add("step", f"training step, {network.streams} streams", "ms", measured["step"])
    part.add("busy", "cores busy meanwhile", "", busy, f"{all_threads()} threads")
    for name, values in list(measured.items())[1:]:
        library, _, layout = name.partition("/")
        who = "spikefa's kernels" if library == "own" else f"SciPy, {layout.replace('_', ' ')}"
        note = f"{work / values.min():.0f} Gflop/s at best"
        part.add(name, f"products alone, {who}", "ms", values, note)
    products = {name: values for name, values in measured.items() if name != "step"}
    fastest = min(products, key=lambda name: part.rows[name].spread.median)
    ratio = measured["step"] / products[fastest]
    part.add("ratio", "step / fastest products", "x", ratio, fastest)
    remainder = measured["step"] - measured["own"]
    part.add("remainder", "step - products, spikefa's kernels", "ms", remainder, "all that is no product")
    add_profile(part, network, timer, steps, setting)
    part.notes.append(
        f"{steps} steps a turn in one run; a step is timed from the end of one to the end of the next. "
        "The matrix products are those of propagation, feedback and plasticity, on the network's own arrays: "
        f"{work:.3g} Gflop."
    )


def images(setting: Setting, part: Part) -> None:
    """Measure (b): keys ``train``, ``test``, ``epoch`` and ``test_set``."""
    network = setting.network()
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
    part.add("train", f"training, an image of {train_steps} steps, {shown}", "ms", measured["train"])
    part.add("test", f"testing, an image of {test_steps} steps, {shown}", "ms", measured["test"])
    part.add("epoch", "training, 60,000 images (derived)", "s", 60_000 * measured["train"])
    part.add("test_set", "testing, 10,000 images (derived)", "s", 10_000 * measured["test"])
    part.notes.append("Synthetic images of MNIST's statistics, switched as in training; no evaluations.")


def _testing(network: Network, timer: StepTimer, steps: int, test_steps: int) -> float:
    source = network.stimulus.save()[0]
    with sandboxed(network, EVALUATION):
        network.stimulus.steps_per_image = test_steps
        network.stimulus.show(source)
        timer.active = True
        return timer.mean_of(steps) * test_steps / network.streams
