"""Direct feedback alignment: every layer receives the error itself, through fixed random weights of its own.

``delta_l = (e @ B_l) * f'`` (Nokland 2016, arXiv 1609.01596) where `emit` has the derivative.
"""

from __future__ import annotations

from typing import Any

from brian2 import Quantity

from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import chain, spiking_options
from spikefa.projections.initializers import Initial
from spikefa.projections.precision import Precision
from spikefa.projections.projection import Projection


@pathways.register("direct")
def direct_feedback_alignment(
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
    r"""Send the error to each hidden layer directly, through fixed random weights.

    Add the error population, and a feedback population for each layer below it that receives the error.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
    delay, receive, threshold, reset, refractory, output, modulator
        As in `feedback_alignment`.
    B : array, or function of (rng, shape)
        Feedback weights ``(units of the last layer, units of the layer)``.
    feedback_precision : {"float32", "bfloat16", "int8"}, optional
        Number format of the feedback products, see `Projection`; the network's float type by default.

    Returns
    -------
    list of Projection
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
    >>> projections = fa.direct_feedback_alignment(net, **error, **feedback, B=fa.uniform(0.5))
    >>> [population.name for population in net.feedback]
    ['error_output', 'feedback_hidden']
    """
    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    top, *others = chain(network, error, feedback, emit, emit_error, namespace, **spiking)
    options = {"delay": delay, "precision": feedback_precision}
    return [Projection(network, top, below, B, **options) for below in others]
