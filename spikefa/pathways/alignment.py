"""Feedback alignment: each layer receives the feedback population above it through fixed random weights.

``U_l <- (1-a) U_l + a (phi_delta(U_{l+1}) @ B_l)`` (Lillicrap, Cownden, Tweed & Akerman 2016, Fig. 4).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from brian2 import Quantity

from spikefa._checks import one_of, refuse
from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import chain, forward_name, spiking_options
from spikefa.projections.initializers import Initial
from spikefa.projections.precision import Precision
from spikefa.projections.projection import Projection
from spikefa.projections.reciprocal import ReciprocalProjection


@pathways.register("alignment")
def feedback_alignment(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    connectivity: Literal["all", "forward"] = "all",
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
    r"""Send the error down from layer to layer through fixed random weights.

    Add the error population of the last layer, and a feedback population for each layer below it.

    Parameters
    ----------
    network : Network
        Its layers, in the order in which they were added, are the forward path.
    error : str
        Equations of the error population, with the parameter ``target`` and the layer's ``layer_s``.
    feedback : str
        Equations of the feedback populations, with the current ``J``.
    emit : str
        Statement that makes ``delta`` of ``u``, for all of them. In a rate network ``delta = J``, if the rule has the
        derivative; ``delta = J * layer_psi`` sends it down to the next layer, too, as Nokland (2016) does.
    emit_error : str, optional
        Statement of the error population, such as ``delta = layer_y - target``; `emit` by default.
    B : array, or function of (rng, shape)
        Feedback weights ``(units of the layer above, units of the layer)``, such as ``uniform(0.1)``.
    connectivity : {"all", "forward"}
        Where feedback goes: from all units to all; or back along the synapses of the forward projections, by a
        `ReciprocalProjection` each, which says the shape of B. Through a convolution it is a transposed one of random
        weights, through a pooling it goes to the winners.
    feedback_precision : {"float32", "bfloat16", "int8"}, optional
        Number format of the feedback products, see `Projection`; the network's float type by default. Only with
        feedback to all.
    namespace : dict, optional
        Constants of the equations.
    delay : Quantity, optional
        Of every feedback projection, see `Projection`: one time, or one a unit of the layer above where all have as
        many.
    receive, threshold, reset, refractory
        Of all these populations, see `Population`, where feedback is sent by spikes. With a threshold and ``emit=""``
        a spike is ``delta = 1``; `emit` may make signed ones, as ``int(u > theta) - int(u < -theta)`` does.
    output : str
        The variable that is sent, such as spikes.
    modulator : str, optional
        The variable that layers and their rules know, such as a graded ``delta``; `output` by default.

    Returns
    -------
    list of Projection
        The feedback projections, top down.

    Raises
    ------
    ArgumentError
        If an argument is none of those, or as its parts.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.feedback_alignment(net, **error, **feedback, B=fa.uniform(0.5))
    >>> [population.name for population in net.feedback]
    ['error_output', 'feedback_hidden']
    """
    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    one_of("feedback_alignment", "connectivity", connectivity, ("all", "forward"))
    if connectivity == "forward" and feedback_precision is not None:
        refuse("feedback_alignment", "feedback_precision", "be None with connectivity='forward'", feedback_precision)
    populations = chain(network, error, feedback, emit, emit_error, namespace, **spiking)
    if connectivity == "all":
        options = {"delay": delay, "precision": feedback_precision}
        return [Projection(network, above, below, B, **options) for above, below in pairwise(populations)]
    return [
        ReciprocalProjection(network, above, below, forward_name(network, below.layer), B, delay=delay)
        for above, below in pairwise(populations)
    ]
