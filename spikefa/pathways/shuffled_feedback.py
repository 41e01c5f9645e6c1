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
    r"""Send the error down through weights that are in a new order in every step, a control.

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

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.shuffled_feedback(net, **error, **feedback, B=fa.uniform(0.5))
    >>> [population.name for population in net.feedback]
    ['error_output', 'feedback_hidden']
    """
    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    populations = chain(network, error, feedback, emit, emit_error, namespace, **spiking)
    return [ShuffledProjection(network, above, below, B, delay=delay) for above, below in pairwise(populations)]
