"""Feedback alignment: each layer hears the feedback population above it through fixed random weights.

``U_l <- (1-a) U_l + a (phi_delta(U_{l+1}) @ B_l)`` (Lillicrap, Cownden, Tweed & Akerman 2016, Fig. 4).
"""

from __future__ import annotations

from typing import Any

from ..layers import ErrorPopulation, FeedbackPopulation
from ..network import Network
from ..projections import Initial, Projection


def feedback_alignment(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    B: Initial,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    """Add the error population of the last layer, and a feedback population for each layer below it.

    Parameters
    ----------
    network : Network
        Its layers, in the order in which they were added, are the forward path.
    error : str
        Equations of the error population, with the parameter ``target`` and the layer's ``layer_s``.
    feedback : str
        Equations of the feedback populations, with the current ``J``.
    emit : str
        Statement that makes ``delta`` of ``u``, for all of them.
    B : array, or function of (rng, shape)
        Feedback weights ``(units of the layer above, units of the layer)``, such as ``uniform(0.1)``.
    namespace : dict, optional
        Constants of the equations.

    Returns
    -------
    list of Projection
        The feedback projections, top down.
    """
    top = network.layers[-1]
    above = ErrorPopulation(network, f"error_{top.name}", top, error, emit=emit, namespace=namespace)
    projections = []
    for layer in reversed(network.layers[:-1]):
        below = FeedbackPopulation(
            network, f"feedback_{layer.name}", layer, feedback, emit=emit, namespace=namespace
        )
        projections.append(Projection(network, above, below, B))
        above = below
    return projections
