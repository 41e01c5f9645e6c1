"""Record activity: a few images, each for many steps, with the whole network running but not learning."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from brian2 import BrianObject, Unit

from spikefa._checks import positive_int
from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.core.sandbox import run_to_end, sandboxed
from spikefa.datasets import Dataset, SpikeTrains, pixels
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.diagnostics.shown_unit import shown_unit
from spikefa.populations.roles import Layer
from spikefa.presentation.samples import Samples, steps_of

#: Units recorded of each hidden layer, and of the output altogether, as in Fig. 4 of Lillicrap et al. 2016.
UNITS_RECORDED = 50


class _Recorder(Part, BrianObject):
    """Copies chosen values of stream 0 at the end of every step."""

    reads_events = False
    only_reads = True

    def __init__(self, network: Network, watched: list[tuple[np.ndarray, np.ndarray]]):
        super().__init__(clock=network.clock, when="end", order=50, name=f"{network.name}_activity_recorder")
        self.watched = watched
        self.values: list[list[np.ndarray]] = [[] for _ in watched]

    def run(self) -> None:
        for (array, units), values in zip(self.watched, self.values, strict=True):
            values.append(array[units, 0].copy())


def _first_of_classes(labels: np.ndarray, count: int) -> np.ndarray:
    """Return indices of the first images of `count` different classes, in the data's order."""
    _, first = np.unique(labels, return_index=True)
    return np.sort(first)[:count]


def record_activity(
    network: Network, dataset: Dataset, images_seen: int, steps: int = 50, count: int = 5
) -> ActivityRecording | None:
    """Record rasters of random units and one neuron's PSP with its modulatory signal, in stream 0.

    The network is as it was afterwards. Images are the first test images of different classes; the network's seed
    decides which units are recorded.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    images_seen : int
        For the label.
    steps : int
        Steps an image; more if the samples change and last longer.
    count : int
        Number of images.

    Returns
    -------
    ActivityRecording or None
        None if there is nothing of the kind: the network has no classes, or its layers do not spike.

    Raises
    ------
    ArgumentError
        If a number is no positive whole number.
    KeyboardInterrupt
        After Ctrl-C or `stop`; the network is as it was.
    """
    steps = positive_int("record_activity", "steps", steps)
    count = positive_int("record_activity", "count", count, "images")
    if network.readout.classes is None or not all(layer.thresholder for layer in network.layers):
        return None
    rng = np.random.default_rng([network.seed, crc32(b"display")])  # the text is a seed: another draws other units
    shown: dict[str, np.ndarray] = {}
    for layer in network.hidden:
        shown[layer.name] = np.sort(rng.permutation(layer.units)[:UNITS_RECORDED])
    classes, output = network.readout.classes, network.layers[-1]
    group = output.units // classes
    each = min(max(1, UNITS_RECORDED // classes), group)
    shown[output.name] = np.concatenate([c * group + np.sort(rng.permutation(group)[:each]) for c in range(classes)])
    one = {layer.name: int(shown[layer.name][0]) for layer in network.hidden}
    watched = [(layer.view(layer.output_variable), shown[layer.name]) for layer in network.layers]
    for layer in network.hidden:
        delta = np.array([one[layer.name]])
        watched += [(layer.view(_potential(layer)), delta), (_modulation(network, layer), delta)]
    chosen = _first_of_classes(dataset.test_labels, count)
    images, labels = dataset.test_images[chosen], dataset.test_labels[chosen]
    recorder = _Recorder(network, watched)
    with sandboxed(network, "recording"):
        network.add(recorder)
        try:
            network.stimulus.steps_per_image = max(steps, steps_of(images, float(network.clock.dt_)) or 0)
            repeated = np.repeat(np.arange(len(images)), network.streams)
            network.stimulus.show_samples(images[repeated], labels[repeated])
            steps = network.stimulus.steps_per_presentation
            run_to_end(network, steps * len(images))
        finally:
            network.remove(recorder)
    recorded = [np.array(values) for values in recorder.values]
    spikes, traces = recorded[: len(network.layers)], recorded[len(network.layers) :]
    if not all(np.isin(s, (0, 1)).all() for s in spikes):
        return None  # graded outputs, although they have a threshold
    units = {layer.name: shown_unit(layer.variables[_potential(layer)].dim) for layer in network.hidden}
    return ActivityRecording(
        label=f"{images_seen:,} images",
        images_seen=images_seen,
        images=_visible(_still(dataset.as_loaded(images))).reshape(-1, *dataset.shape),
        labels=labels,
        steps_per_image=steps,
        dt=float(network.clock.dt_ * 1e3),
        spikes={layer.name: s > 0.5 for layer, s in zip(network.layers, spikes, strict=True)},
        output_classes=shown[output.name] // group,
        v={layer.name: _in_unit(traces[2 * n][:, 0], units[layer.name]) for n, layer in enumerate(network.hidden)},
        delta={layer.name: traces[2 * n + 1][:, 0] for n, layer in enumerate(network.hidden)},
        units={layer: str(unit) for layer, unit in units.items() if unit is not None},
    )


def _still(samples: Samples) -> np.ndarray:
    """Return images, or as such the spikes or values that each unit is shown altogether."""
    if isinstance(samples, SpikeTrains):
        return samples.counts().astype(np.float32)
    return samples.sum(axis=1, dtype=np.float32) if samples.ndim == 3 else pixels(samples)


def _potential(layer: Layer) -> str:
    """Return the variable whose trace is recorded: the potential, or the output of a layer without one."""
    return "v" if "v" in layer.state_arrays() else layer.output_variable


def _in_unit(trace: np.ndarray, unit: Unit | None) -> np.ndarray:
    return trace if unit is None else trace / trace.dtype.type(float(unit))


def _visible(images: np.ndarray) -> np.ndarray:
    """Return images scaled to [0, 1] if they have other values."""
    low, high = min(0.0, images.min()), max(1.0, images.max())
    return (images - low) / (high - low)


def _modulation(network: Network, layer) -> np.ndarray:
    # The last one: what its weights learn from comes before.
    population = next((f for f in network.feedback[::-1] if f.layer is layer), None)
    if population is None:
        return np.zeros((layer.units, network.streams))
    return population.view(population.modulator)
