"""Show a network a few images, one after the other, and keep what chosen variables are in every step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from brian2 import BrianObject

from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.core.sandbox import run_to_end, sandboxed
from spikefa.datasets import Dataset, SpikeTrains, pixels
from spikefa.populations.roles import FeedbackPopulation, Layer
from spikefa.presentation.samples import Samples, steps_of

#: Units that are recorded of each layer.
UNITS_RECORDED = 50


class _Recorder(Part, BrianObject):
    """Copies chosen values of stream 0 at the end of every step."""

    reads_events = False
    only_reads = True

    def __init__(self, network: Network, watched: Sequence[tuple[np.ndarray, np.ndarray]]):
        super().__init__(clock=network.clock, when="end", order=50, name=f"{network.name}_activity_recorder")
        self.watched = watched
        self.values: list[list[np.ndarray]] = [[] for _ in watched]

    def run(self) -> None:
        for (array, units), values in zip(self.watched, self.values, strict=True):
            values.append(array[units, 0].copy())


def show_one_by_one(
    network: Network,
    images: Samples,
    answers: np.ndarray,
    steps: int,
    watched: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[int, list[np.ndarray]]:
    """Show images in a sandbox, the same in all streams, and record stream 0.

    Parameters
    ----------
    network : Network
    images : samples (n, ...)
    answers : ndarray (n, ...)
        Their labels or targets.
    steps : int
        Steps an image; more if the samples change and last longer.
    watched : sequence of (ndarray (units, streams), ndarray of int)
        Values, and the units of them that are recorded.

    Returns
    -------
    steps : int
        Steps from image to image, gaps included.
    recorded : list of ndarray (steps * n, units)
        One for each of `watched`.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C or `stop`; the network is as it was.
    """
    recorder = _Recorder(network, watched)
    with sandboxed(network, "recording"):
        network.add(recorder)
        try:
            network.stimulus.steps_per_image = max(steps, steps_of(images, float(network.clock.dt_)) or 0)
            repeated = np.repeat(np.arange(len(images)), network.streams)
            network.stimulus.show_samples(images[repeated], answers[repeated])
            steps = network.stimulus.steps_per_presentation
            run_to_end(network, steps * len(images))
        finally:
            network.remove(recorder)
    return steps, [np.array(values) for values in recorder.values]


def first_of_classes(labels: np.ndarray, count: int) -> np.ndarray:
    """Return indices of the first images of `count` different classes, in the data's order."""
    _, first = np.unique(labels, return_index=True)
    return np.sort(first)[:count]


def units_by_class(units: int, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Return random units of an output, as many of each class, `UNITS_RECORDED` in all if there are so many."""
    group = units // classes
    each = min(max(1, UNITS_RECORDED // classes), group)
    return np.concatenate([c * group + np.sort(rng.permutation(group)[:each]) for c in range(classes)])


def feedback_of(network: Network, layer: Layer) -> FeedbackPopulation | None:
    """Return the population whose modulator a layer learns from; None without feedback to it."""
    # The last one: what its weights learn from comes before.
    return next((population for population in network.feedback[::-1] if population.layer is layer), None)


def pictures(dataset: Dataset, samples: Samples) -> np.ndarray:
    """Return samples as images in [0, 1], as they were loaded, (n, height, width)."""
    images = _still(dataset.as_loaded(samples))
    low, high = min(0.0, images.min()), max(1.0, images.max())
    return ((images - low) / (high - low)).reshape(-1, *dataset.shape)


def _still(samples: Samples) -> np.ndarray:
    """Return images, or as such the spikes or values that each unit is shown altogether."""
    if isinstance(samples, SpikeTrains):
        return samples.counts().astype(np.float32)
    return samples.sum(axis=1, dtype=np.float32) if samples.ndim == 3 else pixels(samples)
