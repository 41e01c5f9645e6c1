"""The loss that pathways by noise broadcast: the sum over the output units, less its running mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa._checks import in_range
from spikefa.core.expression_checks import check_expression
from spikefa.core.network import Network
from spikefa.populations.population import Population
from spikefa.populations.roles import FeedbackPopulation
from spikefa.projections.projection import Projection

# In `receive`, before the mean knows the step's loss: it depends on no noise of the step. In the network's first step
# it is the loss.
SURPRISE = """
m = m + int(t_in_timesteps == 0) * (J - m)
surprise = J - m
"""


class UnitLoss(FeedbackPopulation):
    """An expression of each output unit's variables and of its target, such as its part of the loss.

    Parameters
    ----------
    network : Network
        With its error population.
    name : str
    layer : Layer or str
    variable : str
        What it is called, and sent as.
    expression : str
        Of ``target`` and of the layer's variables, written ``layer_NAME``.
    namespace : dict or None
        Constants of the expression.
    """

    def __init__(
        self, network: Network, name: str, layer: str, variable: str, expression: str, namespace: dict[str, Any] | None
    ):
        emit = f"{variable} = {expression}"
        super().__init__(network, name, layer, f"{variable} : 1", emit=emit, output=variable, namespace=namespace)
        self.variables.add_reference("target", network.error, "target")
        self.statement = {
            "name": name,
            "layer": layer,
            "variable": variable,
            "expression": expression,
            "namespace": namespace,
        }


def surprise(
    network: Network, loss: str, baseline_steps: float, namespace: dict[str, Any] | None
) -> tuple[Population, Projection]:
    """Add the loss, summed over the output units, less its running mean in each stream: one unit.

    Parameters
    ----------
    network : Network
        With its error population.
    loss : str
        An output unit's part of the loss.
    baseline_steps : float
        Time constant of the mean, in steps; with 1, it is the loss of the step before.
    namespace : dict or None
        Constants of the loss.

    Raises
    ------
    ArgumentError
        If `loss` is no text, or `baseline_steps` is below 1.
    EquationError
        If `loss` is no expression.
    """
    check_expression("Pathway", "loss", loss)
    steps = in_range("Pathway", "baseline_steps", baseline_steps, 1)
    top = network.error.layer.name
    parts = UnitLoss(network, f"loss_{top}", top, "loss", loss, namespace)
    total = Population(
        network,
        "loss_surprise",
        1,
        "dm/dt = (J - m) / tau_baseline : 1\nJ : 1\nsurprise : 1",
        receive=SURPRISE,
        output="surprise",
        current="J",
        threshold=None,
        slot="feedback",
        namespace={"tau_baseline": network.clock.dt * steps},
    )
    return total, Projection(network, parts, total, np.ones((parts.units, 1)))
