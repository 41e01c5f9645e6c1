"""Backpropagation: each layer receives the feedback population above it through the transpose of its own weights.

``delta_l = (delta_{l+1} @ W_{l+1}.T) * f'`` where `emit` has the derivative; the weights are those of the step. A
layer that projects to several receives the sum over them.
"""

from __future__ import annotations

from typing import Any

from brian2 import Quantity

from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import Connections, chain, feedback_pairs, spiking_options
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
    connections: Connections | None = None,
) -> list[TiedProjection]:
    r"""Send the error down through the transposed forward weights.

    Add the error population, and a feedback population for each layer below, that share the forward weights.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
    delay, receive, threshold, reset, refractory, output, modulator
        As in `feedback_alignment`. The forward projections may be added later; each layer has one to the next.
    connections : sequence of (str, str), optional
        Of a network with branches or skips: which layer projects to which, such as ``[("h1", "h2"), ("h1", "output"),
        ("h2", "output")]``, each to a layer that was added later. By default each layer to the next.

    Returns
    -------
    list of TiedProjection
        The feedback projections, top down.

    Raises
    ------
    ArgumentError
        If the network has no layer, or a connection does not lead from a layer to a later one.

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
        TiedProjection(network, above, below, name, transpose=True, delay=delay)
        for above, below, name in feedback_pairs(network, populations, connections)
    ]
