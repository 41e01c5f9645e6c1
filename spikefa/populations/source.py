"""Sources: the spikes of Brian2's own groups, as a population that projections carry to others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from brian2 import BrianObject, NeuronGroup, PoissonGroup, SpikeGeneratorGroup
from brian2.groups.group import Group

from spikefa._checks import one_of, shown
from spikefa.core.network import SCHEDULE, Network, require_network
from spikefa.core.part import Part
from spikefa.engine.brian2_internals import network_of
from spikefa.errors import ArgumentError
from spikefa.populations.arguments import owner_of
from spikefa.populations.population import Population
from spikefa.populations.spike_trains import CHANCE, Followed, Generated, Poisson, SpikeTrains, check_dt

#: What is known of each kind of group, the first that fits.
_KINDS: dict[type[Group], type[SpikeTrains]] = {
    PoissonGroup: Poisson,
    SpikeGeneratorGroup: Generated,
    NeuronGroup: Followed,
}


class Source(Population):
    r"""The spikes of a group of Brian2, as a population of as many units.

    A group that is given as `pre` of a projection becomes a source by itself. Its output ``s`` is 1 in the steps in
    which a neuron spikes, else 0.

    With several streams, neuron ``i`` of the group is unit ``i``, and all streams receive its spikes alike. Those of a
    `PoissonGroup` are drawn for each stream, from the network's seed; the group itself, its monitors and synapses, have
    the spikes of stream 0. With ``each="neuron"`` the group has ``units * streams`` neurons, and neuron
    ``i * streams + k`` is unit ``i`` of stream ``k``.

    Spikes of a `SpikeGeneratorGroup` or `PoissonGroup` leave at the start of their step, as those of an `Input` do.
    A `NeuronGroup` runs where Brian2 places it, after all populations, and its spikes leave in the next step.

    Parameters
    ----------
    network : Network
    group : PoissonGroup, SpikeGeneratorGroup or NeuronGroup
        With the network's dt; it joins the network.
    name : str, optional
        The group's name and ``_source`` by default; of a group without a name of its own, its type's and ``_source``.
        It numbers the random draws.
    each : {"unit", "neuron"}
        What a neuron of the group is: a unit in all streams, or a unit in one stream.
    equations : str
        More equations, such as traces, beside those of ``s``.
    emit : str
        Statements that run when ``s`` is known, such as ``"x = x + s"``.
    namespace, method
        As in `Population`.

    Raises
    ------
    ArgumentError
        If the group is of another kind, has another dt, is another network's, or draws random numbers that do not
        follow from the network's seed; the message names the group.

    Examples
    --------
    >>> from brian2 import Hz, PoissonGroup
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> noise = fa.Source(net, PoissonGroup(5, 40 * Hz, clock=net.clock))
    >>> layer = fa.Layer(net, "layer", 2, "I : 1\ns : 1", emit="s = int(I > 0)")
    >>> projection = fa.Projection(net, noise, layer, fa.uniform(1.0))
    >>> net.run_steps(1)
    """

    roles = (*Population.roles, "source")
    group: Group | None = None
    each = "unit"
    _own: Mapping[str, Any] = {}

    def __init__(
        self,
        network: Network,
        group: PoissonGroup | SpikeGeneratorGroup | NeuronGroup,
        name: str | None = None,
        *,
        each: Literal["unit", "neuron"] = "unit",
        equations: str = "",
        emit: str = "",
        namespace: Mapping[str, Any] | None = None,
        method: str = "euler",
    ):
        require_network(type(self).__name__, network)
        kind = _checked_kind(network, group)
        name = _name(network, group) if name is None else name
        owner = owner_of(type(self), network, name)
        one_of(owner, "each", each, ("unit", "neuron"))
        own = dict(each=each, equations=equations, emit=emit, namespace=namespace, method=method)
        for text in ("equations", "emit"):
            if not isinstance(own[text], str):
                raise ArgumentError(f"{owner}: {text} must be a text, got {shown(own[text])}")
        count = len(group)
        if each == "neuron" and count % network.streams:
            raise ArgumentError(
                f"{owner}: {group.name!r} must have units x streams neurons, a multiple of {network.streams}, "
                f"got {count}"
            )
        kind.check(owner, group)
        super().__init__(
            network,
            name,
            count // network.streams if each == "neuron" else count,
            f"{CHANCE} : 1\ns : 1\n{equations}",
            emit=f"{kind.emit}\n{emit}",
            slot=kind.slot(group, SCHEDULE),
            namespace=namespace,
            method=method,
        )
        self.group, self.each, self._own = group, each, own
        if group not in network.objects:
            network.add(group)
        for part in kind(self, group).parts():
            network.join(part)

    def restate(self, network: Network) -> Population:
        """State the same source again in another network, with a new group."""
        group = _kind(self.group).again(self.name, self.group, network.clock)
        return type(self)(network, group, self.name, **self._own)


def source_of(network: Network, group: Group) -> Source:
    """Return the source that a group of Brian2 is, a new one if there is none yet."""
    for source in network.parts("source"):
        if source.group is group:
            return source
    return Source(network, group)


def is_group(value: Any) -> bool:
    """Return whether a value is a group of Brian2's own that a source can be made of."""
    return isinstance(value, tuple(_KINDS)) and not isinstance(value, Part)


def _kind(group: Group) -> type[SpikeTrains]:
    return next(found for kind, found in _KINDS.items() if isinstance(group, kind))


def _checked_kind(network: Network, group: Any) -> type[SpikeTrains]:
    if not is_group(group):
        got = f"{type(group).__name__} {group.name!r}" if isinstance(group, BrianObject) else shown(group)
        raise ArgumentError(
            f"Source: group must be a PoissonGroup, SpikeGeneratorGroup or NeuronGroup of Brian2, got {got}"
        )
    title = f"Source of {type(group).__name__} {group.name!r}"
    check_dt(title, group, network.clock)
    if network_of(group) not in (None, network.id):
        raise ArgumentError(f"{title}: must be of no other network")
    if any(source.group is group for source in network.parts("source")):
        raise ArgumentError(f"{title}: the network has this source already")
    return _kind(group)


def _name(network: Network, group: Group) -> str:
    """Return a name that does not depend on how many groups this process has made: random numbers depend on it."""
    kind = type(group).__name__.lower()
    numbered = re.fullmatch(rf"{kind}(_\d+)?", group.name)
    base = f"{kind if numbered else group.name}_source"
    taken = {obj.name for obj in network.objects}
    names = (base, *(f"{base}_{number}" for number in range(1, len(taken) + 2)))
    return next(name for name in names if name not in taken)
