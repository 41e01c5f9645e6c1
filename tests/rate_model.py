"""A rate network as a model file, for tests: hidden tanh, linear output, feedback alignment, one step an image.

Not a model of the package: `tests/test_regression.py` loads it by its path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

import spikefa as fa
from spikefa import datasets

LAYER = "I : 1\npsi : 1\ns : 1"
ERROR = "target : 1\ndelta : 1"
FEEDBACK = "J : 1\ndelta : 1"
TANH = "s = tanh(I)\npsi = 1 - s**2"
RULE = "dW = -eta * delta_post * s_pre"
HIDDEN_RULE = "dW = -eta * delta_post * psi_post * s_pre"


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters."""

    sizes: tuple[Annotated[int, fa.Range(1)], ...] = (30, 20, 10)
    """Units of each layer, input first."""
    classes: Annotated[int, fa.Range(1)] | None = None
    """Number of classes; none for a regression."""
    eta: Annotated[float, fa.Range(0)] = 1e-2
    """Learning rate."""
    weight_range: Annotated[float, fa.Range(0)] = 0.1
    """Of the forward weights."""
    prepared: Literal["standardised", "autoencoder"] | None = None
    """How the data are changed; none: as loaded."""
    jitter: Annotated[float, fa.Range(0)] = 0.0
    """Standard deviation of what `augment` adds."""
    dtype: Literal["float32", "float64"] = "float64"
    """Float type."""


def prepare(params, dataset):
    """Change the data as the parameters say."""
    if params.prepared == "autoencoder":
        dataset = datasets.autoencoder(dataset, (-0.9, 0.9))
    return datasets.standardised(dataset) if params.prepared else dataset


def augment(params, images, rng):
    """Add noise to images, which are as they were loaded."""
    return images + params.jitter * rng.standard_normal(images.shape)


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype)
    first, *hidden, last = params.sizes
    below = fa.Input(net, "x", first, emit="s = x", threshold=None, limits=None)
    for number, units in enumerate(hidden, start=1):
        fa.Layer(net, f"h{number}", units, LAYER, emit=TANH, threshold=None)
    fa.Layer(net, "y", last, LAYER, emit="s = I", threshold=None)
    fa.feedback_alignment(
        net, error=ERROR, feedback=FEEDBACK, emit="delta = J", emit_error="delta = layer_s - target", B=fa.uniform(0.5)
    )
    constants = {"eta": params.eta}
    for layer in net.layers:
        rule = fa.Plasticity(RULE if layer is net.layers[-1] else HIDDEN_RULE, constants)
        fa.Projection(net, below, layer, fa.uniform(params.weight_range), plasticity=rule)
        below = layer
    if params.classes:
        fa.classification_task(net, 1, params.classes)
    else:
        fa.regression_task(net, 1)
    return net


def naive(net: fa.Network, batches: list[tuple[np.ndarray, np.ndarray]], eta: float) -> tuple[list, np.ndarray]:
    """What a network of this file does, in numpy: the weights after all batches, and every output on the way."""
    forward = [p for p in net.projections if p.post in net.layers]
    weights = [[p.W.astype(float).copy(), p.b.astype(float).copy()] for p in forward]
    backward = {p.post.layer.name: p.W.astype(float).copy() for p in net.projections if p.post not in net.layers}
    outputs = []
    for x, target in batches:
        rates = [x]
        for number, (W, b) in enumerate(weights):
            current = rates[-1] @ W + b
            rates.append(current if number == len(weights) - 1 else np.tanh(current))
        outputs.append(rates[-1])
        signal = delta = rates[-1] - target
        deltas = [delta]
        for layer in reversed(net.hidden):
            signal = signal @ backward[layer.name]
            deltas.insert(0, signal)
        for number, (W, b) in enumerate(weights):
            d = deltas[number] * (1 - rates[number + 1] ** 2) if number < len(weights) - 1 else delta
            W -= eta * rates[number].T @ d
            b -= eta * d.sum(axis=0)
    return weights, np.concatenate(outputs)
