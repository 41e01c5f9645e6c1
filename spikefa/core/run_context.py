"""What is different for the length of a run.

Runs of several threads take turns, garbage is collected seldom, and unread thresholds do nothing.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from brian2 import BrianObject, Network, NeuronGroup, PoissonGroup, SpikeGeneratorGroup, StateMonitor
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import Resetter, StateUpdater, SubexpressionUpdater, Thresholder

#: Brian2's own objects, by their exact type, that read no events but those of their group, for its reset and its
#: refractory periods.
_READ_NO_EVENTS = (
    NeuronGroup,
    PoissonGroup,
    SpikeGeneratorGroup,
    StateUpdater,
    SubexpressionUpdater,
    Thresholder,
    Resetter,
    CodeRunner,
    StateMonitor,
)

#: Garbage is collected when as many times as long as that last took have passed since.
PAUSE = 30

_due = 0.0

_running = threading.RLock()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no network of another thread runs, and let none start before the block's end.

    What a run needs belongs to the whole process: Brian2's mark of a stop, the threads of BLAS, the garbage collector.
    """
    with _running:
        yield


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Collect garbage if it is due; within the block, collections look only at objects made in it.

    Brian2 collects before each run, for 0.1 s and more: a loop of short runs of a small network would spend most of its
    time on it.

    What the caller has frozen (`gc.freeze`) no longer is afterwards.
    """
    global _due
    start = time.monotonic()
    if start >= _due:
        gc.collect()  # tells, by Brian2's warning, of objects that are in no network
        end = time.monotonic()
        _due = end + PAUSE * (end - start)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _reads_events(obj: BrianObject) -> bool:
    return obj.active and getattr(obj, "reads_events", type(obj) not in _READ_NO_EVENTS)


@contextmanager
def unread_thresholds_inactive(network: Network) -> Iterator[None]:
    """Within it, thresholds whose events no object could read are inactive.

    A population with `emit` writes its spikes itself; its threshold serves monitors, synapses and whatever else reads
    Brian2's events. In a network without any, looking for events in every step is a twentieth of the work.
    """
    inactive: list[BrianObject] = []
    if not any(_reads_events(obj) for obj in network.sorted_objects):
        for population in network.populations:
            if not population.own_events:
                parts = (*population.thresholder.values(), *population.resetter.values())
                inactive += [part for part in parts if part.active]
    for part in inactive:
        part.active = False
    try:
        yield
    finally:
        for part in inactive:
            part.active = True
