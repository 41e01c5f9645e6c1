"""No pathway: the last layer knows its error, and no layer below receives it. The control of frozen hidden layers."""

from __future__ import annotations

from typing import Any

from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population
from spikefa.projections.projection import Projection


@pathways.register("output_only")
def output_only(
    network: Network,
    *,
    error: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    """Add the error population of the last layer and nothing else; rules of other layers have no ``delta``.

    Parameters
    ----------
    network, error, emit, emit_error, namespace
        As in `feedback_alignment`.

    Returns
    -------
    list of Projection
        None.
    """
    error_population(network, error, emit if emit_error is None else emit_error, namespace)
    return []
