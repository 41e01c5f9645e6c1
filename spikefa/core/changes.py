"""What a step reads and changes: the variables of dynamics, as opposed to parameters, which are set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from brian2 import (
    BrianObject,
    EventMonitor,
    NetworkOperation,
    NeuronGroup,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    StateMonitor,
    Synapses,
)
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner, VariableOwner
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway
from brian2.utils.stringtools import get_identifiers

from spikefa.core.part import Part
from spikefa.core.statements import assigned
from spikefa.engine.brian2_internals import EVENTS

#: Brian2's monitors; a `SpikeMonitor` is an `EventMonitor`.
MONITORS = (EventMonitor, StateMonitor, PopulationRateMonitor)


def all_objects(objects: list[BrianObject]) -> Iterator[BrianObject]:
    """Yield objects with all that they contain."""
    for obj in objects:
        yield obj
        yield from all_objects(obj.contained_objects)


def owned_arrays(owner: VariableOwner) -> Iterator[ArrayVariable]:
    """Yield the arrays of a group's own that one run leaves to the next: neither constants nor a step's events."""
    for name, variable in owner.variables.items():
        mine = isinstance(variable, ArrayVariable) and getattr(variable.owner, "name", None) == owner.name
        if mine and not variable.constant and name != EVENTS:
            yield variable


def stock_groups(objects: list[BrianObject]) -> Iterator[VariableOwner]:
    """Yield Brian2's own groups and synapses among objects; monitors are none."""
    for obj in objects:
        if isinstance(obj, VariableOwner) and not isinstance(obj, (Part, *MONITORS)):
            yield obj


def pathways(objects: list[BrianObject]) -> Iterator[SynapticPathway]:
    """Yield the pathways of Brian2's synapses, each with a queue of spikes under way."""
    yield from (obj for obj in all_objects(objects) if isinstance(obj, SynapticPathway))


def changed_variables(objects: list[BrianObject]) -> set[tuple[str, str]]:
    """Return the variables that a step may change, as (name of the group, name of the variable).

    They are those of differential equations, those that statements assign (`emit`, `receive`, `reset`,
    ``run_regularly``, synapses' ``on_pre`` and ``on_post``), those that parts write, and times of last spikes.
    Variables of synapses without a differential equation count as learned, not as state. What a `NetworkOperation`
    changes is not known.
    """
    changed: set[tuple[str, str]] = set()

    def add(owner: VariableOwner, name: str) -> None:
        variable = owner.variables.get(name)
        if isinstance(variable, ArrayVariable) and variable.owner is not None:
            changed.add((variable.owner.name, variable.name))

    for obj in all_objects(objects):
        if isinstance(obj, Part):
            for owner, name in obj.writes():
                add(owner, name)
        if isinstance(obj, NeuronGroup):
            codes = obj.event_codes.values()
            for name in (*obj.equations.diff_eq_names, *assigned(*codes), "lastspike", "not_refractory"):
                add(obj, name)
        elif isinstance(obj, SpikeGeneratorGroup):
            changed.update((obj.name, variable.name) for variable in owned_arrays(obj))
        elif isinstance(obj, SummedVariableUpdater):
            add(obj.target, obj.target_varname)
        elif isinstance(obj, SynapticPathway):
            own = {name for name in obj.synapses.equations.names if name in obj.synapses.variables}
            for name in assigned(obj.code) - own:
                add(obj.synapses, name)
        elif isinstance(obj, Synapses):
            event_driven = obj.event_driven.diff_eq_names if obj.event_driven is not None else ()
            for name in (*obj.equations.diff_eq_names, *event_driven, "lastupdate"):
                add(obj, name)
        elif isinstance(obj, CodeRunner):
            for name in assigned(obj.abstract_code):
                add(obj.group, name)
    return changed


def dependencies(objects: list[BrianObject]) -> dict[str, set[str]]:
    """Return the names of the groups that each group's dynamics read, by its name; learning does not count."""
    reads: dict[str, set[str]] = {}

    def add(owner: VariableOwner, names: Iterable[str], *more: VariableOwner) -> None:
        owners = {getattr(getattr(owner.variables.get(name), "owner", None), "name", None) for name in names}
        reads.setdefault(owner.name, set()).update(owners - {None}, (one.name for one in more))

    for obj in all_objects(objects):
        if isinstance(obj, NeuronGroup):
            codes = [*obj.event_codes.values(), *map(str, obj.events.values())]
            add(obj, obj.equations.identifiers.union(*map(get_identifiers, codes)))
        elif isinstance(obj, SynapticPathway):
            ends = [getattr(group, "source", group) for group in (obj.synapses.source, obj.synapses.target)]
            for group in ends:
                add(group, (), *ends)
        elif isinstance(obj, CodeRunner) and isinstance(obj.group, NeuronGroup) and obj.when != "plasticity":
            add(obj.group, get_identifiers(obj.abstract_code or ""))
        elif isinstance(obj, Part):
            for owner, _ in obj.writes():
                add(owner, (), *obj.reads())
    return reads


def reached(start: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    """Return all names that lead from the first ones along edges, themselves too."""
    found, waiting = set(), list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges.get(name, ())
    return found


def runs_other_code(objects: Iterable[BrianObject]) -> bool:
    """Whether there are objects of which it is not known what they read or write: operations, and others' classes."""
    return any(
        isinstance(obj, NetworkOperation) or type(obj).__module__.partition(".")[0] not in ("brian2", "spikefa")
        for obj in objects
    )
