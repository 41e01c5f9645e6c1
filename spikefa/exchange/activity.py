"""`Activity`: what every format can say of a simulation: spikes, signals, and what was shown when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from spikefa import _checks
from spikefa.errors import ArgumentError

_OWNER = "Activity"


class Signal(NamedTuple):
    """Values that change in time.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> signal = fa.exchange.Signal(np.array([-70.0, -69.5]), "mV")
    >>> activity = fa.exchange.Activity("mine", 1e-3, {"h1": np.zeros((2, 1), bool)}, {"h1.v": signal})
    """

    values: np.ndarray
    """A value a step, (steps,)."""
    unit: str = ""
    """Unit, such as "mV"; empty for plain numbers."""
    unit_number: int | None = None
    """Number in its population of the neural unit that has it; None if it is of no single one, or not known."""


@dataclass(frozen=True, eq=False)
class Activity:
    """Spikes and signals of a simulation, and what was shown in it: the common ground of all formats.

    Step k begins at ``k * dt``, which is the time of its spikes and values.

    Raises
    ------
    ArgumentError
        If arrays disagree about the number of steps, or an epoch is outside of them.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> spikes = {"h1": np.eye(4, dtype=bool)}  # four steps, four units
    >>> activity = fa.exchange.Activity("mine", 1e-3, spikes, epochs=((0, 2, "a"), (2, 2, "b")))
    >>> activity.steps, activity.duration
    (4, 0.004)
    """

    name: str
    """Short name, such as that of the run and the stage."""
    dt: float
    """Length of a step in seconds."""
    spikes: Mapping[str, np.ndarray]
    """Spikes by population, bool (steps, units)."""
    signals: Mapping[str, Signal] = field(default_factory=dict)
    """Signals by name, such as "h1.v"."""
    epochs: tuple[tuple[int, int, str], ...] = ()
    """What was shown: first step, number of steps, label."""
    description: str = "simulation by spikefa"
    """What it is, in a sentence."""
    details: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What else is known of what was shown, such as the image's number: whole numbers by name, one an epoch."""
    unit_numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Number of each unit by population, (units,); a population that is not in it counts its units from 0."""

    def __post_init__(self) -> None:
        for name in ("name", "description"):
            _checks.text(_OWNER, name, getattr(self, name))
        _checks.in_range(_OWNER, "dt", self.dt, 0, open_low=True)
        for name in ("spikes", "signals", "details", "unit_numbers"):
            _checks.instance(_OWNER, name, getattr(self, name), Mapping, "a dict")
        if not self.spikes:
            raise ArgumentError(f"{_OWNER}: spikes must be of at least one population, got none")
        for name, values in self.spikes.items():
            title = f"spikes[{name!r}]"
            _checks.instance(_OWNER, title, values, np.ndarray, "an array")
            if values.ndim != 2 or values.dtype != bool:
                _checks.refuse(_OWNER, title, "be bool (steps, units)", values)
            if len(values) != self.steps:
                raise ArgumentError(f"{_OWNER}: {title} must have {self.steps} steps, got {len(values)}")
        for name, signal in self.signals.items():
            title = f"signals[{name!r}]"
            _checks.instance(_OWNER, title, signal, Signal, "a Signal")
            if (shape := _checks.real_array(_OWNER, title, signal.values).shape) != (self.steps,):
                raise ArgumentError(f"{_OWNER}: {title} must be ({self.steps},), got {shape}")
            if signal.unit_number is not None:
                _checks.whole(_OWNER, f"unit_number of {title}", signal.unit_number)
        for name, numbers in self.unit_numbers.items():
            self._check_numbers(_checks.one_of(_OWNER, "a population in unit_numbers", name, self.spikes), numbers)
        _checks.instance(_OWNER, "epochs", self.epochs, tuple, "a tuple of (first step, steps, label)")
        for epoch in self.epochs:
            self._check_epoch(epoch)
        for name, numbers in self.details.items():
            title = f"details[{_checks.identifier(_OWNER, 'a name in details', name)!r}]"
            if (values := _checks.array(_OWNER, title, numbers)).shape != (
                len(self.epochs),
            ) or values.dtype.kind != "i":
                _checks.refuse(_OWNER, title, f"be {len(self.epochs)} whole numbers, one an epoch", numbers)

    def _check_epoch(self, epoch: Any) -> None:
        if not (isinstance(epoch, tuple) and len(epoch) == 3 and isinstance(epoch[2], str)):
            _checks.refuse(_OWNER, "epochs", "be a tuple of (first step, steps, label)", epoch)
        start, steps = (_checks.whole(_OWNER, "steps of epochs", number) for number in epoch[:2])
        if not 0 < steps <= self.steps - start:
            raise ArgumentError(
                f"{_OWNER}: epochs must be within {self.steps} steps, got {epoch[2]!r} at {start} to {start + steps}"
            )

    def _check_numbers(self, name: str, numbers: Any) -> None:
        title, units = f"unit_numbers[{name!r}]", self.spikes[name].shape[1]
        values = _checks.array(_OWNER, title, numbers)
        if values.shape != (units,) or values.dtype.kind != "i" or (values < 0).any() or len(set(values)) != units:
            _checks.refuse(_OWNER, title, f"be {units} different whole numbers from 0, one a unit", numbers)

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(next(iter(self.spikes.values())))

    @property
    def duration(self) -> float:
        """Time that it lasts, in seconds."""
        return self.steps * self.dt

    def numbers(self, population: str) -> np.ndarray:
        """Return the numbers of a population's units, (units,)."""
        known = self.unit_numbers.get(population)
        return np.arange(self.spikes[population].shape[1]) if known is None else np.asarray(known)

    def trains(self) -> list[tuple[str, int, np.ndarray]]:
        """Return population, unit number and spike times in seconds of every unit, those that never spiked included."""
        return [
            (name, int(number), np.flatnonzero(train) * self.dt)
            for name, values in self.spikes.items()
            for number, train in zip(self.numbers(name), values.T, strict=True)
        ]
