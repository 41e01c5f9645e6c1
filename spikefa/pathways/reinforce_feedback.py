"""Feedback weights that learn from each unit's own spike noise: they come to predict what it does to the loss.

A unit that spikes with probability p, ``psi = dp/dv``, has the noise ``xi = s - p``, and ``(L - m) * xi`` is on average
``psi`` times the gradient of the loss L with respect to its output (see `spikefa.pathways.reinforce`, also for the mean
m). So ``B -= eta * delta_above.T @ (delta_above @ B * psi - (L - m) * xi)`` makes the feedback ``J = delta_above @ B``
that gradient: `node_perturbation_feedback` with the unit's own noise and no perturbed copy (Lansdell, Prakash & Kording
2020, Learning to solve the credit assignment problem, ICLR). It is the least-squares fit of J to ``(L - m) * xi / psi``
with the weights psi, which are the inverse of that target's variance: units that hardly ever spike count little.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from spikefa._checks import in_range
from spikefa.core.expression_checks import check_expression
from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population, feedback_population
from spikefa.pathways._loss import surprise
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.roles import FeedbackPopulation
from spikefa.projections.initializers import Initial
from spikefa.projections.projection import Projection

#: Of the feedback projections.
RULE = "dW = -eta * delta_pre * (predicted_post - wanted_post)"


@pathways.register("reinforce_feedback")
def reinforce_feedback(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    loss: str,
    score: str,
    derivative: str,
    eta: float,
    baseline_steps: float = 2.0,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    r"""Send the error down through weights that learn from the units' own spike noise.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
        As in `feedback_alignment`. For the feedback to become the gradient, ``delta`` should be the derivative of
        the loss with respect to the current, which is J times that of the layer's output.
    B : array, or function of (rng, shape)
        Feedback weights at the start.
    loss, score, baseline_steps
        As in `reinforce`.
    derivative : str
        Derivative of a hidden unit's mean output with respect to its current, such as ``"layer_psi"``.
    eta : float
        Learning rate of the feedback weights, for the update summed over the streams.

    Returns
    -------
    list of Projection
        The feedback projections, top down; then the one that sums the loss, and those that broadcast it less its mean.

    Raises
    ------
    ArgumentError
        If the network has no layer, `baseline_steps` is below 1, or as its parts.
    EquationError
        If `loss`, `score` or `derivative` is no expression.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> equations = "I : 1\np = 1 / (1 + exp(-I)) : 1\npsi = p * (1 - p) : 1\ns : 1"
    >>> spiking = {"equations": equations, "emit": "s = int(rand() < p)"}
    >>> hidden, output = (fa.Layer(net, name, units, **spiking) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_s - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J * layer_psi"}
    >>> noise = {"loss": "(layer_p - target)**2 / 2", "score": "layer_s - layer_p", "derivative": "layer_psi"}
    >>> projections = fa.reinforce_feedback(net, **error, **feedback, **noise, B=fa.uniform(0.5), eta=1e-3)
    >>> projections[0].name
    'error_output_to_feedback_hidden'
    """
    for name, expression in (("score", score), ("derivative", derivative)):
        check_expression("Pathway reinforce_feedback", name, expression)
    top = error_population(network, error, emit if emit_error is None else emit_error, namespace)
    told, summed = surprise(network, loss, baseline_steps, namespace)
    populations, others = [top], [summed]
    for layer in network.hidden[::-1]:
        # First what the noise tells of the layer, which then is known to its feedback population.
        wanted = FeedbackPopulation(
            network,
            f"wanted_{layer.name}",
            layer,
            "J : 1\nwanted : 1",
            output="wanted",
            emit=f"wanted = J * ({score})",
            namespace=namespace,
        )
        others.append(Projection(network, told, wanted, np.ones((1, layer.units))))
        knows = f"{feedback}\npredicted = J * ({derivative}) : 1\nwanted = layer_wanted : 1"
        populations.append(feedback_population(network, layer, knows, emit, namespace))
    rule = Plasticity(RULE, {"eta": in_range("Pathway reinforce_feedback", "eta", eta)})
    learns = {"plasticity": rule, "learn_bias": False}
    return [*(Projection(network, above, below, B, **learns) for above, below in pairwise(populations)), *others]
