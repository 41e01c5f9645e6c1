"""Feedback weights that learn: from what each unit's noise does to the loss, which feedback predicts that effect.

A perturbed copy of the forward path has noise xi of standard deviation c on the outputs of its hidden layers. In each
stream ``xi_l * (L_noisy - L) / c**2`` is, on average and for small c, the gradient of the loss L with respect to the
layer's output, and ``B -= eta * delta_above.T @ (delta_above @ B - xi_l * (L_noisy - L) / c**2)`` makes the feedback
predict it (Lansdell, Prakash & Kording 2020, Learning to solve the credit assignment problem, ICLR). With `ridge` the
weights are the least-squares solution of all steps so far.

B comes to ``W.T`` of the layer above in shallow non-linear and in deep linear networks (Theorems 1 and 2); if `direct`,
in a linear network, to the product of all ``W.T`` above (the corollary). All of them need that the errors span every
direction: ``e^T e``, summed over the images, has full rank (assumption A3). Below a layer of more units than the output
it has not in a linear network: ``delta`` there lies in a space of as many dimensions as there are outputs. B is then
right along it, so that the feedback is, and arbitrary across it, so that B is not ``W.T``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa._checks import in_range, shown, true_or_false
from spikefa.core.network import Network
from spikefa.errors import ArgumentError
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population, feedback_population
from spikefa.pathways._loss import UnitLoss
from spikefa.pathways.perturbed_copy import change_of, perturbed_copies
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.population import Population
from spikefa.populations.roles import FeedbackPopulation
from spikefa.projections.initializers import Initial
from spikefa.projections.least_squares import LeastSquaresProjection
from spikefa.projections.projection import Projection

#: Of the feedback projections; J is delta_above @ B.
RULE = "dW = -eta * delta_pre * (J_post - wanted_post)"


@pathways.register("node_perturbation_feedback")
def node_perturbation_feedback(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    loss: str,
    noise: float,
    eta: float | None = None,
    ridge: float | None = None,
    direct: bool = False,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    r"""Add the error population, a feedback population for each layer below, and what their weights learn from.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
        As in `feedback_alignment`. For the feedback to become the gradient, ``delta`` should be the derivative of
        the loss with respect to the current, which is J times that of the layer's output. The forward projections may
        be added later; each layer has one to the next.
    B : array, or function of (rng, shape)
        Feedback weights at the start.
    loss : str
        An output unit's part of the loss: an expression of ``target`` and of the last layer's variables, written
        ``layer_NAME``, such as ``"(layer_y - target)**2 / 2"``.
    noise : float
        Standard deviation c of the noise on the outputs of hidden units. With float32, not below 1e-3: a change of the
        loss is rounded to about 1e-7 of the loss.
    eta : float, optional
        Learning rate of the feedback weights, for the update summed over the streams.
    ridge : float, optional
        In the place of `eta`: the feedback weights are the least-squares solution with this ridge, 0.1 in the paper,
        see `LeastSquaresProjection`.
    direct : bool
        Whether each feedback population receives the error itself, and not the feedback population above it.

    Returns
    -------
    list of Projection
        The feedback projections, top down; then those of the copies, bottom up, the one that sums the loss, and those
        that broadcast it.

    Raises
    ------
    ArgumentError
        If the network has no input or no layer, both or none of `eta` and `ridge` are given, or as its parts.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> learned = {"loss": "(layer_y - target)**2 / 2", "noise": 0.1, "eta": 1e-3}
    >>> projections = fa.node_perturbation_feedback(net, **error, **feedback, **learned, B=fa.uniform(0.5))
    """
    if (eta is None) == (ridge is None):
        raise ArgumentError(
            f"Pathway node_perturbation_feedback: takes either eta or ridge, got {shown(eta)} and {shown(ridge)}"
        )
    direct = true_or_false("Pathway node_perturbation_feedback", "direct", direct)
    others: list[Projection] = list(perturbed_copies(network, noise, on="output", noisy_top=False))
    top = error_population(network, error, emit if emit_error is None else emit_error, namespace)
    change = UnitLoss(network, f"change_{top.layer.name}", top.layer.name, "change", change_of(loss), namespace)
    total = Population(network, "loss_change", 1, "J : 1", output="J", current="J", threshold=None, slot="feedback")
    others.append(Projection(network, change, total, np.ones((change.units, 1))))
    if eta is not None:
        rule = Plasticity(RULE, {"eta": in_range("node_perturbation_feedback", "constant 'eta'", eta)})
    above, learned = top, []
    for layer in network.hidden[::-1]:
        # First what the noise tells of the layer, which then is known to its feedback population.
        wanted = FeedbackPopulation(
            network,
            f"wanted_{layer.name}",
            layer,
            "J : 1\nwanted : 1",
            output="wanted",
            emit=f"wanted = J * layer_copy_noise / {float(noise)!r}**2",
        )
        others.append(Projection(network, total, wanted, np.ones((1, layer.units))))
        knows = f"{feedback}\nwanted = layer_wanted : 1"
        population = feedback_population(network, layer, knows, emit, namespace)
        learned.append((top if direct else above, population, wanted))
        above = population
    if ridge is not None:
        projections = [
            LeastSquaresProjection(network, above, below, B, target=wanted, gamma=ridge)
            for above, below, wanted in learned
        ]
    else:
        projections = [
            Projection(network, above, below, B, plasticity=rule, learn_bias=False) for above, below, _ in learned
        ]
    return [*projections, *others]
