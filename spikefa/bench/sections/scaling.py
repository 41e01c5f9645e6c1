"""Streams, widths, threads, and where event-driven kernels stop being the faster ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numba
import numpy as np

from spikefa.bench.harness import Section, Setting, StepTimer, all_threads, mean_seconds, take_turns
from spikefa.bench.products import TINY, own_products
from spikefa.bench.sections import sections
from spikefa.engine.kernels.blas import blocks_of, gemm_address, single_threaded_blas
from spikefa.engine.kernels.dense import propagate_batched, propagate_events, update_batched, update_events
from spikefa.engine.kernels.spikes import choices_of_streams, choices_of_units, propagate_spikes, update_spikes
from spikefa.engine.weights import WeightPolicy

STREAMS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
WIDTHS = (250, 500, 1000, 1500, 2000, 4000)
CROSSOVER_STREAMS = (*range(1, 17), 20, 25, 32, 40, 50, 100)
CROSSOVER_UNITS = 1500
#: Bytes of weights that the crossover's kernels go through in turn: a full network's, more than caches hold.
CROSSOVER_BYTES = 54e6


@sections.register("scaling")
def scaling(setting: Setting, section: Section) -> None:
    """Scale streams, widths and threads.

    Keys: ``streams/N`` (a step) and ``streams/N/image``; ``width/N`` and ``width/N/ratio`` (step / products);
    ``threads/N`` and ``threads/N/speedup``; ``crossover/N/events``, ``/batched`` and ``/tables``
    (learning), ``crossover/N/dense_events`` and ``/dense_batched`` (feedback), ``crossover``, ``crossover/dense`` and
    ``crossover/tables``.
    """
    few = dataclasses.replace(setting, turns=max(2, setting.turns // 2), seconds=setting.seconds / 2)
    _streams(section, few)
    _widths(section, few)
    _threads(section, few)
    _crossover(section, few)


def _streams(section: Section, setting: Setting) -> None:
    for streams in (1, 2, 20) if setting.quick else STREAMS:
        network = setting.network(streams)
        timer = StepTimer(network)
        steps = setting.steps(network, timer)
        seconds = take_turns({"step": lambda timer=timer, steps=steps: timer.mean_of(steps)}, setting)["step"]
        each = network.stimulus.steps_per_image
        section.add(f"streams/{streams}", f"step, {streams} streams", "ms", seconds)
        image = seconds * each / streams
        section.add(f"streams/{streams}/image", f"an image, {streams} streams", "ms", image)


def _widths(section: Section, setting: Setting) -> None:
    hidden = getattr(setting.params(), "hidden", None)
    if hidden is None:
        section.missing("width", "hidden widths", f"model {setting.model.name!r} has no parameter 'hidden'")
        return
    for width in (20, 50) if setting.quick else WIDTHS:
        network = setting.network(hidden=(width,) * len(hidden))
        timer = StepTimer(network)
        steps = setting.steps(network, timer)
        jobs = {"step": lambda timer=timer, steps=steps: timer.mean_of(steps)}
        jobs["own"] = own_products(network, steps)
        measured = take_turns(jobs, setting)
        units, ratio = f"{len(hidden)} x {width} hidden units", measured["step"] / measured["own"]
        section.add(f"width/{width}", f"step, {units}", "ms", measured["step"])
        section.add(f"width/{width}/ratio", f"step / its products, {units}", "x", ratio)


def _threads(section: Section, setting: Setting) -> None:
    network = setting.network()
    timer = StepTimer(network)
    steps = setting.steps(network, timer)
    before = numba.get_num_threads()

    def step_with(threads: int) -> float:
        numba.set_num_threads(threads)
        return timer.mean_of(steps)

    most = all_threads()
    counts = sorted({1, most, *(2**k for k in range(1, most.bit_length()) if 2**k < most)})
    try:
        measured = take_turns({str(n): lambda n=n: step_with(n) for n in counts}, setting)
    finally:
        numba.set_num_threads(before)
    for count, seconds in measured.items():
        section.add(f"threads/{count}", f"step, {setting.streams} streams, {count} threads", "ms", seconds)
        speedup = measured["1"] / seconds
        section.add(f"threads/{count}/speedup", f"one thread / {count} threads", "x", speedup)


def _crossover(section: Section, setting: Setting) -> None:
    units = 60 if setting.quick else CROSSOVER_UNITS
    faster: dict[str, list[int]] = {"": [], "dense_": []}
    slow_tables = 0
    counts = (1, 4) if setting.quick else CROSSOVER_STREAMS
    for streams in counts:
        jobs = {
            f"{kind}{engine}": _kernels(units, streams, engine, dense=bool(kind), quick=setting.quick)
            for kind, engines in (("", ("events", "batched", "tables")), ("dense_", ("events", "batched")))
            for engine in engines
        }
        measured = take_turns(jobs, dataclasses.replace(setting, pause=setting.pause / 10))
        for name, seconds in measured.items():
            what = "feedback" if name.startswith("dense_") else "learning"
            shown = f"{what}, {streams} streams, {name.removeprefix('dense_')}"
            section.add(f"crossover/{streams}/{name}", shown, "ms", seconds)
        median = {name: np.median(seconds) for name, seconds in measured.items()}
        for kind, won in faster.items():
            if median[f"{kind}events"] < median[f"{kind}batched"] and len(won) == counts.index(streams):
                won.append(streams)
        if median["tables"] >= min(median["events"], median["batched"]):
            slow_tables = streams
    policy = WeightPolicy()
    for kind, key, what, used in (
        ("", "crossover", "learning", policy.event_streams_spikes),
        ("dense_", "crossover/dense", "feedback", policy.event_streams_fixed),
    ):
        most = max(faster[kind], default=0)
        now = f"used up to {used}"
        section.add(key, f"event-driven kernels are faster up to, {what}", "streams", [most], now)
    now = f"used from {policy.table_streams}"
    what = "other kernels than tables are the fastest up to, learning"
    section.add("crossover/tables", what, "streams", [slow_tables], now)
    section.notes.append(
        f"Crossover: {units} x {units}, many matrices in turn. Learning is propagation and plasticity with "
        "half of the presynaptic units spiking; feedback is propagation alone with all of them active."
    )


def _kernels(units: int, streams: int, engine: str, dense: bool, quick: bool) -> Callable[[], float]:
    """Return a job: mean seconds of one matrix's propagation, and its update unless `dense`."""
    rng = np.random.default_rng(0)
    copies = 2 if quick else round(CROSSOVER_BYTES / (4 * units * units))
    weights = [rng.uniform(-0.05, 0.05, (units, units)).astype(np.float32) for _ in range(copies)]
    pre = (rng.random((units, streams)) < 0.5).astype(np.float32)
    if dense:
        pre = rng.standard_normal((units, streams)).astype(np.float32)
    post, current = rng.standard_normal((2, units, streams)).astype(np.float32)
    bias, gemm, blocks = np.zeros(units, np.float32), gemm_address("float32"), blocks_of(units)

    def step() -> None:
        for W in weights:
            if engine == "events":
                propagate_events(W, pre, bias, current, False)
                if not dense:
                    update_events(W, pre, post, TINY)
            elif engine == "tables":
                propagate_spikes(W, choices_of_units(pre), bias, current, False)
                update_spikes(W, choices_of_streams(pre), post, TINY)
            else:
                propagate_batched(gemm, W, pre, bias, current, False, blocks)
                if not dense:
                    update_batched(gemm, W, pre, post, TINY, 1.0, blocks)

    def job() -> float:
        with single_threaded_blas():
            return mean_seconds(step, 1 if quick else 5) / len(weights)

    return job
