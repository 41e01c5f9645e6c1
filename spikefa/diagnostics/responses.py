"""Responses: what every unit of every layer does while images are shown, by image and by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import BrianObject

from spikefa._checks import positive_int
from spikefa.core.network import Network, require_network
from spikefa.core.part import Part
from spikefa.core.sandbox import run_to_end, sandboxed
from spikefa.errors import ArgumentError
from spikefa.presentation.by_input import Shown, count_of, some_of


@dataclass(frozen=True, eq=False)
class Responses:
    r"""What a network did while images were shown; see `responses`.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> import numpy as np
    >>> fa.responses(net, np.eye(4), np.array([0, 0, 1, 1]), steps=3).labels
    array([0, 0, 1, 1])
    """

    labels: np.ndarray
    """Class of each image, (n,)."""
    predictions: np.ndarray
    """Class that the network answered, (n,)."""
    rates: dict[str, np.ndarray]
    """Mean output of each unit, bottom layer first, (n, units): spikes a step if the layer spikes."""
    psth: dict[str, np.ndarray]
    """Mean output of each layer in each step, by class of the image, (classes, steps); NaN without images."""
    dt: float
    """Length of a step in ms."""


class _Counter(Part, BrianObject):
    """Sums the outputs of all layers over each presentation, and over units in each step."""

    reads_events = False
    only_reads = True

    def __init__(self, network: Network, steps: int, presentations: int):
        super().__init__(clock=network.clock, when="end", order=50, name=f"{network.name}_responses")
        self.network, self.steps, self.at = network, steps, 0
        streams = network.streams
        self.sums = [np.zeros((presentations, layer.units, streams), np.float32) for layer in network.layers]
        self.means = [np.zeros((presentations, steps, streams)) for _ in network.layers]

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the layers' outputs."""
        super().before_run(run_namespace)
        self._outputs = [layer.view(layer.output_variable) for layer in self.network.layers]

    def run(self) -> None:
        """Add this step's outputs, but for those in a gap."""
        presentation, step = divmod(self.at, self.network.stimulus.steps_per_presentation)
        self.at += 1
        if step < self.steps:
            for output, sums, means in zip(self._outputs, self.sums, self.means, strict=True):
                sums[presentation] += output
                means[presentation, step] = output.mean(axis=0, dtype=np.float64)


def responses(network: Network, images: Shown, labels: np.ndarray, steps: int) -> Responses:
    r"""Show images, and return what every unit of every layer did.

    The network is as it was afterwards: it runs without learning and without error, as in `summed_outputs`, with the
    same random numbers.

    Parameters
    ----------
    network : Network
        With classes.
    images : ndarray (n, pixels)
    labels : ndarray (n,)
    steps : int
        Steps for which each image is shown.

    Returns
    -------
    Responses

    Raises
    ------
    ArgumentError
        If the network has no classes, or images and labels do not fit it.
    KeyboardInterrupt
        After Ctrl-C or `stop`; the network is as it was.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> import numpy as np
    >>> found = fa.responses(net, np.eye(4), np.array([0, 0, 1, 1]), steps=3)
    >>> found.rates["output"].shape, found.psth["output"].shape
    ((4, 2), (2, 3))
    """
    require_network("responses", network).require_task("responses")
    stimulus, readout = network.stimulus, network.readout
    if readout.classes is None:
        raise ArgumentError("responses: the network must have classes, got one for a regression")
    steps = positive_int("responses", "steps", steps)
    images = stimulus.validate_samples(images)
    count, streams = count_of(images), network.streams
    if not count:
        raise ArgumentError("responses: images must be at least one, got none")
    labels = readout.validate_targets(labels, count)
    missing = -count % streams
    filled = some_of(images, np.append(np.arange(count), np.zeros(missing, int))) if missing else images
    counter = _Counter(network, steps, (count + missing) // streams)
    with sandboxed(network, "evaluation"):
        network.add(counter)
        try:
            stimulus.steps_per_image = steps
            stimulus.show_samples(filled)
            readout.summed_outputs = []
            run_to_end(network, stimulus.steps_per_presentation * ((count + missing) // streams))
            summed = np.concatenate(readout.summed_outputs)[:count]
        finally:
            network.remove(counter)
    rates, psth = {}, {}
    for layer, sums, means in zip(network.layers, counter.sums, counter.means, strict=True):
        rates[layer.name] = sums.transpose(0, 2, 1).reshape(-1, layer.units)[:count] / steps
        by_image = means.transpose(0, 2, 1).reshape(-1, steps)[:count]
        psth[layer.name] = np.stack([_mean(by_image[labels == label]) for label in range(readout.classes)])
    return Responses(labels, readout.predict(summed, steps), rates, psth, float(network.clock.dt_ * 1e3))


def _mean(rows: np.ndarray) -> np.ndarray:
    return rows.mean(axis=0) if len(rows) else np.full(rows.shape[1], np.nan)
