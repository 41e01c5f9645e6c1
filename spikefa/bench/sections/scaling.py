"""Streams, widths, threads, and where event-driven kernels stop being the faster ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import pairwise

import numba
import numpy as np

from spikefa.bench.harness import Section, Setting, StepTimer, all_threads, mean_seconds, take_turns
from spikefa.bench.products import TINY, own_products
from spikefa.bench.sections import sections
from spikefa.engine.kernels import few_streams, many_streams
from spikefa.engine.kernels.blas import blocks_of, gemm_address, single_threaded_blas
from spikefa.engine.kernels.dense import (
    propagate_batched,
    propagate_events,
    update_and_propagate_events,
    update_batched,
)
from spikefa.engine.kernels.spikes import choices_of_streams, choices_of_units, propagate_spikes, update_spikes
from spikefa.engine.weight_policy import WeightPolicy

STREAMS = (*(2**n for n in range(10)), 1000)
WIDTHS = (250, 500, 1000, 1500, 2000, 4000)
CROSSOVER_STREAMS = (*range(1, 17), 20, 25, 32, 40, 50, 100)
CROSSOVER_UNITS = 1500
#: Bytes of weights that the crossover's kernels go through in turn: a full network's, more than caches hold.
CROSSOVER_BYTES = 54e6


@sections.register("scaling")
def scaling(setting: Setting, section: Section) -> None:
    """Scale streams, widths and threads.

    Keys: ``streams/N`` (a step), ``streams/N/image`` and ``streams/N/rate`` (images/s), and ``streams/gain``, the least
    of these rates over the one before; ``width/N`` and ``width/N/ratio`` (step / products);
    ``threads/N`` and ``threads/N/speedup``; ``crossover/N/events``, ``/few``, ``/tiles``, ``/batched`` (BLAS) and
    ``/tables`` (learning), the same with ``dense_`` but for tables (feedback), and ``crossover/KERNELS``, the number of
    streams from or up to which those are the fastest.
    """
    few = dataclasses.replace(setting, turns=max(2, setting.turns // 2), seconds=setting.seconds / 2)
    _streams(section, few)
    _widths(section, few)
    _threads(section, few)
    _crossover(section, few)


def _streams(section: Section, setting: Setting) -> None:
    """Measure all numbers of streams in turn, so that a slow minute of the machine slows no single one."""
    jobs, each = {}, {}
    for streams in (1, 2, 20) if setting.quick else STREAMS:
        network = setting.network(streams)
        timer = StepTimer(network)
        steps = setting.steps(network, timer)
        jobs[streams] = lambda timer=timer, steps=steps: timer.mean_of(steps)
        each[streams] = network.stimulus.steps_per_image
    measured = take_turns(jobs, setting)
    rates = {streams: streams / (seconds * each[streams]) for streams, seconds in measured.items()}
    for streams, seconds in measured.items():
        section.add(f"streams/{streams}", f"step, {streams} streams", "ms", seconds)
        section.add(f"streams/{streams}/image", f"an image, {streams} streams", "ms", 1 / rates[streams])
        section.add(f"streams/{streams}/rate", f"images/s, {streams} streams", "", rates[streams])
    gains = {(a, b): np.median(rates[b]) / np.median(rates[a]) for a, b in pairwise(rates)}
    before, after = min(gains, key=gains.get)
    least = gains[before, after]
    note = f"from {before} to {after} streams: images/s {'rise every time' if least > 1 else 'fall there'}"
    section.add("streams/gain", "least gain of images/s by about twice the streams", "x", [least], note)


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
    kinds = {"": ("events", "few", "tiles", "batched", "tables"), "dense_": ("events", "few", "tiles", "batched")}
    fastest: dict[str, dict[int, str]] = {kind: {} for kind in kinds}
    for streams in (1, 4) if setting.quick else CROSSOVER_STREAMS:
        jobs = {
            f"{kind}{engine}": _kernels(units, streams, engine, dense=bool(kind), quick=setting.quick)
            for kind, engines in kinds.items()
            for engine in engines
        }
        measured = take_turns(jobs, dataclasses.replace(setting, pause=setting.pause / 10))
        for name, seconds in measured.items():
            what = "feedback" if name.startswith("dense_") else "learning"
            shown = f"{what}, {streams} streams, {name.removeprefix('dense_')}"
            section.add(f"crossover/{streams}/{name}", shown, "ms", seconds)
        for kind, engines in kinds.items():
            fastest[kind][streams] = min(engines, key=lambda engine: np.median(measured[f"{kind}{engine}"]))
    policy = WeightPolicy()
    for kind, engine, what, used in (
        ("", "events", "event-driven kernels, learning", policy.event_streams_spikes),
        ("dense_", "events", "event-driven kernels, feedback", policy.event_streams_fixed),
        ("", "few", "kernels of few streams, learning", policy.few_streams_learning),
        ("dense_", "few", "kernels of few streams, feedback", policy.few_streams_fixed),
    ):
        most = max((streams for streams, best in fastest[kind].items() if best == engine), default=0)
        section.add(f"crossover/{kind}{engine}", f"the last fastest: {what}", "streams", [most], f"used up to {used}")
    slow = max((streams for streams, best in fastest[""].items() if best != "tables"), default=0)
    now = f"used from {policy.table_streams}"
    section.add("crossover/tables", "others than tables are the fastest up to, learning", "streams", [slow], now)
    section.notes.append(
        f"Crossover: {units} x {units}, many matrices in turn. Learning is propagation and plasticity with "
        "half of the presynaptic units spiking, in one pass where the kernels can; feedback is propagation alone with "
        "all of them active."
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
    room = many_streams.room_for_panels(units, streams, np.float32)
    shared = {
        "events": (propagate_events, update_and_propagate_events),
        "few": (few_streams.propagate, few_streams.update_and_propagate),
    }

    def step() -> None:
        for W in weights:
            if engine in ("events", "few"):
                propagate, both = shared[engine]
                if dense:
                    propagate(W, pre, bias, current, False)
                else:
                    both(W, pre, post, TINY, pre, bias, current, False)
            elif engine == "tables":
                propagate_spikes(W, choices_of_units(pre), bias, current, False)
                update_spikes(W, choices_of_streams(pre), post, TINY)
            elif engine == "tiles":
                many_streams.propagate(W, pre, room, bias, current, False)
                if not dense:
                    few_streams.update(W, pre, post, TINY)
            else:
                propagate_batched(gemm, W, pre, bias, current, False, blocks)
                if not dense:
                    update_batched(gemm, W, pre, post, TINY, 1.0, blocks)

    def job() -> float:
        with single_threaded_blas():
            return mean_seconds(step, 1 if quick else 5) / len(weights)

    return job
