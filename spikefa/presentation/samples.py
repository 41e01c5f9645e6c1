"""Samples as they are shown step by step: images, which stay, and sequences and spike trains, which change."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa._checks import array
from spikefa.datasets.spike_trains import SpikeTrains
from spikefa.errors import ArgumentError

Samples = np.ndarray | SpikeTrains


class Images:
    """Images (streams, pixels), bytes or floats: the same in every step."""

    #: Steps for which there is something new to show; None: an image lasts as long as it is shown.
    steps: int | None = None

    def __init__(self, images: np.ndarray):
        self.images = images

    def write(self, step: int, shown: np.ndarray) -> None:
        """Write what is shown in a step to an array (units, streams)."""
        if step == 0:
            scale = 1 / 255 if self.images.dtype == np.uint8 else 1
            np.multiply(self.images.T, scale, out=shown, casting="unsafe")


class Sequences:
    """Sequences (streams, steps, units): a value a step, and 0 after the last."""

    def __init__(self, values: np.ndarray):
        self.values, self.steps = values, values.shape[1]

    def write(self, step: int, shown: np.ndarray) -> None:
        """Write what is shown in a step to an array (units, streams)."""
        shown[...] = self.values[:, step].T if step < self.steps else 0


class Spikes:
    """Spike trains, a sample a stream: 1 or a number in the steps of events, else 0."""

    def __init__(self, trains: SpikeTrains, dt: float):
        self.steps = trains.steps(dt)
        step, self.sample, self.unit, self.count = trains.events_by_step(dt)
        self.bounds = np.searchsorted(step, np.arange(self.steps + 1))

    def write(self, step: int, shown: np.ndarray) -> None:
        """Write what is shown in a step to an array (units, streams)."""
        shown[...] = 0
        if step < self.steps:
            now = slice(*self.bounds[step : step + 2])
            shown[self.unit[now], self.sample[now]] = self.count[now]


def in_steps(samples: Samples, dt: float) -> Images | Sequences | Spikes:
    """Return valid samples, one a stream, as they are shown in steps of `dt` seconds."""
    if isinstance(samples, SpikeTrains):
        return Spikes(samples, dt)
    return Sequences(samples) if samples.ndim == 3 else Images(samples)


def steps_of(samples: Samples, dt: float) -> int | None:
    """Return how many steps samples last; None for images, which last as long as they are shown."""
    if isinstance(samples, SpikeTrains):
        return samples.steps(dt)
    return samples.shape[1] if samples.ndim == 3 else None


def validate(samples: Any, units: int, title: str, limits: tuple[float, float] | None, dt: float) -> Samples:
    """Return samples if an input can be shown them.

    Parameters
    ----------
    samples : ndarray (n, units) or (n, steps, units), or SpikeTrains
    units : int
        Of the input.
    title : str
        The input in words.
    limits : (float, float) or None
        Smallest and largest value that may be shown.
    dt : float
        Length of a step in seconds.

    Raises
    ------
    ArgumentError
        If they cannot be shown.
    """
    if isinstance(samples, SpikeTrains):
        return _valid_trains(samples, units, title, limits, dt)
    samples = array("Stimulus", "images", samples)
    if samples.ndim == 3:
        what, value, shape = "sequences", "values", f"(n, steps, {units})"
    else:
        what, value, shape = "images", "pixels", f"(n, {units})"
    if samples.ndim not in (2, 3) or samples.shape[-1] != units or 0 in samples.shape[1:]:
        raise ArgumentError(f"Stimulus: {what} must be {shape} for {title}, got {samples.shape}")
    low, high = limits or (-np.inf, np.inf)
    rule = f"in [{low:g}, {high:g}]" if limits else "finite"
    if samples.ndim == 3 and samples.dtype == bool:
        samples = samples.astype(np.float32)
    if samples.ndim == 2 and samples.dtype == np.uint8:
        return samples
    if samples.dtype.kind != "f":
        kinds = "uint8" if samples.ndim == 2 else "bool"
        raise ArgumentError(f"Stimulus: {what} must be {kinds} or floats {rule}, got {samples.dtype}")
    bad = ~((samples >= low) & (samples <= high) & np.isfinite(samples))  # NaN is bad too
    if bad.any():
        at = tuple(np.argwhere(bad)[0].tolist())
        names = ("image", "pixel") if samples.ndim == 2 else ("sequence", "step", "unit")
        where = ", ".join(f"{name} {index}" for name, index in zip(names, at, strict=True))
        raise ArgumentError(f"Stimulus: {value} must be {rule}, got {samples[at]} at {where}")
    return samples


def _valid_trains(
    trains: SpikeTrains, units: int, title: str, limits: tuple[float, float] | None, dt: float
) -> SpikeTrains:
    if trains.units != units:
        raise ArgumentError(f"Stimulus: spike trains must have {units} units for {title}, got {trains.units}")
    if limits is None:
        return trains
    low, high = limits
    most = int(trains.events_by_step(dt)[-1].max(initial=1)) if trains.several == "count" else 1
    if low > 0 or high < most:
        raise ArgumentError(
            f"Stimulus: spikes in a step must be in the limits [{low:g}, {high:g}] of {title}, got 0 to {most}"
        )
    return trains
