"""Spike latencies, made from a seed: classes that differ in when units spike, and in nothing else."""

from __future__ import annotations

import os
from typing import Annotated

import numpy as np

from spikefa._checks import Range, in_range, positive_int, whole
from spikefa.datasets.dataset import Dataset, data_errors
from spikefa.datasets.registry import datasets
from spikefa.datasets.spike_trains import SpikeTrains

#: Streams of random numbers.
_TEMPLATES, _TRAIN, _TEST = range(3)


def spike_latencies(
    units: int = 60,
    classes: int = 4,
    duration: Annotated[float, Range(0, open_low=True)] = 0.01,
    jitter: Annotated[float, Range(0)] = 0.0003,
    train: int = 800,
    test: int = 400,
    seed: int = 0,
) -> Dataset:
    """Return a data set in which each unit spikes once a sample, at its class's time.

    A class is a time for each unit, uniform in the duration. In a sample, each time is moved by a normal random number.
    The numbers of spikes say nothing about the class.

    Parameters
    ----------
    units, classes : int
    duration : float
        Seconds that a sample lasts.
    jitter : float
        Standard deviation, in seconds, of the times within a class. Times beyond the ends are moved to them.
    train, test : int
        Number of samples; classes come in turn.
    seed : int

    Raises
    ------
    DataError
        If a number is outside its range.

    Examples
    --------
    >>> import spikefa as fa
    >>> data = fa.datasets.spike_latencies(units=10, classes=2, train=20, test=10)
    >>> data.train_images.shape
    (20, 10)
    """
    owner = "spike_latencies"
    with data_errors():
        units, classes = positive_int(owner, "units", units), whole(owner, "classes", classes, 2)
        duration = in_range(owner, "duration", duration, 0, 1e6, open_low=True)
        jitter = in_range(owner, "jitter", jitter, 0)
        counts = [positive_int(owner, name, count) for name, count in (("train", train), ("test", test))]
        seed = whole(owner, "seed", seed, 0)
    templates = np.random.default_rng([seed, _TEMPLATES]).uniform(0, duration, (classes, units))
    parts = []
    for count, stream in zip(counts, (_TRAIN, _TEST), strict=True):
        labels = np.arange(count) % classes
        moved = templates[labels] + jitter * np.random.default_rng([seed, stream]).standard_normal((count, units))
        time = np.clip(moved, 0, np.nextafter(duration, 0)).ravel()
        unit, sample = np.tile(np.arange(units), count), np.repeat(np.arange(count), units)
        parts.append((SpikeTrains(unit, time, sample, units=units, samples=count, duration=duration), labels))
    (trains, labels), (held_out, answers) = parts
    return Dataset("spike-latencies", trains, labels, held_out, answers, (1, units), classes)


@datasets.register("spike-latencies")
def _load(data_dir: str | os.PathLike | None = None) -> Dataset:
    return spike_latencies()
