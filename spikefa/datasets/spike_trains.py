"""`SpikeTrains`: recorded or generated spikes of many samples, as events in time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from spikefa._checks import array, in_range, one_of, positive_int, real_array, refuse, shown
from spikefa.errors import ArgumentError

_OWNER = "SpikeTrains"
#: Part of a step by which an event may be early and yet belongs to the next step, as in Brian2's SpikeGeneratorGroup:
#: times are decimal fractions, which floats do not hold exactly.
_EARLY = 1e-3


class SpikeTrains:
    """Spike trains of n samples: an event is a unit, a time and a sample.

    Samples are chosen as rows of an array are: ``trains[:100]``, ``trains[order]``. In a network with steps of `dt`,
    step k has the events of ``k * dt <= time < (k + 1) * dt``.

    Parameters
    ----------
    unit : array_like of int, shape (events,)
        Unit of each event, from 0.
    time : array_like, shape (events,)
        Time of each event since its sample began: seconds, or a Brian2 quantity.
    sample : array_like of int, shape (events,)
        Sample of each event, from 0.
    units, samples : int
        How many there are, those without an event included.
    duration : float or Quantity
        Time that each sample lasts: seconds, or a Brian2 quantity. Every event is earlier.
    several : {"once", "count"}
        What several events of a unit in one step are: 1, or their number.

    Raises
    ------
    ArgumentError
        If the events are not equally many numbers, or one is outside the units, the samples or the duration.

    Examples
    --------
    >>> import spikefa as fa
    >>> unit, time, sample = [0, 1, 1], [0.001, 0.002, 0.004], [0, 0, 1]  # units, seconds, samples
    >>> trains = fa.SpikeTrains(unit, time, sample, units=2, samples=2, duration=0.005)
    >>> trains.counts().tolist()
    [[1, 1], [0, 1]]
    """

    def __init__(
        self,
        unit: ArrayLike,
        time: ArrayLike,
        sample: ArrayLike,
        *,
        units: int,
        samples: int,
        duration: Any,
        several: Literal["once", "count"] = "once",
    ):
        self.units = positive_int(_OWNER, "units", units)
        samples = positive_int(_OWNER, "samples", samples)
        self.duration = in_range(_OWNER, "duration", _seconds("duration", duration).item(), 0, 1e9, open_low=True)
        self.several = one_of(_OWNER, "several", several, ("once", "count"))
        unit, sample = _indices("unit", unit, self.units), _indices("sample", sample, samples)
        time = _seconds("time", time).astype(np.float64)
        for name, values in (("time", time), ("sample", sample)):
            if values.shape != unit.shape:
                raise ArgumentError(f"{_OWNER}: {name} must be {unit.shape}, as unit, got {values.shape}")
        bad = ~((time >= 0) & (time < self.duration))  # NaN is bad too
        if bad.any():
            at = int(bad.argmax())
            raise ArgumentError(
                f"{_OWNER}: time must be at least 0 and less than the duration of {self.duration:g} s, got "
                f"{time[at]:g} s at event {at}"
            )
        order = np.lexsort((unit, time, sample))
        self.unit, self.time = unit[order].astype(np.int32), time[order]
        #: Event ``bounds[q]`` is the first of sample q.
        self.bounds = np.concatenate([[0], np.cumsum(np.bincount(sample, minlength=samples))])
        self._make_read_only()

    @classmethod
    def from_dense(cls, spikes: ArrayLike, dt: Any, several: Literal["once", "count"] = "once") -> SpikeTrains:
        """Make spike trains of numbers of spikes a step.

        Parameters
        ----------
        spikes : array_like, shape (n, steps, units)
            True and false, or whole numbers from 0.
        dt : float or Quantity
            Length of a step: seconds, or a Brian2 quantity.
        several : {"once", "count"}
            As in `SpikeTrains`.

        Raises
        ------
        ArgumentError
            If the array has another shape or other values.
        """
        owner = f"{_OWNER}.from_dense"
        dt = in_range(owner, "dt", _seconds("dt", dt).item(), 0, open_low=True)
        spikes = real_array(owner, "spikes", spikes)
        if spikes.ndim != 3 or not spikes.size:
            raise ArgumentError(f"{owner}: spikes must be (n, steps, units), got {spikes.shape}")
        if not ((spikes >= 0) & (spikes == np.floor(spikes)) & (spikes < 2**31)).all():
            refuse(owner, "spikes", "be whole numbers from 0", spikes)
        found = np.nonzero(spikes)
        sample, step, unit = np.repeat(found, spikes[found].astype(np.int64), axis=1)
        samples, steps, units = spikes.shape
        return cls(unit, step * dt, sample, units=units, samples=samples, duration=steps * dt, several=several)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Number of samples and of units."""
        return len(self), self.units

    @property
    def sample(self) -> np.ndarray:
        """Sample of each event, (events,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    def __repr__(self) -> str:
        return (
            f"<SpikeTrains: {len(self)} samples of {self.units} units and {self.duration:g} s, {len(self.time)} events>"
        )

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise ArgumentError(f"{_OWNER}: is no array; dense(dt) makes one, got {self!r}")

    def __getitem__(self, samples: Any) -> SpikeTrains:
        """Return some of the samples, which a slice or an array of indices or truth values chooses."""
        if not isinstance(samples, slice):
            samples = array(_OWNER, "samples", samples)
            if samples.ndim != 1 or samples.dtype.kind not in "biu":
                refuse(_OWNER, "samples", "be a slice or an array (n,) of indices", samples)
        try:
            chosen = np.arange(len(self))[samples]
        except IndexError as error:
            raise ArgumentError(f"{_OWNER}: samples must be 0 to {len(self) - 1} ({error})") from error
        counts = np.diff(self.bounds)[chosen]
        bounds = np.concatenate([[0], np.cumsum(counts)])
        # Each event's place: its sample's first, and how many events of the sample come before.
        events = np.repeat(self.bounds[chosen] - bounds[:-1], counts) + np.arange(bounds[-1])
        some = object.__new__(SpikeTrains)
        some.__dict__ |= self.__dict__ | {"unit": self.unit[events], "time": self.time[events], "bounds": bounds}
        some._make_read_only()
        return some

    def _make_read_only(self) -> None:
        for values in (self.unit, self.time, self.bounds):
            values.flags.writeable = False

    def steps(self, dt: float) -> int:
        """Return how many steps of `dt` seconds the samples last, the last of which may not be full."""
        steps = in_range(_OWNER, "duration / dt", self.duration / dt, 0, 2**31)
        return max(1, int(np.ceil(steps - _EARLY)))

    def events_by_step(self, dt: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the events, ordered by their steps; none twice unless `several` is ``"count"``.

        Parameters
        ----------
        dt : float
            Length of a step in seconds.

        Returns
        -------
        step, sample, unit, count : ndarray of int, shape (events,)
        """
        steps = self.steps(dt)
        step = np.minimum((self.time / dt + _EARLY).astype(np.int64), steps - 1)
        keys, count = np.unique((step * len(self) + self.sample) * self.units + self.unit, return_counts=True)
        rest, unit = np.divmod(keys, self.units)
        step, sample = np.divmod(rest, len(self))
        return step, sample, unit, count if self.several == "count" else np.ones_like(count)

    def dense(self, dt: Any) -> np.ndarray:
        """Return what each unit is shown in each step, (n, steps, units), float32.

        Parameters
        ----------
        dt : float or Quantity
            Length of a step: seconds, or a Brian2 quantity.
        """
        dt = in_range(f"{_OWNER}.dense", "dt", _seconds("dt", dt).item(), 0, open_low=True)
        spikes = np.zeros((len(self), self.steps(dt), self.units), np.float32)
        step, sample, unit, count = self.events_by_step(dt)
        spikes[sample, step, unit] = count
        return spikes

    def counts(self) -> np.ndarray:
        """Return the number of events of each unit in each sample, (n, units)."""
        found = np.bincount(self.sample * self.units + self.unit, minlength=len(self) * self.units)
        return found.reshape(self.shape)


def _seconds(name: str, value: Any) -> np.ndarray:
    """Return times as plain numbers of seconds."""
    dimension = getattr(value, "dim", None)
    if dimension is not None:  # only then is Brian2 imported already
        from brian2 import have_same_dimensions, second

        if not have_same_dimensions(value, second):
            refuse(_OWNER, name, "be seconds or a quantity of time", value)
    found = real_array(_OWNER, name, value)
    if found.ndim != (name == "time"):
        refuse(_OWNER, name, "be times (events,)" if name == "time" else "be one time", value)
    return np.asarray(found)


def _indices(name: str, values: ArrayLike, count: int) -> np.ndarray:
    found = array(_OWNER, name, values)
    if found.size == 0 and found.ndim == 1:
        return found.astype(np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        refuse(_OWNER, name, "be whole numbers (events,)", shown(values) if found.ndim == 0 else found)
    if (bad := (found < 0) | (found >= count)).any():
        at = int(bad.argmax())
        raise ArgumentError(f"{_OWNER}: {name} must be 0 to {count - 1}, got {found[at]} at event {at}")
    return found.astype(np.int64)
