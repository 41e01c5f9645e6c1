"""A training step with many streams against the least that its products could take on these processors.

The floor of a product is what its operations take at the measured peak of their kind, or what its weights take to come
from memory and go back at the measured bandwidth, whichever is longer:

* of graded signals: two operations a synapse and stream, at the peak of multiply-adds, or of integers with ``int8``;
* with spikes, by tables: for each four rows 11 additions to make the sums, and one a stream to look them up; likewise
  for each four streams of an update; at the peak of additions.

Random numbers, integration and all else has no floor here. Peaks are measured in the same process, in turns with the
step, with threads pinned as in a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from spikefa.bench.harness import Section, Setting, StepTimer, take_turns
from spikefa.bench.peaks import additions, integer_multiply_adds, multiply_adds
from spikefa.bench.products import updates_of
from spikefa.bench.sections import sections
from spikefa.bench.sections.one_stream import copy_bandwidth
from spikefa.core.network import Network
from spikefa.engine.dense_weights import LookupTableWeights
from spikefa.projections.projection import Projection

#: Additions that make the 16 sums of four rows.
OF_A_TABLE = 11
#: Key of a peak -> what it is, and its unit.
PEAKS = {
    "multiply_adds": ("peak of multiply-adds", "Gop/s"),
    "integers": ("peak of multiply-adds of 8-bit integers", "Gop/s"),
    "additions": ("peak of additions looked up", "Gop/s"),
    "bandwidth": ("copy bandwidth, read + written", "GB/s"),
}


@dataclass(frozen=True)
class Floor:
    """Operations of a product by the peak that bounds them, and the bytes of its weights."""

    operations: dict[str, float]
    size: float

    def seconds(self, peaks: dict[str, np.ndarray]) -> np.ndarray:
        """Return the least seconds it takes, in each turn in which peaks were measured."""
        computing = sum(count / peaks[kind] for kind, count in self.operations.items())
        return np.maximum(computing, self.size / peaks["bandwidth"])


@sections.register("floors")
def floors(setting: Setting, section: Section) -> None:
    """Time a training step against the sum of the floors of its products.

    Keys ``step``, ``multiply_adds``, ``additions``, ``bandwidth``, ``floor/KIND``, ``floor``, ``ratio``; and, if the
    model has a ``feedback_precision``, ``integers``, ``int8/step``, ``int8/floor/KIND``, ``int8/floor`` and
    ``int8/ratio`` with 8-bit feedback.
    """
    networks = {"": setting.network()}
    if changes := setting.known({"feedback_precision": "int8"}):
        networks["int8/"] = setting.network(**changes)
    timers = {name: StepTimer(network) for name, network in networks.items()}
    steps = setting.steps(networks[""], timers[""])
    dtype, turn = networks[""].dtype, setting.seconds / 8
    size = sum(p.state_arrays()["W"].nbytes for p in networks[""].projections if p.state_arrays())
    jobs = {f"{name}step": partial(timer.mean_of, steps) for name, timer in timers.items()}
    jobs |= {"multiply_adds": multiply_adds(dtype, turn), "additions": additions(dtype, turn)}
    jobs |= {"bandwidth": copy_bandwidth(size, turn)}
    if "int8/" in networks:
        jobs["integers"] = integer_multiply_adds(turn)
    measured = take_turns(jobs, setting)
    for kind, (what, unit) in PEAKS.items():
        if kind in measured:
            section.add(kind, what, unit, measured[kind])
    for name, network in networks.items():
        _compare(section, network, name, measured)


def _compare(section: Section, network: Network, name: str, measured: dict[str, np.ndarray]) -> None:
    """Add the rows of a network; the keys begin with `name`."""
    with_int8 = ", int8 feedback" if name else ""
    step = measured[f"{name}step"]
    section.add(f"{name}step", f"training step, {network.streams} streams{with_int8}", "ms", step)
    total = np.zeros(len(step))
    for kind, parts in _parts(network).items():
        values = sum(floor.seconds(measured) for floor in parts)
        section.add(f"{name}floor/{kind}", f"floor: {kind.replace('_', ' ')}", "ms", values, f"{len(parts)} products")
        total = total + values
    section.add(f"{name}floor", f"sum of floors{with_int8}", "ms", total)
    section.add(f"{name}ratio", f"step / sum of floors{with_int8}", "x", step / total)


def _parts(network: Network) -> dict[str, list[Floor]]:
    """Return the floors of a step's products by their kind."""
    found: dict[str, list[Floor]] = {}
    for projection in network.projections:
        tables = isinstance(projection.weights, LookupTableWeights)
        integers = projection.precision == "int8"
        size = projection.weights.values.nbytes / (4 if integers else 1)
        kind = "by_tables" if tables else "in_int8" if integers else "in_float"
        floor = Floor(_work(projection, tables, "integers" if integers else "multiply_adds"), size)
        found.setdefault(f"propagation_{kind}", []).append(floor)
        for pre, _, values in updates_of(projection):
            spikes = tables and bool(np.isin(pre, (0, 1)).all())
            floor = Floor(_work(projection, spikes, "multiply_adds"), 2 * values.nbytes)
            found.setdefault("updates_by_tables" if spikes else "updates_in_float", []).append(floor)
    return found


def _work(projection: Projection, tables: bool, kind: str) -> dict[str, float]:
    """Return the operations of a product by the peak that bounds them."""
    (n_pre, n_post), streams = projection.shape, projection.post.streams
    if tables:
        return {"additions": n_post * n_pre / 4 * (OF_A_TABLE + streams)}
    return {kind: 2.0 * n_pre * n_post * streams}
