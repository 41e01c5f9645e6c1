"""One stream, against the bytes it must touch over the bandwidth with which memory is copied.

Bytes of a step, from the mean number of presynaptic units that were not silent in the measured steps:

* propagation reads the row of weights of each such unit once, forward and feedback (nearly every delta
  is not zero, so that feedback matrices are read whole);
* plasticity reads and writes the row of each such unit once. The deltas of a step come after its spikes, so that this
  pass can be shared with the next step's propagation, and it is if a rule allows it: then a row of a unit that
  is not silent in either step is read once for both;
* biases, potentials and the other states, less than a hundredth of it, are not counted.

Copying is a parallel numba copy between two halves of as many bytes as all weights have, so that as much
of it lies in caches; its bytes are those read and those written.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numba import prange

from spikefa.bench.harness import Section, Setting, StepTimer, all_threads, take_turns
from spikefa.bench.products import updates_of
from spikefa.bench.profile import add_profile
from spikefa.bench.sections import sections
from spikefa.core.network import Network
from spikefa.engine.compiled import compiled


@compiled(parallel=True, nogil=True)
def copy(source, target, tasks):
    """Copy `source` to `target`, in so many tasks side by side."""
    for task in prange(tasks):
        low, high = task * source.size // tasks, (task + 1) * source.size // tasks
        target[low:high] = source[low:high]


def copy_bandwidth(size: int, seconds: float) -> Callable[[], float]:
    """Return a job: bytes read and written a second, by copying one half of `size` bytes to the other."""
    source, target = np.ones(size // 8, np.float32), np.zeros(size // 8, np.float32)
    tasks = all_threads()

    def job() -> float:
        copy(source, target, tasks)
        count, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds or count == 0:
            copy(source, target, tasks)
            count += 1
        return 2.0 * source.nbytes * count / spent

    return job


def bytes_touched(network: Network, active: np.ndarray, again: np.ndarray) -> dict[str, float]:
    """Return bytes that propagation and plasticity must touch in a step.

    Parameters
    ----------
    network : Network
    active : ndarray (projections,)
        Mean number of presynaptic units whose output is not zero.
    again : ndarray (projections,)
        Mean number of those that had output in the step before, too.
    """
    touched = {"propagation": 0.0, "plasticity": 0.0}
    for projection, rows, both in zip(network.projections, active, again, strict=True):
        row = projection.post.units * projection.weights.values.itemsize
        shared = projection.learning is not None and projection.learning.waits
        touched["propagation"] += (rows - both * shared) * row
        touched["plasticity"] += 2 * rows * row * len(updates_of(projection))
    return touched


@sections.register("one-stream")
def one_stream(setting: Setting, section: Section) -> None:
    """Time a training step of one stream against the bytes it must touch.

    Keys ``step``, ``busy``, ``bytes``, ``bandwidth``, ``bound``, ``ratio``, ``profile/...``.
    """
    network = setting.network(1)
    timer = StepTimer(network, [p.pre.array(p.pre.output_variable) for p in network.projections])
    steps = setting.steps(network, timer)
    size = sum(p.state_arrays()["W"].nbytes for p in network.projections if p.state_arrays())
    touched: list[dict[str, float]] = []
    busy: list[float] = []

    def step() -> float:
        seconds = timer.mean_of(steps)
        touched.append(bytes_touched(network, timer.mean_active, timer.mean_again))
        busy.append(timer.cores_busy)
        return seconds

    jobs = {"step": step, "bandwidth": copy_bandwidth(size, setting.seconds / 4)}
    measured = take_turns(jobs, setting)
    total = np.array([sum(kinds.values()) for kinds in touched])
    of_plasticity = np.array([kinds["plasticity"] for kinds in touched])
    active = ", ".join(
        f"{p.pre.name} {count:.0f} of {p.pre.units}"
        for p, count in zip(network.projections, timer.mean_active, strict=True)
    )
    section.add("step", "training step, one stream", "ms", measured["step"])
    section.add("busy", "cores busy meanwhile", "", busy, f"{all_threads()} threads")
    learning = of_plasticity.mean() / total.mean()
    note = f"{learning:.0%} by plasticity"
    section.add("bytes", "bytes it must touch", "MB", total, note)
    section.add("bandwidth", "copy bandwidth", "GB/s", measured["bandwidth"], "read + written")
    bound = total / measured["bandwidth"]
    section.add("bound", "bytes / bandwidth", "ms", bound)
    section.add("ratio", "step / that", "x", measured["step"] / bound)
    add_profile(section, network, timer, steps, setting)
    section.notes.append(f"Presynaptic units that are not silent, mean: {active}.")
    section.notes.append(
        "A row is read once to propagate and read and written once to learn, and read once for both if its unit is "
        "active in two steps running; feedback rows are read once. Nothing else is counted. All weights, and both "
        f"sides of the copy ({all_threads()} threads), are {size / 1e6:.1f} MB."
    )
