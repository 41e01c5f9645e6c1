"""A training step with many streams against the least that its products could take on these processors.

The floor of a product is what its operations take at the measured peak of their kind, or what its weights take to come
from memory and go back at the measured bandwidth, whichever is longer:

* by BLAS: two operations a synapse and stream, at the peak of multiply-adds;
* with spikes, by tables: for each four rows 11 additions to make the sums, and one a stream to look them up; likewise
  for each four streams of an update; at the peak of additions.

Random numbers, integration and all else has no floor here. Peaks are measured in the same process, in turns with the
step, with threads pinned as in a step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from spikefa.bench.harness import Section, Setting, StepTimer, take_turns
from spikefa.bench.peaks import additions, multiply_adds
from spikefa.bench.products import updates_of
from spikefa.bench.sections import sections
from spikefa.bench.sections.one_stream import copy_bandwidth
from spikefa.core.network import Network
from spikefa.engine.dense_weights import LookupTableWeights
from spikefa.projections.projection import Projection

#: Additions that make the 16 sums of four rows.
OF_A_TABLE = 11
#: Rates of a turn -> seconds.
Floor = Callable[[float, float, float], float]


@sections.register("floors")
def floors(setting: Setting, section: Section) -> None:
    """Time a training step against the sum of the floors of its products.

    Keys ``step``, ``multiply_adds``, ``additions``, ``bandwidth``, ``floor/KIND``, ``floor``, ``ratio``.
    """
    network = setting.network()
    timer = StepTimer(network)
    steps = setting.steps(network, timer)
    size = sum(p.state_arrays()["W"].nbytes for p in network.projections if p.state_arrays())
    jobs = {
        "step": lambda: timer.mean_of(steps),
        "multiply_adds": multiply_adds(network.dtype, setting.seconds / 8),
        "additions": additions(network.dtype, setting.seconds / 8),
        "bandwidth": copy_bandwidth(size, setting.seconds / 8),
    }
    measured = take_turns(jobs, setting)
    section.add("step", f"training step, {network.streams} streams", "ms", measured["step"])
    section.add("multiply_adds", "peak of multiply-adds, BLAS", "Gop/s", measured["multiply_adds"])
    section.add("additions", "peak of additions looked up", "Gop/s", measured["additions"])
    section.add("bandwidth", "copy bandwidth", "GB/s", measured["bandwidth"], "read + written")
    rates = [measured[name] for name in ("multiply_adds", "additions", "bandwidth")]
    total = np.zeros(setting.turns)
    for kind, parts in _parts(network).items():
        values = sum(np.array([floor(*turn) for turn in zip(*rates, strict=True)]) for floor in parts)
        section.add(f"floor/{kind}", f"floor: {kind.replace('_', ' ')}", "ms", values, f"{len(parts)} products")
        total = total + values
    section.add("floor", "sum of floors", "ms", total)
    section.add("ratio", "step / sum of floors", "x", measured["step"] / total)


def _parts(network: Network) -> dict[str, list[Floor]]:
    """Return the floors of a step's products by their kind."""
    found: dict[str, list[Floor]] = {}
    for projection in network.projections:
        tables = isinstance(projection.weights, LookupTableWeights)
        found.setdefault("propagation_by_tables" if tables else "propagation_by_BLAS", []).append(
            partial(_floor, *_work(projection, tables), projection.weights.values.nbytes)
        )
        for pre, _, values in updates_of(projection):
            spikes = tables and bool(np.isin(pre, (0, 1)).all())
            found.setdefault("updates_by_tables" if spikes else "updates_by_BLAS", []).append(
                partial(_floor, *_work(projection, spikes), 2 * values.nbytes)
            )
    return found


def _work(projection: Projection, tables: bool) -> tuple[float, float]:
    """Return multiply-adds, as operations, and additions of a product."""
    (n_pre, n_post), streams = projection.shape, projection.post.streams
    if tables:
        return 0.0, n_post * n_pre / 4 * (OF_A_TABLE + streams)
    return 2.0 * n_pre * n_post * streams, 0.0


def _floor(operations: float, sums: float, size: float, multiply: float, add: float, bandwidth: float) -> float:
    return max(operations / multiply + sums / add, size / bandwidth)
