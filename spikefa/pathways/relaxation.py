"""Activation relaxation: slow feedback populations relax to the gradient that backpropagation would compute at once.

``J_l <- J_l + step * (delta_{l+1} @ W_{l+1}.T - J_l)``, ``delta_l = J_l * f'`` where `emit` has the derivative: the
fixed point is backpropagation's (Millidge, Tschantz, Seth & Buckley 2020, arXiv 2009.05359). With branches and skips a
layer follows the sum over the layers that it projects to. Nothing waits for the fixed point: what is sent is what the
feedback has come to. ``J_l`` descends the energy ``|J_l - delta_{l+1} @ W_{l+1}.T|^2 / 2`` with the layer above held;
no energy of the whole network falls, since no layer acts on the one above it.
"""

from __future__ import annotations

import re
from typing import Any

from spikefa._checks import in_range
from spikefa.core.expression_checks import check_equations
from spikefa.core.network import Network
from spikefa.errors import ArgumentError
from spikefa.pathways import pathways
from spikefa.pathways._chain import Connections, error_population, feedback_pairs, feedback_population
from spikefa.projections.derived import TiedProjection

_J = re.compile(r"(?m)^\s*J\s*:\s*([^#(\n]+).*$")


@pathways.register("relaxation")
def relaxation(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    step: float,
    namespace: dict[str, Any] | None = None,
    connections: Connections | None = None,
) -> list[TiedProjection]:
    r"""Send the error down through the transposed forward weights, to feedback populations that follow it slowly.

    Add the error population, which is as fast as in `backprop`, and a feedback population for each layer below.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace, connections
        As in `backprop`. The parameter ``J`` of `feedback` becomes a variable that follows what is received.
    step : float
        How far J goes in a step, above 0; with 1, all the way, and the pathway is `backprop`.

    Returns
    -------
    list of TiedProjection
        The feedback projections, top down.

    Raises
    ------
    ArgumentError
        If the network has no layer, `step` is not in (0, 1], `feedback` has no parameter ``J``, or a connection does
        not lead from a layer to a later one.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.relaxation(net, **error, **feedback, step=0.1)
    >>> net["feedback_hidden"].equations["J"].type
    'differential equation'
    """
    step = in_range("Pathway relaxation", "step", step, 0, 1, open_low=True)
    populations = [error_population(network, error, emit if emit_error is None else emit_error, namespace)]
    for layer in network.hidden[::-1]:
        name = f"feedback_{layer.name}"
        if "J" not in check_equations(f"FeedbackPopulation {name!r}", feedback).parameter_names:
            raise ArgumentError(
                f"Pathway relaxation: the equations of {name!r} must have the parameter 'J', which is to relax"
            )
        slow = _J.sub(r"dJ/dt = (received - J) / tau_relaxation : \1\nreceived : \1", feedback)
        constants = {**(namespace or {}), "tau_relaxation": network.clock.dt / step}
        populations.append(feedback_population(network, layer, slow, emit, constants, current="received"))
    return [
        TiedProjection(network, above, below, name, transpose=True)
        for above, below, name in feedback_pairs(network, populations, connections)
    ]
