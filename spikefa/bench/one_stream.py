"""Part (c): one stream, against the bytes it must touch over the bandwidth with which memory is copied.

Bytes of a step, from the mean number of presynaptic units that were not silent in the measured steps:

* propagation reads the row of weights of each such unit once, forward and feedback (a spike is rarer than
  a delta that is not zero, so that feedback matrices are read whole);
* plasticity reads and writes the row of each such unit once; it cannot be one pass with propagation, since
  the deltas of a step come after its spikes;
* biases, potentials and the other states, less than a hundredth of it, are not counted.

Copying is a parallel numba copy between two halves of as many bytes as all weights have, so that as much
of it lies in caches; its bytes are those read and those written.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numba import njit, prange

from ..network import Network
from .harness import Part, Setting, StepTimer, all_threads, take_turns
from .products import _updates


@njit(parallel=True, nogil=True, cache=True)
def _copy(source, target, tasks):
    for task in prange(tasks):
        low, high = task * source.size // tasks, (task + 1) * source.size // tasks
        target[low:high] = source[low:high]


def copy_bandwidth(size: int, seconds: float) -> Callable[[], float]:
    """Return a job: bytes read and written a second, by copying one half of `size` bytes to the other."""
    source, target = np.ones(size // 8, np.float32), np.zeros(size // 8, np.float32)
    tasks = all_threads()

    def job() -> float:
        _copy(source, target, tasks)
        count, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds or count == 0:
            _copy(source, target, tasks)
            count += 1
        return 2.0 * source.nbytes * count / spent

    return job


def bytes_touched(network: Network, active: np.ndarray) -> dict[str, float]:
    """Return bytes that propagation and plasticity must touch in a step.

    Parameters
    ----------
    network : Network
    active : ndarray (projections,)
        Mean number of presynaptic units whose output is not zero.
    """
    touched = {"propagation": 0.0, "plasticity": 0.0}
    for projection, rows in zip(network.projections, active, strict=True):
        row = projection.post.units * projection.stored.itemsize
        touched["propagation"] += rows * row
        touched["plasticity"] += 2 * rows * row * len(_updates(projection))
    return touched


def one_stream(setting: Setting) -> Part:
    """Measure (c): keys ``step``, ``bytes``, ``bandwidth``, ``bound`` and ``ratio``."""
    network, part = setting.network(1), Part()
    timer = StepTimer(network, [p.pre.array(p.pre.output_variable) for p in network.projections])
    steps = setting.steps(network, timer)
    size = sum(p.stored.nbytes for p in network.projections)
    touched: list[dict[str, float]] = []

    def step() -> float:
        seconds = timer.mean_of(steps)
        touched.append(bytes_touched(network, timer.mean_active))
        return seconds

    measured = take_turns({"step": step, "bandwidth": copy_bandwidth(size, setting.seconds / 4)}, setting)
    total = np.array([sum(kinds.values()) for kinds in touched])
    of_plasticity = np.array([kinds["plasticity"] for kinds in touched])
    active = ", ".join(
        f"{p.pre.name} {count:.0f} of {p.pre.units}"
        for p, count in zip(network.projections, timer.mean_active, strict=True)
    )
    part.add("step", "training step, one stream", "ms", 1e3 * measured["step"])
    note = f"{100 * of_plasticity.mean() / total.mean():.0f} % by plasticity; all weights are {size / 1e6:.1f} MB"
    part.add("bytes", "bytes it must touch", "MB", total / 1e6, note)
    note = f"{all_threads()} threads, {size / 1e6:.1f} MB in all, bytes read + written"
    part.add("bandwidth", "copy bandwidth", "GB/s", measured["bandwidth"] / 1e9, note)
    bound = total / measured["bandwidth"]
    part.add("bound", "bytes / bandwidth", "ms", 1e3 * bound)
    part.add("ratio", "step / (bytes / bandwidth)", "x", measured["step"] / bound)
    part.notes.append(f"Presynaptic units that are not silent, mean: {active}.")
    part.notes.append(
        "A row is read once to propagate and read and written once to learn; feedback rows are read once. "
        "Nothing else is counted."
    )
    return part
