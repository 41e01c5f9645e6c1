"""What a run must not hold, since neither its seed nor its checkpoints know of it: draws and delays of Brian2's own."""

from __future__ import annotations

import numpy as np
from brian2 import PoissonGroup, PoissonInput
from brian2.synapses.synapses import SynapticPathway

from spikefa.core.changes import all_objects
from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.core.random_draws import unseeded_draws
from spikefa.errors import ArgumentError


def require_repeatable(network: Network) -> None:
    """Refuse a network that a run could not repeat from its seed, or not go on with from a checkpoint.

    Raises
    ------
    ArgumentError
        If an object of Brian2's own draws random numbers, or has spikes under way from one step to another.
    """
    groups = [source.group for source in network.parts("source") if isinstance(source.group, PoissonGroup)]
    seeded = {id(obj) for group in groups for obj in (group, *group.thresholder.values())}
    for obj in all_objects(network.objects):
        if id(obj) in seeded:  # its source draws the spikes
            continue
        if isinstance(obj, Part) or (
            isinstance(getattr(obj, "group", None), Part) and not isinstance(obj, PoissonInput)
        ):
            continue
        title = f"{type(obj).__name__} '{obj.name}'"
        if isinstance(obj, PoissonGroup | PoissonInput) or unseeded_draws(obj):
            raise ArgumentError(
                f"Trainer: {title} draws random numbers that do not follow from the run's seed; draw them in a "
                f"population, as in emit='s = int(rand() < rate * dt)' or receive='I = I + poisson(2)'"
            )
        if isinstance(obj, SynapticPathway) and np.any(obj.variables["delay"].get_value() > 0):
            raise ArgumentError(
                f"Trainer: {title} has spikes under way, which checkpoints do not keep; use fa.Projection(..., delay=)"
            )
