"""Evaluation: a network's predictions and errors on images, and how its weights align with its feedback."""

from __future__ import annotations

import numpy as np

from spikefa.core.network import Network, require_network
from spikefa.core.sandbox import run_to_end, sandboxed
from spikefa.errors import ArgumentError
from spikefa.metrics import angle, relative_error, sign_congruence
from spikefa.populations.population import Population
from spikefa.populations.roles import Layer
from spikefa.presentation.by_input import Shown, count_of, some_of
from spikefa.projections.pooling import Pooling
from spikefa.projections.projection import Projection


def summed_outputs(network: Network, images: Shown, steps: int) -> np.ndarray:
    r"""Return the outputs to each image, summed over its steps and over each class's units.

    A network without classes has the sums of each output unit; one of a `signal_task`, the outputs themselves, step by
    step. The network is as it was afterwards: it runs without learning and without error, from its initial state, with
    random numbers of its own; see `sandboxed`. Each stream is shown one image after the other without a pause, so that
    slow units still have some of the one before.

    Parameters
    ----------
    network : Network
    images : ndarray (n, pixels) or (n, steps, units), SpikeTrains, or dict of these
        Images, sequences or spike trains; with several inputs a dict, see `Stimulus.show_samples`.
    steps : int
        Steps for which each image is shown.

    Returns
    -------
    ndarray (n, classes), (n, units of the last layer) or (n, steps, units of the last layer)

    Raises
    ------
    ArgumentError
        If the network has no task yet, there are no images, or they cannot be shown for so many steps.
    KeyboardInterrupt
        After Ctrl-C or `stop`; the network is as it was.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", np.repeat(np.eye(2), 2, axis=0))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> images, labels = np.repeat(np.eye(2), 2, axis=1), np.array([0, 1])
    >>> fa.summed_outputs(net, images, steps=2).tolist()
    [[4.0, 0.0], [0.0, 4.0]]
    """
    require_network("evaluation.summed_outputs", network).require_task("evaluation.summed_outputs")
    images = network.stimulus.validate_samples(images)
    count, streams = count_of(images), network.streams
    if not count:
        raise ArgumentError("evaluation: images must be at least one, got none")
    missing = -count % streams
    filled = some_of(images, np.append(np.arange(count), np.zeros(missing, int))) if missing else images
    with sandboxed(network, "evaluation"):
        network.stimulus.steps_per_image = steps  # and the gaps of learning
        network.stimulus.show_samples(filled)
        network.readout.summed_outputs = []
        run_to_end(network, network.stimulus.steps_per_presentation * ((count + missing) // streams))
        return np.concatenate(network.readout.summed_outputs)[:count]


def predict(network: Network, images: Shown, steps: int) -> np.ndarray:
    r"""Predict each image's class, whose units are most active, or the target values, by the mean output.

    The network is as it was afterwards, see `summed_outputs`.

    Parameters
    ----------
    network : Network
    images : ndarray (n, pixels) or (n, steps, units), SpikeTrains, or dict of these
        Images, sequences or spike trains; with several inputs a dict, see `Stimulus.show_samples`.
    steps : int
        Steps for which each image is shown.

    Returns
    -------
    ndarray (n,), (n, units of the last layer) or (n, steps, units of the last layer)
        Classes; or values, if the network has no classes; or signals.

    Raises
    ------
    ArgumentError
        If the network has no task yet, there are no images, or they cannot be shown for so many steps.
    KeyboardInterrupt
        After Ctrl-C or `stop`; the network is as it was.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", np.repeat(np.eye(2), 2, axis=0))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> images, labels = np.repeat(np.eye(2), 2, axis=1), np.array([0, 1])
    >>> fa.predict(net, images, steps=2).tolist()
    [0, 1]
    """
    require_network("evaluation.predict", network).require_task("evaluation.predict")
    return network.readout.predict(summed_outputs(network, images, steps), steps)


def error(network: Network, images: Shown, targets: np.ndarray, steps: int) -> float:
    r"""Return the error of the network's predictions.

    It is the fraction of wrong classes, the normalised squared error of values, or the mean squared error of signals.

    Parameters
    ----------
    network : Network
    images : ndarray (n, pixels) or (n, steps, units), SpikeTrains, or dict of these
    targets : ndarray (n,), (n, units of the last layer) or (n, steps, units of the last layer)
        Labels, or values if the network has no classes, or signals.
    steps : int
        Steps for which each image is shown.

    Raises
    ------
    ArgumentError
        If the network has no task yet, there are no images, or they or the targets cannot be shown.
    KeyboardInterrupt
        After Ctrl-C or `stop`; the network is as it was.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", np.repeat(np.eye(2), 2, axis=0))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> images, labels = np.repeat(np.eye(2), 2, axis=1), np.array([0, 1])
    >>> fa.error(net, images, labels, steps=2)
    0.0
    """
    require_network("evaluation.error", network).require_task("evaluation.error")
    targets = network.readout.validate_targets(targets, count_of(network.stimulus.validate_samples(images)))
    return network.readout.error_of(predict(network, images, steps), targets)


def alignment(network: Network) -> dict[str, float]:
    """Return the angle in degrees between each hidden layer's outgoing W and the transpose of its feedback's B.

    Returns
    -------
    dict
        Layer name -> angle; NaN if no feedback comes from a layer to which it projects. See `feedback_pairs`.
    """
    pairs = feedback_pairs(network)
    return {
        layer.name: angle(*matrices(*pairs[layer.name])) if layer.name in pairs else float("nan")
        for layer in network.hidden
    }


def weight_differences(network: Network) -> dict[str, float]:
    """Return how each hidden layer's outgoing W and the transpose of its feedback's B differ, as columns of a table.

    Returns
    -------
    dict
        ``weight_relative_error_LAYER``, the norm of ``B.T - W`` over that of W; and ``weight_sign_LAYER``, the fraction
        of weights with equal signs. NaN where `alignment` is.
    """
    pairs, columns = feedback_pairs(network), {}
    for layer in network.hidden:
        for column, measure in (("relative_error", relative_error), ("sign", sign_congruence)):
            found = float("nan")
            if layer.name in pairs:
                W, B = matrices(*pairs[layer.name])
                found = measure(B, W)
            columns[f"weight_{column}_{layer.name}"] = found
    return columns


def feedback_pairs(network: Network) -> dict[str, tuple[Projection, Projection]]:
    """Return each hidden layer's outgoing projection, and the one that feeds back from that one's target layer.

    Returns
    -------
    dict
        Layer name -> (forward, feedback): the first such pair, if a layer has several outgoing projections. Layers
        without such feedback are left out, and those that are pooled.
    """
    pairs = {}
    for layer in network.hidden:
        ups = [p for p in network.projections if p.pre is layer and p.post in network.layers]
        ups = [p for p in ups if not isinstance(p, Pooling)]
        downs = [p for p in network.projections if _belongs_to(p.post, layer)]
        both = [(up, down) for up in ups for down in downs if _belongs_to(down.pre, up.post)]
        if both:
            pairs[layer.name] = both[0]
    return pairs


def matrices(forward: Projection, feedback: Projection) -> tuple[np.ndarray, np.ndarray]:
    """Return W and the transpose of B of a pair as matrices; of two convolutions with a row a map.

    Of a convolution and a projection that is none, they are those of all synapses.
    """
    W, B = forward.W, feedback.W.swapaxes(0, -1)
    if W.ndim != B.ndim:
        W, B = forward.weights.dense(), feedback.weights.dense().T
    return W.reshape(len(W), -1), B.reshape(len(B), -1)


def _belongs_to(population: Population, layer: Layer) -> bool:
    """Return whether a feedback or error population is that of a layer."""
    return getattr(population, "layer", None) is layer
