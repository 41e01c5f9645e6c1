"""Backpropagation: each layer receives the feedback population above it through the transpose of its own weights.

``delta_l = (delta_{l+1} @ W_{l+1}.T) * f'`` where `emit` has the derivative; the weights are those of the step.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from brian2 import Quantity

from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import chain, forward_name, spiking_options
from spikefa.projections.derived import TiedProjection


@pathways.register("backprop")
def backprop(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    namespace: dict[str, Any] | None = None,
    delay: Quantity | None = None,
    receive: str = "",
    threshold: str | None = None,
    reset: str | None = None,
    refractory: Any = False,
    output: str = "delta",
    modulator: str | None = None,
) -> list[TiedProjection]:
    r"""Send the error down through the transposed forward weights.

    Add the error population, and a feedback population for each layer below, that share the forward weights.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
    delay, receive, threshold, reset, refractory, output, modulator
        As in `feedback_alignment`. The forward projections may be added later; each layer has one to the next.

    Returns
    -------
    list of TiedProjection
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
    >>> projections = fa.backprop(net, **error, **feedback)
    >>> [population.name for population in net.feedback]
    ['error_output', 'feedback_hidden']
    """
    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    populations = chain(network, error, feedback, emit, emit_error, namespace, **spiking)
    return [
        TiedProjection(network, above, below, forward_name(network, below.layer), transpose=True, delay=delay)
        for above, below in pairwise(populations)
    ]
