"""The training error in successive windows, by a monitor."""

from __future__ import annotations

import numpy as np

from spikefa._checks import positive_int
from spikefa.core.network import Network, require_network
from spikefa.diagnostics.monitor import Monitor
from spikefa.engine.brian2_internals import belongs_to


class ErrorMonitor(Monitor):
    r"""Measure the training error in successive windows of presentations.

    It is the fraction of wrong classes or, for a regression, the normalised squared error within the window.

    Parameters
    ----------
    network : Network
        With a task (`classification_task` or `regression_task`).
    presentations : int
        Length of a window, in images a stream.
    name : str

    Raises
    ------
    ArgumentError
        If the network has no task yet, or `presentations` is not a positive whole number.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> monitor = fa.ErrorMonitor(net, presentations=1)
    >>> net.stimulus.show_images([[1.0, 1.0, 0.0, 0.0]] * 3, [0, 0, 0])
    >>> net.run_steps(6)
    >>> len(monitor.error)
    3
    """

    reads_events = False

    def __init__(self, network: Network, presentations: int = 1, *, name: str = "error_monitor*"):
        self.presentations = positive_int("ErrorMonitor", "presentations", presentations)
        require_network("ErrorMonitor", network).require_task("ErrorMonitor")
        super().__init__(network, None, "end", 110, name)
        self._readout = network.readout.restate(network)
        belongs_to(self._readout, network.id)  # this monitor runs it, not the network
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
