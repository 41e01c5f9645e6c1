"""What the sections on a GPU share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from spikefa.bench.harness import Section, Setting
from spikefa.core.network import Network
from spikefa.engine.cuda import require_cuda
from spikefa.errors import ArgumentError


def gpu_is_here(section: Section, key: str, what: str) -> bool:
    """Return whether there is a GPU; if there is none, add a row that says so."""
    try:
        require_cuda()
    except ArgumentError as error:
        section.missing(key, what, str(error))
        return False
    return True


def fewer_turns(setting: Setting) -> Setting:
    """Return a shorter setting: machines with GPUs are lent by the minute."""
    return replace(setting, turns=min(setting.turns, 5), seconds=setting.seconds / 2)


def moved(network: Network) -> Network:
    """Move a network to the GPU and run an image there, which compiles its kernels."""
    network.device = "cuda"
    network.run_steps(network.stimulus.steps_per_image)
    return network


def seconds_of(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def step_timer(network: Network, setting: Setting) -> Callable[[], float]:
    """Return what measures the seconds of a step, in about as long as a turn should take."""
    each = network.stimulus.steps_per_image

    def measure(steps: int) -> float:
        short, long = (seconds_of(lambda n=n: network.run_steps(n)) for n in (steps, 3 * steps))
        return (long - short) / (2 * steps)

    step = measure(2 * each if setting.quick else 20 * each)
    steps = each * max(2, min(round(setting.seconds / 4 / max(step, 1e-9) / each), 2 if setting.quick else 1000))
    return lambda: measure(steps)
