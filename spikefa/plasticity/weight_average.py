"""Averaged weights: what a network has learned, without the noise of its last updates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from brian2 import BrianObject

from spikefa._checks import positive_int
from spikefa.core.network import Network, require_network
from spikefa.core.part import Part
from spikefa.engine.aligned import copy_as, whole_rows
from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.tasks import share
from spikefa.errors import ArgumentError


@compiled(nogil=True)
def _approach_in_row(i, average, values, fraction):
    for j in range(average.shape[1]):
        average[i, j] += fraction * (values[i, j] - average[i, j])


@compiled(nogil=True)
def _approach(average, values, fraction):
    share(_approach_in_row, average.shape[0], (average, values, fraction))


class WeightAverage(Part, BrianObject):
    r"""A running mean of every learning projection's weights and biases, taken once in `every` presentations.

    Learning goes on with the weights themselves; what is tested are their means (`Network.averaged`). While fewer
    than `images` have been shown it is the plain mean of all samples, later an exponential one with that time
    constant [Polyak & Juditsky 1992, doi:10.1137/0330046].

    Parameters
    ----------
    network : Network
        Finished but for its task: projections that are added later are not averaged.
    images : int
        Time constant, in images.
    every : int
        Presentations between two samples.

    Raises
    ------
    ArgumentError
        If a number is not positive, or the network has an average already.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> populations = fa.output_only(net, **error)
    >>> rule = fa.Plasticity("dW = -0.1 * delta_post * s_pre")
    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5), plasticity=rule)
    >>> task = fa.classification_task(net, steps_per_image=1, classes=2)
    >>> average = fa.WeightAverage(net, images=20, every=2)
    >>> history = fa.train(net, data, epochs=1, progress=False)  # doctest: +SKIP
    >>> with net.averaged():
    ...     W = projection.W.copy()
    """

    roles = ("learning", "weight_average")
    reads_events = False
    state_name = "average"

    def __init__(self, network: Network, images: int, every: int = 10):
        require_network("WeightAverage", network)
        images, every = positive_int("WeightAverage", "images", images), positive_int("WeightAverage", "every", every)
        if network.weight_average is not None:
            raise ArgumentError("WeightAverage: the network has one already")
        super().__init__(clock=network.clock, when="end", order=101, name=f"{network.name}_average")
        self.network, self.images, self.every = network, images, every
        self._projections = [p for p in network.projections if p.learning is not None]
        self._means = {p.name: (copy_as(p.weights.values), p.b.copy()) for p in self._projections}
        self._count = np.zeros(2, np.int64)  # presentations, samples
        network.join(self)

    def run(self) -> None:
        """Take a sample at the end of every `every`-th presentation."""
        fraction = self.next_fraction()
        if fraction is not None:
            for mean, values in self.means_and_values():
                _approach(whole_rows(mean), whole_rows(values), mean.dtype.type(fraction))

    def next_fraction(self) -> float | None:
        """Count this step; return by what fraction the means are to approach the values in it, None if not at all."""
        if self.network.stimulus is None or not self.network.stimulus.last_step:
            return None
        self._count[0] += 1
        if self._count[0] % self.every:
            return None
        self._count[1] += 1
        return float(max(1 / self._count[1], min(1.0, self.every * self.network.streams / self.images)))

    def means_and_values(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Each mean with the array that it follows, both as they lie in memory."""
        own = [(p.weights.values, p.b) for p in self._projections]
        means = [self._means[p.name] for p in self._projections]
        return [pair for mean, values in zip(means, own, strict=True) for pair in zip(mean, values, strict=True)]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the means in the weights' place, and the weights back at the end."""
        weights = [(p.weights.values.copy(), p.b.copy()) for p in self._projections]
        try:
            for projection in self._projections:
                projection.weights.values[...], projection.b[...] = self._means[projection.name]
            yield
        finally:
            for projection, (W, b) in zip(self._projections, weights, strict=True):
                projection.weights.values[...], projection.b[...] = W, b

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return what is saved and written back, not copies: means in the projections' own shapes, and counts."""
        arrays = {"count": self._count}
        for projection in self._projections:
            W, b = self._means[projection.name]
            arrays |= {f"{projection.name}.W": projection.weights.stated(W), f"{projection.name}.b": b}
        return arrays
