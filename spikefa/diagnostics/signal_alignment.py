"""Signal alignment: the errors that hidden layers receive against those of backpropagation, by a monitor."""

from __future__ import annotations

import numpy as np

from spikefa import metrics
from spikefa.core.network import Network, require_network
from spikefa.core.part import APPLY_RULES
from spikefa.diagnostics.error_signal import error_term
from spikefa.diagnostics.gradient_alignment import GradientAlignment
from spikefa.diagnostics.monitor import Monitor
from spikefa.errors import ArgumentError


class SignalAlignment(Monitor):
    r"""Compare the error that each hidden layer receives with the one that backpropagation would send to it.

    What a layer receives is the current of its feedback population: ``B e`` where the error goes through fixed weights.
    Backpropagation sends ``W D``, with the weights of the step and its own error D of the layers above. Both are
    compared for each batch element, before the derivative of the layer's units. These are the modulators of
    Lillicrap et al. 2016, Fig. 3b; an angle below 90 degrees is their condition ``e^T W B e > 0``.
    Node perturbation sends one number to all units, of which the angle says nothing.

    Parameters
    ----------
    network : Network
        With its projections and rules.
    every : int or None
        Steps between measurements.
    derivative, error, output_error
        As in `GradientAlignment`.
    name : str

    Raises
    ------
    ArgumentError
        As `GradientAlignment` does, or if no hidden layer has a projection to its feedback population.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1\npsi = 1 : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.feedback_alignment(net, **error, **feedback, B=fa.uniform(0.5))
    >>> rule = fa.Plasticity("dW = -0.1 * delta_post * y_pre")
    >>> projection = fa.Projection(net, "hidden", "output", fa.uniform(0.5), plasticity=rule)
    >>> first = fa.Projection(net, "image", "hidden", fa.uniform(0.5))
    >>> task = fa.classification_task(net, steps_per_image=1, classes=2)
    >>> monitor = fa.SignalAlignment(net, every=1)
    >>> net.stimulus.show_images([[1.0, 1.0, 1.0, 1.0]], [0])
    >>> net.run_steps(1)
    >>> sorted(monitor.metrics)
    ['signal_angle_deg_hidden', 'signal_positive_hidden']
    """

    reads_events = False

    def __init__(
        self,
        network: Network,
        every: int | None = 1,
        *,
        derivative: str = "psi",
        error: str = "delta",
        output_error: str | None = None,
        name: str = "signal_alignment*",
    ):
        hidden = require_network("SignalAlignment", network).hidden
        reached = {projection.post.name for projection in network.projections}
        self._received = {p.layer.name: p for p in network.feedback if p.layer in hidden and p.name in reached}
        if not self._received:
            raise ArgumentError("SignalAlignment: no hidden layer has a projection to its feedback population")
        stated = {"derivative": derivative, "error": error, "output_error": output_error}
        self._gradient = GradientAlignment(network, None, **stated)
        super().__init__(network, every, "plasticity", APPLY_RULES - 1, name)
        self._signs = {layer: self._sign(layer, population.modulator) for layer, population in self._received.items()}
        network.join(self)

    def _measure(self) -> dict[str, float]:
        sent, values = self._gradient.signals(), {}
        for layer, population in self._received.items():
            received = self._signs[layer] * population.view(population.current_variable)
            angles = metrics.unit_angles(received, sent[layer], axis=0)
            known = angles[~np.isnan(angles)]
            values[f"angle_{layer}"] = known.mean() if known.size else np.nan
            values[f"positive_{layer}"] = (known < 90).mean() if known.size else np.nan
        return values

    def _sign(self, layer: str, modulator: str) -> float:
        """Return -1 if the layer's rules take what it receives for the negative of backpropagation's error."""
        for projection in self.network.projections:
            if projection.post.name == layer and projection.learning is not None:
                term = error_term(projection, [modulator])
                if term is not None:
                    return float(np.sign(term.coefficient)) * self._gradient.direction
        return 1.0

    @property
    def angle(self) -> dict[str, np.ndarray]:
        """Layer name -> degrees between the two errors, the mean over the batch, ``(n,)``; NaN if all are zero."""
        return self._collected("angle", list(self._received))

    @property
    def positive(self) -> dict[str, np.ndarray]:
        """Layer name -> fraction of the batch in which the two are less than 90 degrees apart, ``(n,)``."""
        return self._collected("positive", list(self._received))

    @property
    def metrics(self) -> dict[str, float]:
        """The last measurement as columns of a table, ``signal_angle_deg_LAYER`` and ``signal_positive_LAYER``."""
        return {
            f"signal_{column}_{layer}": self.last.get(f"{what}_{layer}", np.nan)
            for what, column in (("angle", "angle_deg"), ("positive", "positive"))
            for layer in self._received
        }
