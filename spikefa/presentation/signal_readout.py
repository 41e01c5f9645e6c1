"""The readout of signals: targets that change in every step."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa._checks import array
from spikefa.core.network import Network
from spikefa.errors import ArgumentError
from spikefa.presentation.readout import Readout


class SignalReadout(Readout):
    r"""Regression on signals: the last layer's output in each step, against a target of its own.

    The error is the mean squared error over samples, steps and units, accumulated in float64. Steps of a gap do not
    count. A prediction is an array (n, steps, units).

    Parameters
    ----------
    network : Network

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))
    >>> task = fa.signal_task(net, steps_per_image=3)
    >>> net.readout.classes is None
    True
    """

    takes = "signals"

    def __init__(self, network: Network):
        super().__init__(network)
        #: Summed squares of what outputs are away from targets, and of how many numbers.
        self.squared, self.compared = 0.0, 0
        self._outputs_now: list[np.ndarray] = []  # of this presentation, each (streams, units)

    def _take_step(self) -> None:
        output, stimulus = self._outputs[-1], self.network.stimulus
        self.summed += output
        if self.summed_outputs is not None:
            self._outputs_now.append(output.T.astype(np.float64))
        if stimulus.has_targets:
            self.squared += float(np.square(output.T - stimulus.targets[:, 0]).sum())
            self.compared += output.size

    def _score_presentation(self, summed: np.ndarray, targets: np.ndarray) -> None:
        """Do nothing: each step was scored."""

    def _presented(self, summed: np.ndarray) -> np.ndarray:
        outputs, self._outputs_now = np.stack(self._outputs_now, axis=1), []
        return outputs

    def predict(self, summed_outputs: np.ndarray, steps: int) -> np.ndarray:
        """Return outputs (n, steps, units) divided by the networks over which they were summed.

        `steps` are those of all these networks.
        """
        return summed_outputs * (summed_outputs.shape[1] / steps)

    @property
    def error(self) -> float:
        """Mean squared error since the last `reset`; NaN before the first step."""
        return self.squared / self.compared if self.compared else float("nan")

    def error_of(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """Return the mean squared error of predictions (n, steps, units).

        Raises
        ------
        ArgumentError
            If the targets have another shape.
        """
        if predictions.shape != targets.shape:
            raise ArgumentError(f"SignalReadout: targets must be {predictions.shape}, got {targets.shape}")
        return float(np.square(predictions - targets).mean())

    @staticmethod
    def format_error(error: float) -> str:
        """Return an error as a text for people."""
        return f"{error:.4g} (MSE)"

    def begin_anew(self) -> None:
        """Start counting anew, without a watcher."""
        self._outputs_now = []
        super().begin_anew()

    @property
    def progress(self) -> dict[str, Any]:
        """What was counted since the last `reset`."""
        return {**super().progress, "squared": self.squared, "compared": self.compared}

    @progress.setter
    def progress(self, progress: dict[str, Any]) -> None:
        Readout.progress.fset(self, progress)
        self.squared, self.compared = float(progress["squared"]), int(progress["compared"])

    def save(self) -> tuple:
        """Return everything that `restore` needs."""
        return super().save(), list(self._outputs_now)

    def restore(self, saved: tuple) -> None:
        """Go back to saved counts."""
        counts, outputs = saved
        super().restore(counts)
        self._outputs_now = list(outputs)

    def new_targets(self) -> np.ndarray:
        """Return memory for the targets of a step, (streams, 1, units)."""
        return np.zeros((self.network.streams, 1, self.layer.units))

    def validate_targets(self, targets: np.ndarray, count: int) -> np.ndarray:
        """Return the targets of `count` samples if they can be shown."""
        targets, units = array("SignalReadout", "targets", targets), self.layer.units
        if targets.ndim != 3 or targets.shape[::2] != (count, units) or not targets.shape[1]:
            raise ArgumentError(
                f"SignalReadout: targets must be ({count}, steps, {units}) for layer {self.layer.name!r}, got "
                f"{targets.shape}"
            )
        if targets.dtype.kind != "f":
            raise ArgumentError(f"SignalReadout: targets must be floats, got {targets.dtype}")
        if not np.isfinite(targets).all():
            at = tuple(np.argwhere(~np.isfinite(targets))[0].tolist())
            raise ArgumentError(
                "SignalReadout: targets must be finite, got {} at sample {}, step {}, unit {}".format(targets[at], *at)
            )
        return targets

    def write(self, targets: np.ndarray, target: np.ndarray) -> None:
        """Write targets of a step (streams, 1, units) to the error's `target` (units, streams)."""
        target[...] = targets[:, 0].T
