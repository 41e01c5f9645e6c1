"""Record outputs and errors of networks that do not spike: rate networks, and those that relax."""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from spikefa._checks import positive_int, text
from spikefa.core.network import Network, require_network
from spikefa.datasets import Dataset
from spikefa.diagnostics.showing import (
    UNITS_RECORDED,
    feedback_of,
    first_of_classes,
    pictures,
    show_one_by_one,
    units_by_class,
)


@dataclass(frozen=True, eq=False)
class OutputRecording:
    """What some units of a network give out, and the errors that they receive, while a few images are shown.

    Examples
    --------
    >>> import numpy as np
    >>> from spikefa.diagnostics.record_outputs import OutputRecording
    >>> course = np.linspace(0, 1, 20).reshape(10, 2)
    >>> recording = OutputRecording("now", np.eye(3)[None], None, 10, 1.0, {"y": course}, {"y": 1 - course}, None)
    """

    label: str
    """Title of the stage, such as "before learning"."""
    images: np.ndarray
    """The images shown, (n_images, height, width), in [0, 1]."""
    labels: np.ndarray | None
    """Class of each image, (n_images,); None for a regression."""
    steps_per_image: int
    """Steps each image is shown for."""
    dt: float
    """Length of a step in ms."""
    outputs: dict[str, np.ndarray]
    """Outputs by layer, (steps, units_shown): the hidden layers bottom up, the output last."""
    deltas: dict[str, np.ndarray]
    """Modulatory signals of the same units, (steps, units_shown), of each layer that receives one."""
    output_classes: np.ndarray | None
    """Class of each unit shown of the output, in ascending order; None for a regression."""
    unit_numbers: dict[str, np.ndarray] = field(default_factory=dict)
    """Number in its layer of each unit shown, (units_shown,), of every layer; empty if they are not known."""


def record_outputs(network: Network, dataset: Dataset, label: str, count: int = 5) -> OutputRecording:
    r"""Record outputs of random units, and the errors that they receive, in stream 0.

    The network is as it was afterwards. Each image is shown for as many steps as in training. Images are the first test
    images of different classes, or the first ones of a regression; the network's seed decides which units are recorded.

    Parameters
    ----------
    network : Network
        With a task.
    dataset : Dataset
    label : str
        Title of the stage.
    count : int
        Number of images.

    Raises
    ------
    ArgumentError
        If the network has no task, or a number is no positive whole number.
    DataError
        If the data have other answers than the network learns.
    KeyboardInterrupt
        After Ctrl-C or `stop`; the network is as it was.

    Examples
    --------
    >>> import spikefa as fa
    >>> from spikefa.diagnostics.record_outputs import record_outputs
    >>> net = fa.Network(streams=1, target="numpy")
    >>> image = fa.Input(net, "image", 64)
    >>> layer = fa.Layer(net, "output", 10, "I : 1\ny : 1", emit="y = I", output="y", threshold=None)
    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.1))
    >>> task = fa.classification_task(net, steps_per_image=2, classes=10)
    >>> recording = record_outputs(net, fa.datasets.load("digits"), "before learning")
    >>> recording.outputs["output"].shape
    (10, 10)
    """
    owner = "record_outputs"
    require_network(owner, network).require_task(owner)
    label, count = text(owner, "label", label), positive_int(owner, "count", count, "images")
    rng = np.random.default_rng([network.seed, crc32(b"outputs")])
    classes, output = network.readout.classes, network.layers[-1]
    shown = {layer.name: np.sort(rng.permutation(layer.units)[:UNITS_RECORDED]) for layer in network.layers}
    if classes is not None:
        shown[output.name] = units_by_class(output.units, classes, rng)
    watched = [(layer.view(layer.output_variable), shown[layer.name]) for layer in network.layers]
    feedback = {layer.name: found for layer in network.layers if (found := feedback_of(network, layer))}
    watched += [(found.view(found.modulator), shown[name]) for name, found in feedback.items()]
    answers = dataset.answers("test", classes)
    chosen = np.arange(len(answers))[:count] if classes is None else first_of_classes(answers, count)
    images = dataset.test_images[chosen]
    steps, recorded = show_one_by_one(network, images, answers[chosen], network.stimulus.steps_per_image, watched)
    return OutputRecording(
        label=label,
        images=pictures(dataset, images),
        labels=None if classes is None else answers[chosen],
        steps_per_image=steps,
        dt=float(network.clock.dt_ * 1e3),
        outputs=dict(zip(shown, recorded[: len(shown)], strict=True)),
        deltas=dict(zip(feedback, recorded[len(shown) :], strict=True)),
        output_classes=None if classes is None else shown[output.name] // (output.units // classes),
        unit_numbers=shown,
    )
