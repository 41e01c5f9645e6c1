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
    """Measure the angle between each hidden layer's outgoing W and the transpose of its feedback's B, in degrees.

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
            sums = metrics.compared_rows(up.W, down.W.T)
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
        """Layer name -> angle of each unit's outgoing weights and its feedback weights, ``(n, units)``."""
        return self._collected("units", list(self._pairs) if self.units else [])
