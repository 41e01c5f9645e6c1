"""Kolen-Pollack feedback: feedback weights that learn by the forward weights' own updates, and become their transpose.

``dW = -eta * s_below.T @ delta - gamma * W`` and ``dB = -eta * delta.T @ s_below - gamma * B``: after n steps
``W - B.T`` is ``(1 - gamma)**n`` of what it was, whatever is learned by weights without mask and bounds. No weight is
carried anywhere: both synapses see the same two units (Kolen & Pollack 1994, Backpropagation without weight transport,
ICNN; Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019, Deep learning without weight transport, NeurIPS, arXiv
1904.05391).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

from spikefa.core.network import Network, require_network
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population, feedback_population
from spikefa.pathways._transposed_rule import RuleOf, TransposedRule, knowing
from spikefa.projections.initializers import Initial
from spikefa.projections.projection import Projection


@pathways.register("kolen_pollack")
def kolen_pollack(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    rule: RuleOf,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    r"""Send the error down through weights that learn as the forward weights do.

    Add the error population of the last layer, and a feedback population for each layer below it. Feedback weights are
    from all units to all, without bounds. So they do not become the transpose of forward weights that have a mask,
    bounds or a sign, or that places share (`convolution`).

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
        As in `feedback_alignment`. ``delta`` is what rules have; for the feedback to become backpropagation's, `emit`
        has the derivative.
    B : array, or function of (rng, shape)
        Feedback weights at the start ``(units of the layer above, units of the layer)``.
    rule : Plasticity, or function of a layer
        What the forward weights to each layer learn by, such as
        ``Plasticity("dW = -eta * delta_post * s_pre - gamma * W", {"eta": 1e-3, "gamma": 1e-4})``. The feedback weights
        from a layer learn by the rule of those to it, with its two sides exchanged. Without decay they do not converge.

    Returns
    -------
    list of Projection
        The feedback projections, top down.

    Raises
    ------
    ArgumentError
        If the network has no layer, `rule` is none, or as its parts.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> rule = fa.Plasticity("dW = -0.1 * delta_post * y_pre - 0.01 * W")
    >>> projections = fa.kolen_pollack(net, **error, **feedback, rule=rule, B=fa.uniform(0.5))
    >>> projections[0].learning.plasticity.rule
    'dW = -0.1 * delta_pre * y_post - 0.01 * W'
    """
    rules: dict[str, TransposedRule] = {}
    needs: dict[str, set[str]] = defaultdict(set)
    for below, above in pairwise(require_network("Pathway", network).layers):
        rules[above.name] = found = TransposedRule("Pathway kolen_pollack", rule, above, "delta")
        needs[below.name] |= found.below
        needs[above.name] |= found.above
    error = knowing(error, set().union(*(needs[layer.name] for layer in network.layers[-1:])))
    populations = [error_population(network, error, emit if emit_error is None else emit_error, namespace)]
    for layer in network.hidden[::-1]:
        known = knowing(feedback, needs[layer.name])
        populations.append(feedback_population(network, layer, known, emit, namespace))
    return [
        Projection(network, above, below, B, plasticity=rules[above.layer.name].plasticity, learn_bias=False)
        for above, below in pairwise(populations)
    ]
