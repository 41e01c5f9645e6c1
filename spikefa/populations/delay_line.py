"""Delay lines: what a population sent some steps ago."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import BrianObject

from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.engine.memory import require_memory


@dataclass(frozen=True)
class Delay:
    """How many steps pass until what units send arrives.

    Parameters
    ----------
    steps : ndarray of int
        Of each row of what arrives, ``(rows,)``; or one for all, ``()``.
    units : ndarray of int (rows,) or None
        The unit that each row comes from; None if there is one row a unit, in their order.
    """

    steps: np.ndarray
    units: np.ndarray | None = None


class DelayLine(Part, BrianObject):
    """Takes an array of a population in every step, and gives back that of earlier steps.

    Parameters
    ----------
    network : Network
    source : ndarray (units, streams)
        What is delayed; it is read once a step, at the line's place in the schedule.
    delay : Delay
    late : bool
        Whether `source` still holds the values of the step before when it is read: then one step has passed already.
    when, order, name
        As for every object of Brian2.

    Attributes
    ----------
    output : ndarray (rows, streams)
        What arrives in this step.
    """

    roles = ("delay",)
    reads_events = False

    def __init__(
        self, network: Network, source: np.ndarray, delay: Delay, late: bool, when: str, order: float, name: str
    ):
        super().__init__(clock=network.clock, when=when, order=order, name=name)
        self.source, self.delay = source, delay
        lags = delay.steps - late
        units = np.arange(len(source)) if delay.units is None else delay.units
        # Where all of a slot leaves at once, what comes takes its place: a long ring is far away in memory.
        self._exchanges = lags.ndim == 0 and lags > 0
        slots = int(lags.max()) + (not self._exchanges)
        self._lags, self._units = (lags, units) if lags.ndim else (int(lags), slice(None))  # a view, not a copy
        require_memory(f"Delay {name!r}", f"what is under way in {slots} steps", slots * source.nbytes)
        self._ring = np.zeros((slots, *source.shape), source.dtype)
        self.output = np.zeros((len(units), source.shape[1]), source.dtype)

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the step's number once a run."""
        super().before_run(run_namespace)
        self._step = self.clock.variables["timestep"].get_value()

    def run(self) -> None:
        """Take this step's values, and put those that arrive into `output`."""
        step, slots = int(self._step[0]), len(self._ring)
        slot = self._ring[step % slots]
        if self._exchanges:
            self.output[...] = slot
            slot[...] = self.source
        else:
            slot[...] = self.source
            self.output[...] = self._ring[(step - self._lags) % slots, self._units]

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return what is under way: a slot for each step, at the step's number modulo the slots."""
        return {"ring": self._ring}
