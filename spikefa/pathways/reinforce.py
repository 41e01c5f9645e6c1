"""REINFORCE: each unit learns from what its own spike noise does to the loss. No weights carry the error down.

``delta = (L - m) * (s - p)`` for a unit that spikes with probability ``p = 1 / (1 + exp(-v))``. Since ``s - p`` is
``d log P(s) / dv``, delta is on average the gradient of the expected loss with respect to the unit's potential, exactly
(Williams 1992, Machine Learning 8:229). It is node perturbation in which nothing has to be perturbed: the noise is the
unit's own, so that no copy of the network without it is needed.

m is a control variate: the running mean of the loss in the stream, of the steps before this one. It depends on no noise
of the step, so it changes no mean, and it takes away what the loss owes to the image: an image is shown for several
steps, whose noise differs. The noiseless prediction would take a second forward path.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa.core.expression_checks import check_expression
from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population, feedback_population
from spikefa.pathways._loss import surprise
from spikefa.projections.projection import Projection


@pathways.register("reinforce")
def reinforce(
    network: Network,
    *,
    error: str,
    emit_error: str = "delta = tanh(u)",
    loss: str,
    score: str,
    baseline_steps: float = 2.0,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    r"""Let hidden layers learn from their own spike noise and the change of the loss; the last layer knows its error.

    The hidden layers' rule is one without a derivative, ``dW = -eta * delta_post * s_pre``.

    Parameters
    ----------
    network : Network
        Its layers, in the order in which they were added, are the forward path.
    error, emit_error, namespace
        As in `feedback_alignment`: the error population is that of the last layer alone.
    loss : str
        An output unit's part of the loss: an expression of ``target`` and of the last layer's variables, written
        ``layer_NAME``, such as ``"(layer_p - target)**2 / 2"``. With p in the place of the spike, the output units' own
        noise is not in it.
    score : str
        Derivative of the log probability of what a hidden unit did with respect to its current: an expression of
        ``layer_NAME``, such as ``"layer_s - layer_p"``.
    baseline_steps : float
        Time constant of the loss's running mean, in steps; with 1, it is the loss of the step before.

    Returns
    -------
    list of Projection
        The one that sums the loss, and those that broadcast it less its mean, top down.

    Raises
    ------
    ArgumentError
        If the network has no layer, `baseline_steps` is below 1, or as its parts.
    EquationError
        If `loss` or `score` is no expression.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> spiking = {"equations": "I : 1\np = 1 / (1 + exp(-I)) : 1\ns : 1", "emit": "s = int(rand() < p)"}
    >>> hidden, output = (fa.Layer(net, name, units, **spiking) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_s - target"}

    >>> loss = "(layer_p - target)**2 / 2"
    >>> projections = fa.reinforce(net, **error, loss=loss, score="layer_s - layer_p")
    >>> [projection.name for projection in projections]
    ['loss_output_to_loss_surprise', 'loss_surprise_to_feedback_hidden']
    """
    check_expression("Pathway reinforce", "score", score)
    error_population(network, error, emit_error, namespace)
    told, summed = surprise(network, loss, baseline_steps, namespace)
    projections = [summed]
    for layer in network.hidden[::-1]:
        feedback = feedback_population(network, layer, "J : 1\ndelta : 1", f"delta = J * ({score})", namespace)
        projections.append(Projection(network, told, feedback, np.ones((1, layer.units))))
    return projections
