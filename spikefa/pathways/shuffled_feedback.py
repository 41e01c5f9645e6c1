"""Feedback alignment with nothing to align to: the feedback weights are reshuffled in every step. A control.

``J = delta_above @ B[:, order]`` with a new random order of B's columns in each step.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from brian2 import Quantity

from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import chain, spiking_options
from spikefa.projections.derived import ShuffledProjection
from spikefa.projections.initializers import Initial


@pathways.register("shuffled_feedback")
def shuffled_feedback(
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
) -> list[ShuffledProjection]:
    """Send the error down through weights that are in a new order in every step, a control.

    Add the error population of the last layer, and a feedback population for each layer below it.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, B, namespace
    delay, receive, threshold, reset, refractory, output, modulator
        As in `feedback_alignment`.

    Returns
    -------
    list of ShuffledProjection
        The feedback projections, top down.
    """
    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    populations = chain(network, error, feedback, emit, emit_error, namespace, **spiking)
    return [ShuffledProjection(network, above, below, B, delay=delay) for above, below in pairwise(populations)]
