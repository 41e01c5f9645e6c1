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
    r"""Add the error population of the last layer and nothing else; rules of other layers have no ``delta``.

    Parameters
    ----------
    network, error, emit, emit_error, namespace
        As in `feedback_alignment`.

    Returns
    -------
    list of Projection
        None.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}
    >>> projections = fa.output_only(net, **error)
    >>> [population.name for population in net.feedback]
    ['error_output']
    """
    error_population(network, error, emit if emit_error is None else emit_error, namespace)
    return []
