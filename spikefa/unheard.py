"""Thresholds that nobody hears: where no part of a network could read a population's events, none are collected.

A population with `emit` writes its spikes itself; its threshold serves monitors, synapses and whatever else reads
Brian2's events. In a network without any, looking for events in every step is a twentieth of the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from brian2 import BrianObject

if TYPE_CHECKING:
    from .network import Network

#: Objects of these modules read no events but those of their own group, for its reset and its refractory periods.
_DEAF = ("spikefa.", "brian2.groups.", "brian2.monitors.statemonitor")


def _may_hear(part: BrianObject) -> bool:
    return part.active and not type(part).__module__.startswith(_DEAF)


@contextmanager
def unheard_thresholds_rest(network: Network) -> Iterator[None]:
    """Within it, thresholds whose events nobody could read are inactive."""
    resting: list[BrianObject] = []
    if not any(_may_hear(part) for part in network.sorted_objects):
        for population in network.populations:
            if not population.own_events:
                parts = (*population.thresholder.values(), *population.resetter.values())
                resting += [part for part in parts if part.active]
    for part in resting:
        part.active = False
    try:
        yield
    finally:
        for part in resting:
            part.active = True
