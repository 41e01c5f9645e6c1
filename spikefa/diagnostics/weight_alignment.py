"""Weight alignment: the angle between forward weights and feedback weights, by a monitor."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa import metrics
from spikefa._checks import true_or_false
from spikefa.core.network import Network, require_network
from spikefa.diagnostics import evaluation
from spikefa.diagnostics.monitor import Monitor
from spikefa.errors import ArgumentError


class WeightAlignment(Monitor):
    r"""Measure the angle between each hidden layer's outgoing W and the transpose of its feedback's B, in degrees.

    Of several outgoing projections of a layer, the first whose target layer feeds back to it is measured. Layers
    without such feedback are not, as in direct feedback alignment.

    Parameters
    ----------
    network : Network
        With its projections.
    every : int or None
        Steps between measurements.
    units : bool
        Whether to measure each hidden unit's angle, too.
    name : str

    Raises
    ------
    ArgumentError
        If `every` is not a positive whole number, or no layer has such feedback.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.feedback_alignment(net, **error, **feedback, B=fa.uniform(0.5))
    >>> forward = fa.Projection(net, "hidden", "output", fa.uniform(0.5))
    >>> monitor = fa.WeightAlignment(net, every=2)
    >>> net.run_steps(4)
    >>> len(monitor.steps)
    2
    """

    reads_events = False

    def __init__(
        self, network: Network, every: int | None = 1, *, units: bool = False, name: str = "weight_alignment*"
    ):
        self._pairs = evaluation.feedback_pairs(require_network("WeightAlignment", network))
        if not self._pairs:
            raise ArgumentError("WeightAlignment: no hidden layer has feedback from the layer to which its weights go")
        units = true_or_false("WeightAlignment", "units", units)
        super().__init__(network, every, "end", 110, name)
        self.units = units
        network.join(self)

    def _measure(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for layer, (up, down) in self._pairs.items():
            sums = metrics.compared_rows(*evaluation.matrices(up, down))
            values[f"angle_{layer}"] = metrics.whole_angle(sums)
            if self.units:
                values[f"units_{layer}"] = metrics.row_angles(sums)
        return values

    @property
    def angle(self) -> dict[str, np.ndarray]:
        """Layer name -> angle of the whole matrices, ``(n,)``."""
        return self._collected("angle", list(self._pairs))

    @property
    def unit_angle(self) -> dict[str, np.ndarray]:
        """Layer name -> angle of each unit's outgoing weights and its feedback weights, ``(n, units)``.

        Of a convolution whose feedback is one, too, each map's: ``(n, maps)``.
        """
        return self._collected("units", list(self._pairs) if self.units else [])
