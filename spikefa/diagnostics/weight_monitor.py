"""Weight monitors: chosen synapses of a projection, recorded while a network runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spikefa._checks import array, one_of, refuse
from spikefa.core.network import Network, require_network
from spikefa.diagnostics.monitor import Monitor
from spikefa.projections.projection import Projection


class WeightMonitor(Monitor):
    r"""Record the weights of chosen synapses; the weights as they are at the end of a step.

    It does not record in evaluations and recordings.

    Parameters
    ----------
    network : Network
    projection : Projection or str
    synapses : array_like of int (n, 2), or of bool (n_pre, n_post)
        Presynaptic and postsynaptic unit of each synapse; of a convolution ``(n, 4)``, the index of each weight in W.
    every : int or None
        Steps between measurements, see `Monitor`.
    name : str

    Raises
    ------
    ArgumentError
        If the synapses are none of the projection's, or `every` is not a positive whole number.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> layer = fa.Layer(net, "h1", 8, "I : 1\ns : 1", emit="s = int(I > 0)")
    >>> projection = fa.Projection(net, image, layer, fa.uniform(0.5))
    >>> weights = fa.WeightMonitor(net, "image_to_h1", [(1, 0), (2, 0)], every=20)
    """

    reads_events = False

    def __init__(
        self,
        network: Network,
        projection: Projection | str,
        synapses: ArrayLike,
        every: int | None = 1,
        *,
        name: str = "weight_monitor*",
    ):
        projections = {one.name: one for one in require_network("WeightMonitor", network).projections}
        if isinstance(projection, str):
            projection = one_of("WeightMonitor", "projection", projection, projections) and projections[projection]
        if not any(projection is one for one in projections.values()):
            rule = f"be one of the network's projections {list(projections)}"
            refuse("WeightMonitor", "projection", rule, getattr(projection, "name", projection))
        self.projection = projection
        owner = f"WeightMonitor of {projection.title}"
        self._chosen = self._checked(array(owner, "synapses", synapses), synapses)
        super().__init__(network, every, "end", 110, name)
        network.join(self)

    def _checked(self, chosen: np.ndarray, given: ArrayLike) -> tuple[np.ndarray, ...]:
        owner, shape = f"WeightMonitor of {self.projection.title}", self.projection.weights_shape
        if chosen.dtype == bool and chosen.shape == shape:
            chosen = np.argwhere(chosen)
        if chosen.dtype.kind not in "iu" or chosen.ndim != 2 or chosen.shape[1] != len(shape) or not len(chosen):
            what = "pairs of units (n, 2)" if len(shape) == 2 else f"indices of weights (n, {len(shape)})"
            refuse(owner, "synapses", f"be {what} or bool {shape}", given)
        if not ((chosen >= 0) & (chosen < shape)).all():
            wrong = chosen[((chosen < 0) | (chosen >= shape)).any(axis=1)][0]
            refuse(owner, "synapses", f"be within {shape}", tuple(wrong.tolist()))
        return tuple(chosen.T)

    def _measure(self) -> dict[str, Any]:
        self.projection.weights.catch_up()
        return {"weights": self.projection.W[self._chosen].copy()}

    @property
    def weights(self) -> np.ndarray:
        """The weights, ``(measurements, n)``; `steps` says when."""
        return np.array(self._columns.get("weights", np.zeros((0, len(self._chosen[0])))))
