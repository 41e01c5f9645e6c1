"""Product feedback alignment: feedback in two stages, of which the lower learns, so that the product becomes W.T.

A population between two feedback populations is ``q = delta_above @ B``, with fixed random B; it sends ``J = q @ R``.
R learns by the forward weights' update, with q in the place of delta: ``dR = -eta * q.T @ s_below - gamma * R``. So R
becomes ``B.T @ W.T``, and ``B @ R`` becomes ``B @ B.T @ W.T``. That is close to ``W.T`` if many units with weights of
variance ``1 / units`` are between (Ji-An & Benna 2024, Deep learning without weight symmetry, arXiv 2405.20594). No
unit sends a synapse back to a unit that sends it one, so that no two weights have to be equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa._checks import positive_int
from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population, feedback_population
from spikefa.pathways._transposed_rule import RuleOf, TransposedRule, knowing
from spikefa.populations.population import Population
from spikefa.projections.initializers import Initial, normal
from spikefa.projections.projection import Projection


@pathways.register("product")
def product_feedback_alignment(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    rule: RuleOf,
    units: int,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    r"""Send the error down in two stages: through fixed random weights, and then through weights that learn.

    Add the error population, a feedback population for each layer below it, and populations between them.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
        As in `feedback_alignment`. ``delta`` is what rules have; for the feedback to become backpropagation's, `emit`
        has the derivative.
    B : array, or function of (rng, shape)
        The learning weights R at the start, ``(units between, units of the layer)``. The fixed ones are normal, of
        variance ``1 / units``.
    rule : Plasticity, or function of a layer
        What the forward weights to each layer learn by, as in `kolen_pollack`; of the layer itself, it has ``delta``
        alone.
    units : int
        Units of each population between; the more, the closer the product is to the transposed weights.

    Returns
    -------
    list of Projection
        The feedback projections, top down, of each pair the fixed one first.

    Raises
    ------
    ArgumentError
        If the network has no layer, `units` is not positive, `rule` is none or needs more of the layer, or as its
        parts.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> learning = {"rule": fa.Plasticity("dW = -0.1 * delta_post * y_pre - 0.01 * W"), "B": fa.uniform(0.5)}
    >>> projections = fa.product_feedback_alignment(net, **error, **feedback, **learning, units=20)
    >>> [projection.shape for projection in projections]
    [(2, 20), (20, 3)]
    """
    positive_int("Pathway product", "units", units, "units")
    above = error_population(network, error, emit if emit_error is None else emit_error, namespace)
    projections = []
    for layer in network.hidden[::-1]:
        transposed = TransposedRule("Pathway product", rule, above.layer, "delta")
        between = Population(
            network,
            f"product_{layer.name}",
            units,
            "J : 1\ndelta : 1",
            emit="delta = J",
            output="delta",
            current="J",
            threshold=None,
            slot="feedback",
        )
        known = knowing(feedback, transposed.below)
        below = feedback_population(network, layer, known, emit, namespace)
        projections.append(Projection(network, above, between, normal(np.sqrt(1 / units))))
        projections.append(Projection(network, between, below, B, plasticity=transposed.plasticity, learn_bias=False))
        above = below
    return projections
