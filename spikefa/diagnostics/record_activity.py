"""Display recordings: a few images, each for many steps, with the whole network running but not learning."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from brian2 import BrianObject

from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.core.sandbox import RECORDING, sandboxed
from spikefa.datasets import Dataset, pixels
from spikefa.diagnostics.activity_recording import ActivityRecording

#: Units shown of each hidden layer, and of the output altogether, as in Fig. 4 of Lillicrap et al. 2016.
UNITS_SHOWN = 50


class _Recorder(Part, BrianObject):
    """Copies chosen values of stream 0 at the end of every step."""

    reads_events = False
    only_reads = True

    def __init__(self, network: Network, watched: list[tuple[np.ndarray, np.ndarray]]):
        super().__init__(clock=network.clock, when="end", order=50, name=f"{network.name}_display")
        self.watched = watched
        self.values: list[list[np.ndarray]] = [[] for _ in watched]

    def run(self) -> None:
        for (array, units), values in zip(self.watched, self.values, strict=True):
            values.append(array[units, 0].copy())


def _first_of_classes(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of the first images of `count` different classes, in the data's order."""
    _, first = np.unique(labels, return_index=True)
    return np.sort(first)[:count]


def record_activity(
    network: Network, dataset: Dataset, images_seen: int, steps: int = 50, count: int = 5
) -> ActivityRecording | None:
    """Record rasters of random units and one neuron's PSP with its modulatory signal, in stream 0.

    The network is as it was afterwards. Images are the first test images of different classes; units are
    drawn from the network's seed.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    images_seen : int
        For the label.
    steps : int
        Steps an image.
    count : int
        Number of images.

    Returns
    -------
    ActivityRecording or None
        None where there is nothing of the kind: the network has no classes, or its layers do not spike.
    """
    if network.readout.classes is None or not all(layer.thresholder for layer in network.layers):
        return None
    rng = np.random.default_rng([network.seed, crc32(b"display")])
    shown: dict[str, np.ndarray] = {}
    for layer in network.hidden:
        shown[layer.name] = np.sort(rng.permutation(layer.units)[:UNITS_SHOWN])
    classes, output = network.readout.classes, network.layers[-1]
    group = output.units // classes
    each = min(max(1, UNITS_SHOWN // classes), group)
    shown[output.name] = np.concatenate(
        [c * group + np.sort(rng.permutation(group)[:each]) for c in range(classes)]
    )
    one = {layer.name: int(shown[layer.name][0]) for layer in network.hidden}
    watched = [(layer.view(layer.output_variable), shown[layer.name]) for layer in network.layers]
    for layer in network.hidden:
        delta = np.array([one[layer.name]])
        potential = "v" if "v" in layer.variables else layer.output_variable
        watched += [(layer.view(potential), delta), (_modulation(network, layer), delta)]
    chosen = _first_of_classes(dataset.test_labels, count)
    images, labels = dataset.test_images[chosen], dataset.test_labels[chosen]
    recorder = _Recorder(network, watched)
    with sandboxed(network, RECORDING):
        network.add(recorder)
        try:
            network.stimulus.steps_per_image = steps
            repeated = np.repeat(np.arange(len(images)), network.streams)
            network.stimulus.show_images(images[repeated], labels[repeated])
            network.run_steps(steps * len(images))
        finally:
            network.remove(recorder)
    recorded = [np.array(values) for values in recorder.values]
    spikes, traces = recorded[: len(network.layers)], recorded[len(network.layers) :]
    if not all(np.isin(s, (0, 1)).all() for s in spikes):
        return None  # rates, for all that they have a threshold
    return ActivityRecording(
        label=f"{images_seen:,} images",
        images_seen=images_seen,
        images=_visible(pixels(dataset.as_loaded(images))).reshape(-1, *dataset.shape),
        labels=labels,
        steps_per_image=steps,
        dt=float(network.clock.dt_ * 1e3),
        spikes={layer.name: s > 0.5 for layer, s in zip(network.layers, spikes, strict=True)},
        output_classes=shown[output.name] // group,
        v={layer.name: traces[2 * n][:, 0] for n, layer in enumerate(network.hidden)},
        delta={layer.name: traces[2 * n + 1][:, 0] for n, layer in enumerate(network.hidden)},
    )


def _visible(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1], whatever values they have."""
    low, high = min(0.0, images.min()), max(1.0, images.max())
    return (images - low) / (high - low)


def _modulation(network: Network, layer) -> np.ndarray:
    # The last one: what its weights learn from comes before.
    population = next((f for f in network.feedback[::-1] if f.layer is layer), None)
    if population is None:
        return np.zeros((layer.units, network.streams))
    return population.view(population.output_variable)
