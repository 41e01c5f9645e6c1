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

from spikefa.bench.harness import Section, Setting, StepTimer, all_threads, take_turns
from spikefa.bench.products import updates_of
from spikefa.bench.profile import add_profile
from spikefa.bench.sections import sections
from spikefa.core.network import Network
from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.tasks import share


@compiled(nogil=True)
def _copy_part(task, source, target, tasks):
    low, high = task * source.size // tasks, (task + 1) * source.size // tasks
    for k in range(np.uint64(low), np.uint64(high)):  # numba takes ten times as long to compile that of slices
        target[k] = source[k]


@compiled(nogil=True)
def copy(source, target, tasks):
    """Copy `source` to `target`, in so many tasks side by side."""
    share(_copy_part, tasks, (source, target, tasks))


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
        row = projection.post.units * (1 if projection.precision == "int8" else projection.weights.values.itemsize)
        shared = projection.learning is not None and projection.learning.waits
        touched["propagation"] += (rows - both * shared) * row
        touched["plasticity"] += 2 * rows * row * len(updates_of(projection))
    return touched


@sections.register("one-stream")
def one_stream(setting: Setting, section: Section) -> None:
    """Time a training step of one stream against the bytes it must touch.

    Keys ``step``, ``busy``, ``bytes``, ``bandwidth``, ``bound``, ``ratio``, ``profile/...``; and, if the model has a
    ``feedback_precision``, ``int8/step``, ``int8/bytes``, ``int8/bound`` and ``int8/ratio`` with 8-bit feedback.
    """
    network = setting.network(1)
    size = sum(p.state_arrays()["W"].nbytes for p in network.projections if p.state_arrays())
    runs = {"": _Run(network, setting)}
    if setting.known({"feedback_precision": "int8"}):
        runs["int8/"] = _Run(setting.network(1, feedback_precision="int8"), setting)
    jobs = {name: run.step for name, run in runs.items()}
    measured = take_turns({**jobs, "bandwidth": copy_bandwidth(size, setting.seconds / 4)}, setting)
    section.add("bandwidth", "copy bandwidth", "GB/s", measured["bandwidth"], "read + written")
    for name, run in runs.items():
        run.add_to(section, name, measured[name], measured["bandwidth"])
    own = runs[""]
    add_profile(section, network, own.timer, own.steps, setting)
    active = ", ".join(
        f"{p.pre.name} {count:.0f} of {p.pre.units}"
        for p, count in zip(network.projections, own.timer.mean_active, strict=True)
    )
    section.notes.append(f"Presynaptic units that are not silent, mean: {active}.")
    section.notes.append(
        "A row is read once to propagate and read and written once to learn, and read once for both if its unit is "
        "active in two steps running; feedback rows are read once, a byte a weight with int8. Nothing else is counted. "
        f"All weights, and both sides of the copy ({all_threads()} threads), are {size / 1e6:.1f} MB."
    )


class _Run:
    """The turns of one network: their steps, and what these had to touch."""

    def __init__(self, network: Network, setting: Setting):
        self.network = network
        self.timer = StepTimer(network, [p.pre.array(p.pre.output_variable) for p in network.projections])
        self.steps = setting.steps(network, self.timer)
        self.touched: list[dict[str, float]] = []
        self.busy: list[float] = []

    def step(self) -> float:
        """Return the mean seconds of a step."""
        seconds = self.timer.mean_of(self.steps)
        self.touched.append(bytes_touched(self.network, self.timer.mean_active, self.timer.mean_again))
        self.busy.append(self.timer.cores_busy)
        return seconds

    def add_to(self, section: Section, name: str, seconds: np.ndarray, bandwidth: np.ndarray) -> None:
        """Add the rows of this network; the keys begin with `name`."""
        # Turns that were disturbed have been repeated: the last ones count as often as there are values.
        touched = self.touched[-len(seconds) :]
        total = np.array([sum(kinds.values()) for kinds in touched])
        learning = sum(kinds["plasticity"] for kinds in touched) / total.sum()
        shown = "one stream, int8 feedback" if name else "one stream"
        section.add(f"{name}step", f"training step, {shown}", "ms", seconds)
        section.add(f"{name}busy", "cores busy meanwhile", "", self.busy[-len(seconds) :], f"{all_threads()} threads")
        section.add(f"{name}bytes", "bytes it must touch", "MB", total, f"{learning:.0%} by plasticity")
        bound = total / bandwidth
        section.add(f"{name}bound", "bytes / bandwidth", "ms", bound)
        section.add(f"{name}ratio", "step / that", "x", seconds / bound)
