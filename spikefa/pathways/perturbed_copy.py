"""Copies: a second copy of a layer, with or without noise, by which a network learns what its noise does."""

from __future__ import annotations

import re
from typing import Any

from brian2 import Equations

from spikefa._checks import in_range, one_of
from spikefa.core.expression_checks import check_expression
from spikefa.core.network import Network, require_network
from spikefa.core.part import MARK
from spikefa.core.statements import assigned
from spikefa.errors import ArgumentError
from spikefa.populations.arguments import owner_of, population_of
from spikefa.populations.population import Population
from spikefa.populations.roles import Layer
from spikefa.populations.softmax import Softmax
from spikefa.projections.derived import TiedProjection


def stated_parameters(layer: Layer) -> list[str]:
    """Return the names of a layer's parameters: what neither its statements nor projections to it assign."""
    statement = layer.statement
    written = assigned(*(statement[name] for name in ("emit", "receive", "reset")))
    written |= {layer.output_variable, layer.current_variable}
    written |= {part.result for part in layer.contained_objects if isinstance(part, Softmax)}
    return sorted(Equations(statement["equations"]).parameter_names - written)


class LayerCopy(Population):
    """A second copy of a layer, that draws the same random numbers and has the same parameters.

    Parameters are those that no statement of the layer assigns, and its softmax if it has one already: what is set on
    the layer counts for both. The layer, and what refers to it, may use the copy's variables as ``copy_NAME``.

    Parameters
    ----------
    network : Network
    name : str
    layer : Layer or str
    """

    def __init__(self, network: Network, name: str, layer: Layer | str, **changes: Any):
        layer = population_of(owner_of(type(self), network, name), network, "layer", layer)
        statement = {**layer.statement, "name": name, "slot": "feedback", "random_numbers_of": layer.name, **changes}
        names, shared = Equations(statement["equations"]).names, stated_parameters(layer)
        for parameter in shared:
            statement["equations"] = re.sub(rf"(?m)^\s*{parameter}\s*:.*$", "", statement["equations"])
        initial = statement["initial"] or {}
        statement["initial"] = {name: value for name, value in initial.items() if name not in shared}
        super().__init__(network, **statement)
        for parameter in shared:
            self.variables.add_reference(parameter, layer)
        for variable in names:
            layer.variables.add_reference(f"copy_{variable}", self, variable)
        for part in [part for part in layer.contained_objects if isinstance(part, Softmax)]:
            Softmax(network, self, part.potential, part.result, part.groups)
        self.statement = {"name": name, "layer": layer.name}

    def begin_run(self) -> None:
        """Refuse a network in which the layer receives what the copy does not.

        Raises
        ------
        ArgumentError
            If a projection to the layer has a delay or another port than the layer's current, or none to the copy is
            tied to it.
        """
        layer = self.network[self.statement["layer"]]
        tied = {p.source.name for p in self.network.projections if p.post is self and isinstance(p, TiedProjection)}
        for projection in self.network.projections:
            differs = projection.delay_steps is not None or projection.into != self.current_variable
            if projection.post is layer and differs:
                raise ArgumentError(
                    f"{type(self).__name__} {self.name!r}: projections to {layer.name!r} must have no delay and go "
                    f"into {self.current_variable!r}, as those to its copy do, got {projection.title}"
                )
            if projection.post is layer and projection.name not in tied:
                raise ArgumentError(
                    f"{type(self).__name__} {self.name!r}: projections to {layer.name!r} must have a TiedProjection to "
                    f"its copy, got {projection.title} without one"
                )


class PerturbedCopy(LayerCopy):
    r"""A copy with ``noise`` on its current or its output, drawn anew for each unit and stream in every step.

    Parameters
    ----------
    network : Network
    name : str
    layer : Layer or str
    noise : float
        Standard deviation of the noise.
    on : {"current", "output"}
        What the noise is added to.

    Raises
    ------
    ArgumentError
        If the noise is not positive, or `on` is something else.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> copy = fa.PerturbedCopy(net, "noisy", output, noise=0.1)
    >>> forward = fa.Projection(net, image, output, fa.uniform(0.5))
    >>> tied = fa.TiedProjection(net, image, copy, forward, bias=True)
    """

    def __init__(self, network: Network, name: str, layer: Layer | str, noise: float, on: str = "current"):
        owner = owner_of(type(self), network, name)
        layer = population_of(owner, network, "layer", layer)
        in_range(owner, "noise", noise, 0, open_low=True, rule="be a positive number")
        one_of(owner, "on", on, ("current", "output"))
        changes = {"equations": f"{layer.statement['equations']}\nnoise : 1"}
        variable = layer.current_variable if on == "current" else layer.output_variable
        add = f"noise = {float(noise)!r} * randn()\n{variable} = {variable} + noise"
        if on == "current":
            changes["receive"] = f"{layer.statement['receive']}\n{add}"
        super().__init__(network, name, layer, **changes)
        if on == "output":  # when all that writes it has
            self.run_regularly(add, when=self.slot, order=self.place + MARK + 0.5, name=f"{name}_noise")
        self.statement |= {"noise": noise, "on": on}


def perturbed_copies(network: Network, noise: float, on: str, noisy_top: bool) -> list[TiedProjection]:
    """Add a perturbed copy of every layer, the last one's without noise unless `noisy_top`, and their projections.

    Returns
    -------
    list of TiedProjection
        Those from copy to copy, which share the forward weights and biases, bottom up.

    Raises
    ------
    ArgumentError
        If the network has no input, or as `PerturbedCopy`.
    """
    require_network("Pathway", network)
    if network.input is None:
        raise ArgumentError("Pathway: the network has no Input population yet; add it first")
    below, noisy_below = network.input, network.input
    projections: list[TiedProjection] = []
    for layer in network.layers:
        name = f"noisy_{layer.name}"
        quiet = layer is network.layers[-1] and not noisy_top
        copy = LayerCopy(network, name, layer) if quiet else PerturbedCopy(network, name, layer, noise, on)
        source = f"{below.name}_to_{layer.name}"
        projections.append(TiedProjection(network, noisy_below, copy, source, bias=True))
        below, noisy_below = layer, copy
    return projections


def change_of(loss: str) -> str:
    """Return an expression of a layer's variables, ``layer_NAME``, in the copy, less its value in the layer."""
    check_expression("Pathway", "loss", loss)
    noisy = re.sub(r"\blayer_(?=\w)", "layer_copy_", loss)
    return f"({noisy}) - ({loss})"
