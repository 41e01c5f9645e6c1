"""Feedback alignment with nothing to align to: the feedback weights are reshuffled in every step. A control.

``J = delta_above @ B[:, order]`` with a new random order of B's columns in each step.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ..network import Network
from ..projections import Initial
from ..shared import ReshuffledProjection
from .populations import chain


def reshuffled_alignment(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    namespace: dict[str, Any] | None = None,
) -> list[ReshuffledProjection]:
    """Add the error population of the last layer, and a feedback population for each layer below it.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, B, namespace
        As in `feedback_alignment`.

    Returns
    -------
    list of ReshuffledProjection
        The feedback projections, top down.
    """
    populations = chain(network, error, feedback, emit, emit_error, namespace)
    return [ReshuffledProjection(network, above, below, B) for above, below in pairwise(populations)]
