"""The same network on a GPU, against its products and the processor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikefa.bench.harness import Section, Setting, StepTimer, synthetic_images, take_turns
from spikefa.bench.on_gpu import fewer_turns, gpu_is_here, moved, seconds_of, step_timer
from spikefa.bench.products import operations
from spikefa.bench.sections import sections
from spikefa.core.network import Network
from spikefa.diagnostics import evaluation


@sections.register("gpu")
def on_a_gpu(setting: Setting, section: Section) -> None:
    """Time a training step on a GPU, and find its first step with other spikes.

    They are other ones than those of the same network on the processor.

    Keys ``step/STREAMS``, ``products/STREAMS``, ``ratio/STREAMS``, ``epoch``, ``test_set``, ``processor``, ``speedup``
    and ``parts/DTYPE``; ``step`` alone if there is no GPU.
    """
    if gpu_is_here(section, "step", "training step"):
        setting = fewer_turns(setting)
        for streams in (setting.streams, 10 * setting.streams):
            _step(section, setting, streams)
        network = moved(setting.network())
        _images(section, setting, network)
        _processor(section, setting, network)
        for dtype in ("float32", "float64"):
            if setting.known({"dtype": dtype}):
                _parting(section, setting, dtype)
        section.notes.append(
            "A step is the difference of two runs of different lengths, so without their beginnings and ends; images "
            "are switched as in training. The products alone are one CUDA graph."
        )


def _products(network: Network) -> Callable[[], float]:
    from spikefa.engine.cuda.graphs import Graphs
    from spikefa.engine.cuda.launching import stream as cuda_stream

    graphs, products, count = Graphs(), network.executor.products, 10

    def launch() -> None:
        for _ in range(count):
            for multiply in products:
                multiply(1.0)

    def run() -> None:
        graphs.run("products", launch)
        cuda_stream().synchronize()

    run()  # compiled
    run()  # captured
    return lambda: np.mean([seconds_of(run) for _ in range(20)]) / count


def _step(section: Section, setting: Setting, streams: int) -> None:
    network = moved(setting.network(streams))
    measured = take_turns({"step": step_timer(network, setting), "products": _products(network)}, setting)
    speed = operations(network) / measured["products"].min() / 1e12
    section.add(f"step/{streams}", f"training step, {streams} streams", "ms", measured["step"])
    section.add(f"products/{streams}", "its products alone, cuBLAS", "ms", measured["products"], f"{speed:.0f} Tflop/s")
    section.add(f"ratio/{streams}", "step / products", "x", measured["step"] / measured["products"])


def _images(section: Section, setting: Setting, network: Network) -> None:
    presentations = 4 if setting.quick else 60_000 // network.streams
    steps = presentations * network.stimulus.steps_per_image
    count = 2 * network.streams if setting.quick else 10_000
    images = synthetic_images(count, network.input.units)
    test_steps = getattr(setting.params(), "test_steps", network.stimulus.steps_per_image)
    measured = take_turns(
        {
            "epoch": lambda: seconds_of(lambda: network.run_steps(steps)),
            "test_set": lambda: seconds_of(lambda: evaluation.predict(network, images, test_steps)),
        },
        setting,
    )
    section.add("epoch", f"training, {presentations * network.streams:,} images", "s", measured["epoch"])
    section.add("test_set", f"testing, {count:,} images of {test_steps} steps", "s", measured["test_set"])


def _processor(section: Section, setting: Setting, network: Network) -> None:
    other = setting.network()
    timer = StepTimer(other)
    steps = setting.steps(other, timer)
    jobs = {"gpu": step_timer(network, setting), "processor": lambda: timer.mean_of(steps)}
    measured = take_turns(jobs, setting)
    section.add("processor", "the same step on the processor", "ms", measured["processor"])
    section.add("speedup", "processor / GPU", "x", measured["processor"] / measured["gpu"])


def _parting(section: Section, setting: Setting, dtype: str) -> None:
    """Find the first step in which a unit spikes on one device and not on the other."""
    most = 3 if setting.quick else 100
    one, other = (setting.network(dtype=dtype) for _ in range(2))
    other.device = "cuda"
    step = 0
    while step < most:
        step += 1
        for network in (one, other):
            network.run_steps(1)
        pairs = [(layer.view(layer.output_variable), other[layer.name]) for layer in one.layers]
        differ = [np.count_nonzero(mine != theirs.view(theirs.output_variable)) for mine, theirs in pairs]
        if any(differ):
            break
    size = one.streams * sum(layer.units for layer in one.layers)
    found = f"the first step with other spikes, {sum(differ)} of {size:,}" if any(differ) else "no other spikes so far"
    section.add(f"parts/{dtype}", f"processor and GPU, {dtype}", "steps", [step], found)
