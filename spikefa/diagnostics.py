"""Diagnostics: monitors that tell of a learning network how its updates, weights and errors do, and change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import analysis, evaluation
from .monitors import Monitor
from .network import Network
from .update_alignment import UpdateAlignment

__all__ = ["ErrorMonitor", "UpdateAlignment", "WeightAlignment"]


class WeightAlignment(Monitor):
    """Angle between each hidden layer's outgoing W and the transpose of the B that feeds back to it, in degrees.

    Of several outgoing projections of a layer, the first to whose target B belongs is measured. Layers to which nothing
    feeds back from where they project have none, as in direct feedback alignment.

    Parameters
    ----------
    network : Network
        With its projections.
    every : int or None
        Steps between measurements.
    units : bool
        Whether to keep each hidden unit's angle too.
    name : str

    Raises
    ------
    ValueError
        If `every` is not positive, or no layer has such feedback.
    """

    def __init__(
        self, network: Network, every: int | None = 1, *, units: bool = False, name: str = "weight_alignment*"
    ):
        self._pairs = evaluation.feedback_pairs(network)
        if not self._pairs:
            raise ValueError("WeightAlignment: no hidden layer has feedback from the layer to which its weights go")
        super().__init__(network, every, "end", 110, name)
        self.units = bool(units)
        network.join(self)

    def _measure(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for layer, (up, down) in self._pairs.items():
            sums = analysis.compared_rows(up.W, down.W.T)
            values[f"angle_{layer}"] = analysis.whole_angle(sums)
            if self.units:
                values[f"units_{layer}"] = analysis.row_angles(sums)
        return values

    @property
    def angle(self) -> dict[str, np.ndarray]:
        """Layer name -> angle of the whole matrices, ``(n,)``."""
        return self._collected("angle", list(self._pairs))

    @property
    def unit_angle(self) -> dict[str, np.ndarray]:
        """Layer name -> angle of each unit's outgoing weights and its feedback weights, ``(n, units)``."""
        return self._collected("units", list(self._pairs) if self.units else [])


class ErrorMonitor(Monitor):
    """Training error in successive windows of presentations: what the network answers before it learns the answer.

    A fraction of wrong classes or, for a regression, the normalised squared error within the window.

    Parameters
    ----------
    network : Network
        Finished by `Network.present`.
    presentations : int
        Length of a window; in each, every stream shows that many images.
    name : str

    Raises
    ------
    ValueError
        If the network is not finished, or `presentations` is not positive.
    """

    def __init__(self, network: Network, presentations: int = 1, *, name: str = "error_monitor*"):
        if isinstance(presentations, bool) or not isinstance(presentations, int | np.integer) or presentations < 1:
            raise ValueError(f"ErrorMonitor: presentations must be a positive whole number, got {presentations!r}")
        if network.readout is None:
            raise ValueError("ErrorMonitor: the network has no readout; call its present() first")
        super().__init__(network, None, "end", 110, name)
        classes = network.readout.classes
        self._readout = type(network.readout)(network, *(() if classes is None else (classes,)))
        self._readout._network = network.id  # this monitor runs it, not the network
        self.presentations = int(presentations)
        network.join(self)

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the layers' outputs."""
        super().before_run(run_namespace)
        self._readout.before_run(run_namespace)

    def run(self) -> None:
        """Count this step; at the window's end, note the error."""
        readout = self._readout
        readout.run()
        if readout.shown >= self.presentations * self.network.streams:
            self._steps.append(self.network.step)
            self._columns.setdefault("error", []).append(readout.error)
            readout.reset()

    @property
    def error(self) -> np.ndarray:
        """Error of each window, ``(n,)``."""
        return np.array(self._columns.get("error", []))
