"""What is measured of a network: its errors on images, and how its weights align."""

from __future__ import annotations

import numpy as np

from .analysis import angle
from .network import EVALUATION, Network


def guesses(network: Network, images: np.ndarray, steps: int) -> np.ndarray:
    """Class of each image by the network: the group of output units most active over `steps` steps.

    The network is as it was afterwards: only its forward path runs, from rest, with random numbers of its own.

    Parameters
    ----------
    network : Network
    images : ndarray (n, pixels)
        uint8, or floats in [0, 1].
    steps : int
        Steps for which each image is shown.

    Returns
    -------
    ndarray (n,)
    """
    images = network.stimulus.checked(images)
    count, streams = len(images), network.streams
    filled = (
        np.concatenate([images, np.repeat(images[:1], -count % streams, axis=0)])
        if count % streams
        else images
    )
    with network.aside(EVALUATION):
        network.stimulus.steps_per_image = steps
        network.stimulus.show_images(filled)
        network.readout.guesses = []
        network.run_steps(steps * (len(filled) // streams))
        return np.concatenate(network.readout.guesses)[:count]


def error(network: Network, images: np.ndarray, labels: np.ndarray, steps: int) -> float:
    """Fraction of the images that the network takes for another class, see `guesses`."""
    return float(np.mean(guesses(network, images, steps) != labels))


def alignment(network: Network) -> dict[str, float]:
    """Angle in degrees between each hidden layer's outgoing W and the transpose of the B that serves it.

    Returns
    -------
    dict
        Layer name -> angle; NaN where no feedback matrix has the shape of W transposed.
    """
    angles = {}
    for layer in network.hidden:
        W = next((p.W for p in network.projections if p.pre is layer and p.post in network.layers), None)
        served = [p.W for p in network.projections if getattr(p.post, "layer", None) is layer]
        matching = [B for B in served if W is not None and B.shape == W.T.shape]
        angles[layer.name] = angle(W, matching[0].T) if matching else float("nan")
    return angles
