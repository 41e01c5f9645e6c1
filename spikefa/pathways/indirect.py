"""Indirect feedback alignment: the error reaches the first hidden layer, and climbs from there by the forward weights.

``delta_1 = (e @ B) * f'``, then ``delta_{l+1} = (delta_l @ W_{l+1}) * f'`` (Nokland 2016, arXiv 1609.01596) where
`emit` has the derivative. The last layer has its own error.
"""

from __future__ import annotations

from typing import Any

from brian2 import Quantity

from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population, feedback_population, forward_name, spiking_options
from spikefa.projections.derived import TiedProjection
from spikefa.projections.initializers import Initial
from spikefa.projections.precision import Precision
from spikefa.projections.projection import Projection


@pathways.register("indirect")
def indirect_feedback_alignment(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    feedback_precision: Precision | None = None,
    namespace: dict[str, Any] | None = None,
    delay: Quantity | None = None,
    receive: str = "",
    threshold: str | None = None,
    reset: str | None = None,
    refractory: Any = False,
    output: str = "delta",
    modulator: str | None = None,
) -> list[Projection]:
    r"""Send the error to the first hidden layer, and from there up through the forward weights.

    Add the error population, and a feedback population for each layer below it, bottom up.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
    delay, receive, threshold, reset, refractory, output, modulator
        As in `feedback_alignment`. The forward projections may be added later; each layer has one to the next.
    B : array, or function of (rng, shape)
        Feedback weights ``(units of the last layer, units of the first)``.
    feedback_precision : {"float32", "bfloat16", "int8"}, optional
        Number format of their products, see `Projection`; the network's float type by default.

    Returns
    -------
    list of Projection
        The one from the error, and those that share the forward weights, bottom up.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.indirect_feedback_alignment(net, **error, **feedback, B=fa.uniform(0.5))
    >>> [population.name for population in net.feedback]
    ['error_output', 'feedback_hidden']
    """
    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    below = error_population(network, error, emit if emit_error is None else emit_error, namespace, **spiking)
    projections: list[Projection] = []
    for layer in network.hidden:
        above = feedback_population(network, layer, feedback, emit, namespace, **spiking)
        if projections:
            source = forward_name(network, below.layer)
            projections.append(TiedProjection(network, below, above, source, delay=delay))
        else:
            projections.append(Projection(network, below, above, B, delay=delay, precision=feedback_precision))
        below = above
    return projections
