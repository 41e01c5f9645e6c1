"""Sign-symmetric feedback: each layer receives the feedback population above it through the signs of its own weights.

``delta_l = (delta_{l+1} @ (scale * sign(W_{l+1}.T))) * f'`` where `emit` has the derivative (Liao, Leibo & Poggio 2016,
arXiv 1510.05067).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from brian2 import Quantity

from spikefa._checks import in_range
from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import chain, forward_name, spiking_options
from spikefa.projections.derived import DerivedProjection


@pathways.register("sign_symmetric")
def sign_symmetric(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    scale: float,
    every: int = 1,
    namespace: dict[str, Any] | None = None,
    delay: Quantity | None = None,
    receive: str = "",
    threshold: str | None = None,
    reset: str | None = None,
    refractory: Any = False,
    output: str = "delta",
    modulator: str | None = None,
) -> list[DerivedProjection]:
    r"""Send the error down through the signs of the forward weights.

    Add the error population, and a feedback population for each layer below it.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
    delay, receive, threshold, reset, refractory, output, modulator
        As in `feedback_alignment`. The forward projections may be added later; each layer has one to the next.
    scale : float
        Magnitude of the feedback weights.
    every : int
        Steps from one look at the signs to the next.

    Returns
    -------
    list of DerivedProjection
        The feedback projections, top down.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.sign_symmetric(net, **error, **feedback, scale=0.5)
    >>> [population.name for population in net.feedback]
    ['error_output', 'feedback_hidden']
    """
    in_range("Pathway sign_symmetric", "scale", scale)
    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    populations = chain(network, error, feedback, emit, emit_error, namespace, **spiking)

    def signs(W: np.ndarray) -> np.ndarray:
        return scale * np.sign(W.T)

    return [
        DerivedProjection(network, above, below, forward_name(network, below.layer), signs, every=every, delay=delay)
        for above, below in pairwise(populations)
    ]
