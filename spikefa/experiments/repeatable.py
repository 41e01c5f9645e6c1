"""What a run must not hold, since neither its seed nor its checkpoints know of it: draws and delays of Brian2's own."""

from __future__ import annotations

import numpy as np
from brian2 import BrianObject, NeuronGroup, PoissonGroup, PoissonInput, Synapses
from brian2.groups.group import CodeRunner
from brian2.synapses.synapses import SynapticPathway
from brian2.utils.stringtools import get_identifiers

from spikefa.core.changes import all_objects
from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.errors import ArgumentError

_DRAWS = {"rand", "randn", "poisson"}


def require_repeatable(network: Network) -> None:
    """Refuse a network that a run could not repeat from its seed, or not go on with from a checkpoint.

    Raises
    ------
    ArgumentError
        If an object of Brian2's own draws random numbers, or has spikes under way from one step to another.
    """
    for obj in all_objects(network.objects):
        if isinstance(obj, Part) or (
            isinstance(getattr(obj, "group", None), Part) and not isinstance(obj, PoissonInput)
        ):
            continue
        title = f"{type(obj).__name__} '{obj.name}'"
        if isinstance(obj, PoissonGroup | PoissonInput) or _drawn(obj):
            raise ArgumentError(
                f"Trainer: {title} draws random numbers that do not follow from the run's seed; draw them in a "
                f"population, as in emit='s = int(rand() < rate * dt)' or receive='I = I + poisson(2)'"
            )
        if isinstance(obj, SynapticPathway) and np.any(obj.variables["delay"].get_value() > 0):
            raise ArgumentError(
                f"Trainer: {title} has spikes under way, which checkpoints do not keep; use fa.Projection(..., delay=)"
            )


def _drawn(obj: BrianObject) -> set[str]:
    """Return which functions that draw random numbers an object's code names."""
    texts, noises = [], set()
    if isinstance(obj, NeuronGroup | Synapses):
        noises = set(obj.equations.stochastic_variables)
        texts = [*map(str, obj.equations.identifiers)]
    if isinstance(obj, NeuronGroup):
        texts += [*obj.event_codes.values(), *map(str, obj.events.values())]
    if isinstance(obj, SynapticPathway):
        texts.append(obj.code)
    elif isinstance(obj, CodeRunner):
        texts.append(obj.abstract_code or "")
    return noises | (set().union(*map(get_identifiers, texts)) & _DRAWS)
