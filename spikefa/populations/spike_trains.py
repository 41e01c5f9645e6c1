"""Spike trains of sources: what each kind of Brian2's groups has in a step, one class a kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from brian2 import BrianObject, Clock, NeuronGroup, PoissonGroup, SpikeGeneratorGroup, second
from brian2.core.functions import timestep
from brian2.core.variables import Subexpression
from brian2.groups.group import Group, VariableOwner

from spikefa.core.part import EMIT, RECEIVE, Part
from spikefa.core.random_draws import unseeded_draws
from spikefa.engine.brian2_internals import EVENTS
from spikefa.errors import ArgumentError
from spikefa.populations.population import Population

#: The variable of a source that holds each unit's probability of a spike in the step.
CHANCE = "chance"


class SpikeTrains(Part, BrianObject):
    """Writes the probability of a spike of each unit of a source, in every step before the source emits.

    Parameters
    ----------
    source : Source
    group : Group of Brian2
        Neuron ``i`` is unit ``i`` in all streams, or neuron ``i`` of the source if ``source.each`` is "neuron".
    """

    reads_events = False
    #: How a source emits.
    emit: ClassVar[str] = f"s = {CHANCE}"

    def __init__(self, source: Population, group: Group):
        order = source.place + RECEIVE
        super().__init__(clock=source.clock, when=source.slot, order=order, name=f"{source.name}_spikes")
        self.source, self.group = source, group
        self.title = f"Source {source.name!r} of {type(group).__name__} {group.name!r}"
        self.events = group.variables[EVENTS].get_value()

    @staticmethod
    def check(owner: str, group: Group) -> None:
        """Refuse a group that cannot be a source, before anything is made."""

    def begin_run(self) -> None:
        """Refuse a dt that was changed."""
        check_dt(self.title, self.group, self.clock)

    @staticmethod
    def slot(group: Group, schedule: Sequence[str]) -> str:
        """Return the slot of the source."""
        return "start"

    @staticmethod
    def again(name: str, group: Group, clock: Clock) -> Group:
        """Return a new group with the same spikes, for a network that states the same again."""
        raise ArgumentError(f"Source {name!r}: a {type(group).__name__} cannot be stated again in another network")

    def parts(self) -> list[Part]:
        """Return the parts that join the network."""
        return [self]

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the variable once a run, as a row a neuron of the group."""
        super().before_run(run_namespace)
        chance = self.source.view(CHANCE)
        self._chance = chance.reshape(-1, 1) if self.source.each == "neuron" else chance

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the probabilities."""
        return [(self.source, CHANCE)]

    def reads(self) -> list[VariableOwner]:
        """Return the group."""
        return [self.group]

    def spike(self, neurons: np.ndarray) -> None:
        """Let these neurons of the group spike, and no others."""
        self._chance[...] = 0
        self._chance[neurons] = 1


class Followed(SpikeTrains):
    """The spikes of a `NeuronGroup`, which runs as ever: those of a step are known when its threshold is passed."""

    @staticmethod
    def check(owner: str, group: NeuronGroup) -> None:
        """Refuse a group without a threshold, or with random numbers of Brian2's own."""
        if "spike" not in group.events:
            raise ArgumentError(f"{owner}: {group.name!r} needs a threshold, or it has no spikes")
        for obj in (group, *group.contained_objects):
            if drawn := unseeded_draws(obj):
                raise ArgumentError(
                    f"{owner}: {obj.name!r} draws random numbers that do not follow from the network's seed, "
                    f"{min(drawn)!r}; state the group as a Population"
                )

    @staticmethod
    def slot(group: NeuronGroup, schedule: Sequence[str]) -> str:
        """Return the slot after the threshold's."""
        return schedule[schedule.index(group.thresholder["spike"].when) + 1]

    def run(self) -> None:
        """Copy the step's spikes."""
        self.spike(self.events[: self.events[-1]])


class Generated(SpikeTrains):
    """The spikes of a `SpikeGeneratorGroup`, by the number of the step alone.

    The group itself stands still: where it has got to is no state, so that evaluations begin at its first spike and a
    resumed run goes on in the middle of a period. Times are rounded to steps as Brian2 rounds them.
    """

    def __init__(self, source: Population, group: SpikeGeneratorGroup):
        super().__init__(source, group)
        self._bin()
        group.active = False

    @staticmethod
    def check(owner: str, group: SpikeGeneratorGroup) -> None:
        """Refuse spikes and periods that do not fit the steps."""
        neurons, times, dt = *_given(group), float(group.clock.dt_)
        both = np.stack([_bins(times, dt), neurons])
        if np.unique(both, axis=1).shape[1] < len(times):
            raise ArgumentError(f"{owner}: {group.name!r} must not spike more than once in a step of {dt * second!s}")
        period = _period(group)
        if period and (period < dt / 2 or abs(round(period / dt) * dt - period) > 1e-9 * period):
            raise ArgumentError(
                f"{owner}: the period of {group.name!r} must be a multiple of dt, {dt * second!s}, "
                f"got {period * second!s}"
            )

    @staticmethod
    def again(name: str, group: SpikeGeneratorGroup, clock: Clock) -> SpikeGeneratorGroup:
        """Return a new group with the same spikes."""
        neurons, times = _given(group)
        period = _period(group) * second
        return SpikeGeneratorGroup(len(group), neurons, times * second, clock=clock, period=period, name=group.name)

    def begin_run(self) -> None:
        """Look the spikes up, which `set_spikes` may have changed."""
        super().begin_run()
        self.check(self.title, self.group)
        self._bin()

    def _bin(self) -> None:
        dt = float(self.clock.dt_)
        neurons, times = _given(self.group)
        bins = _bins(times, dt)
        order = np.argsort(bins, kind="stable")
        self._neurons, self._times = neurons[order], bins[order]
        self._period = round(_period(self.group) / dt)

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the step's number once a run."""
        super().before_run(run_namespace)
        self._step = self.clock.variables["timestep"].get_value()

    def run(self) -> None:
        """Find the step's spikes, and tell those who listen to the group itself."""
        step = int(self._step[0])
        step = step % self._period if self._period else step
        first, last = np.searchsorted(self._times, [step, step + 1])
        neurons = self._neurons[first:last]
        self.spike(neurons)
        self.events[: neurons.size], self.events[-1] = neurons, neurons.size


class Poisson(SpikeTrains):
    """The rates of a `PoissonGroup`, times dt; the source draws the spikes, and those of stream 0 are the group's."""

    emit = f"s = int(rand() < {CHANCE})"

    def __init__(self, source: Population, group: PoissonGroup):
        super().__init__(source, group)
        group.codeobj_class = group.codeobj_class or source.network.codeobj_class
        if "_chance" not in group.variables:
            group.variables.add_array("_chance", size=len(group), dtype=float)
        group.run_regularly(
            "_chance = rates * dt", when=source.slot, order=self.order - 0.5, name=f"{source.name}_rates"
        )
        group.thresholder["spike"].active = False

    @staticmethod
    def check(owner: str, group: PoissonGroup) -> None:
        """Refuse rates that are random."""
        rates = group.variables["rates"]
        if isinstance(rates, Subexpression) and (drawn := unseeded_draws(rates.expr)):
            raise ArgumentError(
                f"{owner}: the rates of {group.name!r} must not draw random numbers, which would not follow from the "
                f"network's seed, got {min(drawn)!r}"
            )

    @staticmethod
    def again(name: str, group: PoissonGroup, clock: Clock) -> PoissonGroup:
        """Return a new group with the same rates."""
        rates = group.variables["rates"]
        rates = rates.expr if isinstance(rates, Subexpression) else group.rates[:]
        return PoissonGroup(len(group), rates, clock=clock, namespace=dict(group.namespace or {}), name=group.name)

    def parts(self) -> list[Part]:
        """Return this part, and one that tells the group its spikes."""
        return [self, _Marks(self)]

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the group's probabilities once a run."""
        super().before_run(run_namespace)
        self._of_group = self.group.variables["_chance"].get_value()

    def run(self) -> None:
        """Hand the step's probabilities on; below 0, there is no spike, as in Brian2."""
        if not (self._of_group <= 1).all():
            neuron = int(np.flatnonzero(~(self._of_group <= 1))[0])
            dt = float(self.clock.dt_)
            raise ArgumentError(
                f"{self.title}: rates must be at most {1 / dt:g} Hz, one spike a step, got "
                f"{self._of_group[neuron] / dt:g} Hz of neuron {neuron}"
            )
        self._chance[...] = self._of_group[:, None]


class _Marks(Part, BrianObject):
    """Tells a `PoissonGroup`, and so its monitors and synapses, the spikes that its source has drawn."""

    reads_events = False
    only_reads = True  # of the arrays that a device knows

    def __init__(self, trains: Poisson):
        source = trains.source
        order = source.place + EMIT + 0.5
        super().__init__(clock=source.clock, when=source.slot, order=order, name=f"{trains.name}_marks")
        self.source, self.events = source, trains.events

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the source's output once a run."""
        super().before_run(run_namespace)
        output = self.source.view("s")
        self._output = output.reshape(-1) if self.source.each == "neuron" else output[:, 0]

    def run(self) -> None:
        """Write the group's events."""
        neurons = np.flatnonzero(self._output)
        self.events[: neurons.size], self.events[-1] = neurons, neurons.size


def check_dt(owner: str, group: Group, clock: Clock) -> None:
    """Refuse a group whose steps are not those of the network's clock."""
    if abs(group.clock.dt_ / clock.dt_ - 1) > 1e-9:
        raise ArgumentError(
            f"{owner}: must have the network's dt, {clock.dt}, got {group.clock.dt}; make it with clock=net.clock"
        )


def _given(group: SpikeGeneratorGroup) -> tuple[np.ndarray, np.ndarray]:
    """Return the neurons (n,) and times (n,), in seconds, of the spikes."""
    return tuple(group.variables[name].get_value().copy() for name in ("neuron_index", "spike_time"))


def _period(group: SpikeGeneratorGroup) -> float:
    """Return the period in seconds; 0 if spikes do not repeat."""
    period = float(group.variables["period"].get_value()[0])
    return period if np.isfinite(period) else 0.0


def _bins(times: np.ndarray, dt: float) -> np.ndarray:
    return np.asarray(timestep(times, dt), np.int64)
