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
    namespace: dict[str, Any] | None = None,
    delay: Quantity | None = None,
    receive: str = "",
    threshold: str | None = None,
    reset: str | None = None,
    refractory: Any = False,
    output: str = "delta",
    modulator: str | None = None,
) -> list[Projection]:
    """Send the error to each hidden layer directly, through fixed random weights.

    Add the error population, and a feedback population for each layer below it that receives the error.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
    delay, receive, threshold, reset, refractory, output, modulator
        As in `feedback_alignment`.
    B : array, or function of (rng, shape)
        Feedback weights ``(units of the last layer, units of the layer)``.

    Returns
    -------
    list of Projection
        The feedback projections, top down.
    """
    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    top, *others = chain(network, error, feedback, emit, emit_error, namespace, **spiking)
    return [Projection(network, top, below, B, delay=delay) for below in others]
