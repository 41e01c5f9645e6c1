"""Training error in successive windows: a monitor."""

from __future__ import annotations

import numpy as np

from spikefa.core.network import Network
from spikefa.diagnostics.monitor import Monitor
from spikefa.engine.brian2_internals import belongs_to
from spikefa.errors import ArgumentError


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
    ArgumentError
        If the network is not finished, or `presentations` is not positive.
    """

    reads_events = False

    def __init__(self, network: Network, presentations: int = 1, *, name: str = "error_monitor*"):
        if isinstance(presentations, bool) or not isinstance(presentations, int | np.integer) or presentations < 1:
            raise ArgumentError(f"ErrorMonitor: presentations must be a positive whole number, got {presentations!r}")
        if network.readout is None:
            raise ArgumentError("ErrorMonitor: the network has no readout; call its present() first")
        super().__init__(network, None, "end", 110, name)
        classes = network.readout.classes
        self._readout = type(network.readout)(network, *(() if classes is None else (classes,)))
        belongs_to(self._readout, network.id)  # this monitor runs it, not the network
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
