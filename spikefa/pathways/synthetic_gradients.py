"""Feedback weights that learn from the gradient: linear synthetic gradients of the error of the layer above.

The error ``delta`` goes down through weights B, from layer to layer or from the output to each. They learn to predict
the true gradient g of the loss by the layer's output, ``B -= eta * delta_above.T @ (delta_above @ B - g)``.
Beside it, g goes down through the transposed forward weights (SG in Lansdell, Prakash & Kording 2020, Learning to solve
the credit assignment problem, ICLR, arXiv 1906.00889). It says how well `node_perturbation_feedback` would do if its
noise told the gradient exactly.
"""

from __future__ import annotations

from typing import Any

from spikefa._checks import in_range, true_or_false
from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population, feedback_population
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.roles import FeedbackPopulation
from spikefa.projections.derived import TiedProjection
from spikefa.projections.initializers import Initial
from spikefa.projections.projection import Projection

#: Of the feedback projections; J is delta_above @ B.
RULE = "dW = -eta * delta_pre * (J_post - wanted_post)"


@pathways.register("synthetic_gradients")
def synthetic_gradients(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    eta: float,
    direct: bool = False,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    r"""Add the error population, and two populations for each layer below: one for the gradient, one for the feedback.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
        As in `feedback_alignment`. For g to be the gradient, ``delta`` must be the derivative of the loss with respect
        to the current, which is J times that of the layer's output. The forward projections may be added later; each
        layer has one to the next.
    B : array, or function of (rng, shape)
        Feedback weights at the start.
    eta : float
        Learning rate of the feedback weights, for the update summed over the streams.
    direct : bool
        Whether the output's error goes to each layer directly.

    Returns
    -------
    list of Projection
        The feedback projections, top down; then those that carry the gradient, top down.

    Raises
    ------
    ArgumentError
        If the network has no layer, or as its parts.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.synthetic_gradients(net, **error, **feedback, B=fa.uniform(0.5), eta=1e-3)
    >>> [population.name for population in net.feedback]
    ['error_output', 'gradient_hidden', 'feedback_hidden']
    """
    rule = Plasticity(RULE, {"eta": in_range("Pathway synthetic_gradients", "eta", eta)})
    direct = true_or_false("Pathway synthetic_gradients", "direct", direct)
    top = error_population(network, error, emit if emit_error is None else emit_error, namespace)
    gradient_above = above = top
    learned, carried = [], []
    for layer in network.hidden[::-1]:
        # First the gradient, which the layer knows as `wanted`, and from it its feedback population.
        gradient = FeedbackPopulation(
            network,
            f"gradient_{layer.name}",
            layer,
            f"{feedback}\nwanted = J : 1",
            emit=emit,
            modulator="wanted",
            namespace=namespace,
        )
        knows = f"{feedback}\nwanted = layer_wanted : 1"
        below = feedback_population(network, layer, knows, emit, namespace)
        carried.append((gradient_above, gradient, f"{layer.name}_to_{above.layer.name}"))
        learned.append((top if direct else above, below))
        gradient_above, above = gradient, below
    return [
        *(Projection(network, *pair, B, plasticity=rule, learn_bias=False) for pair in learned),
        *(TiedProjection(network, *pair, name, transpose=True) for *pair, name in carried),
    ]
