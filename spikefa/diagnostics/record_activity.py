"""Record activity: a few images, each for many steps, with the whole network running but not learning."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from brian2 import Unit

from spikefa._checks import positive_int
from spikefa.core.network import Network
from spikefa.datasets import Dataset
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.diagnostics.showing import (
    UNITS_RECORDED,
    feedback_of,
    first_of_classes,
    pictures,
    show_one_by_one,
    units_by_class,
)
from spikefa.diagnostics.shown_unit import shown_unit
from spikefa.populations.roles import Layer


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

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> from spikefa.diagnostics.record_activity import record_activity
    >>> recording = record_activity(run.trained_network(), run.dataset(), images_seen=0, steps=5, count=2)
    >>> recording.steps
    10
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
    shown[output.name] = units_by_class(output.units, classes, rng)
    one = {layer.name: int(shown[layer.name][0]) for layer in network.hidden}
    watched = [(layer.view(layer.output_variable), shown[layer.name]) for layer in network.layers]
    for layer in network.hidden:
        delta = np.array([one[layer.name]])
        watched += [(layer.view(_potential(layer)), delta), (_modulation(network, layer), delta)]
    chosen = first_of_classes(dataset.test_labels, count)
    images, labels = dataset.test_images[chosen], dataset.test_labels[chosen]
    steps, recorded = show_one_by_one(network, images, labels, steps, watched)
    spikes, traces = recorded[: len(network.layers)], recorded[len(network.layers) :]
    if not all(np.isin(s, (0, 1)).all() for s in spikes):
        return None  # graded outputs, although they have a threshold
    units = {layer.name: shown_unit(layer.variables[_potential(layer)].dim) for layer in network.hidden}
    return ActivityRecording(
        label=f"{images_seen:,} images",
        images_seen=images_seen,
        images=pictures(dataset, images),
        labels=labels,
        steps_per_image=steps,
        dt=float(network.clock.dt_ * 1e3),
        spikes={layer.name: s > 0.5 for layer, s in zip(network.layers, spikes, strict=True)},
        output_classes=shown[output.name] // (output.units // classes),
        v={layer.name: _in_unit(traces[2 * n][:, 0], units[layer.name]) for n, layer in enumerate(network.hidden)},
        delta={layer.name: traces[2 * n + 1][:, 0] for n, layer in enumerate(network.hidden)},
        units={layer: str(unit) for layer, unit in units.items() if unit is not None},
        image_numbers=chosen,
        gap_steps=network.stimulus.gap,
        unit_numbers=shown,
        traced_units=one,
    )


def _potential(layer: Layer) -> str:
    """Return the variable whose trace is recorded: the potential, or the output of a layer without one."""
    return "v" if "v" in layer.state_arrays() else layer.output_variable


def _in_unit(trace: np.ndarray, unit: Unit | None) -> np.ndarray:
    return trace if unit is None else trace / trace.dtype.type(float(unit))


def _modulation(network: Network, layer: Layer) -> np.ndarray:
    population = feedback_of(network, layer)
    if population is None:
        return np.zeros((layer.units, network.streams))
    return population.view(population.modulator)
