"""Parts (i) and (j): the same network on a GPU, against its products, the processor and PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from spikefa.bench.harness import Part, Setting, StepTimer, synthetic_images, take_turns
from spikefa.bench.products import operations
from spikefa.bench.pytorch import Worker, compare, in_words, sizes_of, with_pytorch
from spikefa.core.network import Network
from spikefa.diagnostics import evaluation
from spikefa.engine.cuda import require_cuda


def on_a_gpu(setting: Setting, part: Part) -> None:
    """Measure (i), and where spikes on the two devices part.

    Keys ``step/STREAMS``, ``products/STREAMS``, ``ratio/STREAMS``, ``epoch``, ``test_set``, ``processor``, ``speedup``
    and ``parts/DTYPE``; ``step`` alone where there is no GPU.
    """
    if _possible(part, "step", "training step"):
        setting = _fewer_turns(setting)
        for streams in (setting.streams, 10 * setting.streams):
            _step(part, setting, streams)
        network = _moved(setting.network())
        _images(part, setting, network)
        _processor(part, setting, network)
        for dtype in ("float32", "float64"):
            if setting.known({"dtype": dtype}):
                _parting(part, setting, dtype)
        part.notes.append(
            "A step is the difference of two runs of different lengths, so without their beginnings and ends; images "
            "are switched as in training. The products alone are one CUDA graph."
        )


def against_pytorch_on_a_gpu(setting: Setting, part: Part) -> None:
    """Measure (j): keys ``spikefa``, ``pytorch/VARIANT``, ``ratio/compiled`` and ``ratio/graph``.

    Where there is no GPU or no PyTorch, ``pytorch`` alone.
    """
    if _possible(part, "pytorch", "PyTorch"):
        fewer = _fewer_turns(setting)
        with_pytorch(part, fewer, lambda process: _pytorch(part, fewer, process))


def _possible(part: Part, key: str, what: str) -> bool:
    try:
        require_cuda()
    except ValueError as error:
        part.missing(key, what, str(error))
        return False
    return True


def _fewer_turns(setting: Setting) -> Setting:
    """Machines with GPUs are lent by the minute."""
    return replace(setting, turns=min(setting.turns, 5), seconds=setting.seconds / 2)


def _moved(network: Network) -> Network:
    network.device = "cuda"
    network.run_steps(network.stimulus.steps_per_image)  # which compiles its kernels
    return network


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _step_timer(network: Network, setting: Setting) -> Callable[[], float]:
    """Return what measures the seconds of a step, in about as long as a turn should take."""
    each = network.stimulus.steps_per_image

    def measure(steps: int) -> float:
        short, long = (_seconds(lambda n=n: network.run_steps(n)) for n in (steps, 3 * steps))
        return (long - short) / (2 * steps)

    step = measure(2 * each if setting.quick else 20 * each)
    steps = each * max(2, min(round(setting.seconds / 4 / max(step, 1e-9) / each), 2 if setting.quick else 1000))
    return lambda: measure(steps)


def _products(network: Network) -> Callable[[], float]:
    from spikefa.engine.cuda.graphs import Graphs
    from spikefa.engine.cuda.launching import stream

    graphs, products, count = Graphs(), network._device_run.products, 10

    def launch() -> None:
        for _ in range(count):
            for multiply in products:
                multiply(1.0)

    def run() -> None:
        graphs.run("products", launch)
        stream().synchronize()

    run()  # compiled
    run()  # captured
    return lambda: np.mean([_seconds(run) for _ in range(20)]) / count


def _step(part: Part, setting: Setting, streams: int) -> None:
    network = _moved(setting.network(streams))
    measured = take_turns({"step": _step_timer(network, setting), "products": _products(network)}, setting)
    rate = operations(network) / measured["products"].min() / 1e12
    part.add(f"step/{streams}", f"training step, {streams} streams", "ms", measured["step"])
    part.add(f"products/{streams}", "its products alone, cuBLAS", "ms", measured["products"], f"{rate:.0f} Tflop/s")
    part.add(f"ratio/{streams}", "step / products", "x", measured["step"] / measured["products"])


def _images(part: Part, setting: Setting, network: Network) -> None:
    presentations = 4 if setting.quick else 60_000 // network.streams
    steps = presentations * network.stimulus.steps_per_image
    count = 2 * network.streams if setting.quick else 10_000
    images = synthetic_images(count, network.input.units)
    test_steps = getattr(setting.params(), "test_steps", network.stimulus.steps_per_image)
    measured = take_turns(
        {
            "epoch": lambda: _seconds(lambda: network.run_steps(steps)),
            "test_set": lambda: _seconds(lambda: evaluation.predict(network, images, test_steps)),
        },
        setting,
    )
    part.add("epoch", f"training, {presentations * network.streams:,} images", "s", measured["epoch"])
    part.add("test_set", f"testing, {count:,} images of {test_steps} steps", "s", measured["test_set"])


def _processor(part: Part, setting: Setting, network: Network) -> None:
    other = setting.network()
    timer = StepTimer(other)
    steps = setting.steps(other, timer)
    jobs = {"gpu": _step_timer(network, setting), "processor": lambda: timer.mean_of(steps)}
    measured = take_turns(jobs, setting)
    part.add("processor", "the same step on the processor", "ms", measured["processor"])
    part.add("speedup", "processor / GPU", "x", measured["processor"] / measured["gpu"])


def _pytorch(part: Part, setting: Setting, process: Worker) -> None:
    told = process.ask(sizes_of(setting, "cuda"))
    network = _moved(setting.network())
    steps = network.stimulus.steps_per_image * (2 if setting.quick else 100)
    ratios = compare(part, setting, process, told, _step_timer(network, setting), steps)
    for how in ("compiled", "graph"):
        best = next((name for name in ratios if name.startswith(f"pytorch/{how}/")), None)
        if best is not None:
            part.add(f"ratio/{how}", "PyTorch / spikefa", "x", ratios[best], in_words(best))
    part.notes.append(f"PyTorch {told['torch']}, float32 products as spikefa's, in a process that takes turns with it.")


def _parting(part: Part, setting: Setting, dtype: str) -> None:
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
    part.add(f"parts/{dtype}", f"processor and GPU, {dtype}", "steps", [step], found)
