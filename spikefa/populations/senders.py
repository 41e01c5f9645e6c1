"""What a projection may carry: a population, some of its units, or a group of Brian2."""

from __future__ import annotations

from typing import Any

from brian2.groups.subgroup import Subgroup

from spikefa.core.network import Network
from spikefa.engine.brian2_internals import whole_group
from spikefa.errors import ArgumentError
from spikefa.populations.arguments import population_of
from spikefa.populations.population import Population
from spikefa.populations.source import is_group, source_of
from spikefa.populations.unit_slice import UnitSlice


def sender_of(owner: str, network: Network, name: str, value: Any) -> Population | UnitSlice:
    """Return what a projection reads for an argument: a population of the network, or units of one.

    Groups of Brian2 become a `Source`, once each; subgroups are units of it. Of a population's neurons,
    ``layer[3 * streams : 9 * streams]``, those of whole units can be taken.

    Raises
    ------
    ArgumentError
        If it is none of these, or of another network.
    """
    if is_group(value):
        return source_of(network, value)
    if not isinstance(value, Subgroup):
        return population_of(owner, network, name, value)
    whole = whole_group(value)
    if whole is None:
        raise ArgumentError(f"{owner}: {name} must be of a group that a variable of yours holds, got {value.name!r}")
    if is_group(whole):
        source = source_of(network, whole)
        if source.each == "unit":
            return UnitSlice(source, value.start, value.stop)
        return UnitSlice.of_neurons(owner, source, value.start, value.stop)
    population = population_of(owner, network, name, whole)
    return UnitSlice.of_neurons(owner, population, value.start, value.stop)
