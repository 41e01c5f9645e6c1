"""The rule of the forward weights, transposed: what feedback weights learn by that are to become forward ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from brian2 import Equations

from spikefa._checks import shown
from spikefa.errors import ArgumentError
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.roles import Layer

#: A rule, or a function of the layer that the weights project to.
RuleOf = Plasticity | Callable[[Layer], Plasticity]
_VARIABLE = re.compile(r"\b([A-Za-z_]\w*)_(pre|post)\b")


class TransposedRule:
    """The rule of the weights to one layer, and how feedback populations state it.

    Where a synapse has ``NAME_pre`` of the layer below, its sibling has that layer's NAME of the unit that it projects
    to, and the other way round. The modulator is the feedback populations' own.

    Parameters
    ----------
    owner : str
        Begins messages.
    rule : Plasticity or function of a layer
    layer : Layer
        The layer that the forward weights project to.
    modulator : str
        What the feedback populations send.

    Attributes
    ----------
    below, above : set of str
        Variables of the layer below, and of the layer itself, that the rule needs.
    plasticity : Plasticity
        Of the feedback projection from the layer's feedback population.
    """

    def __init__(self, owner: str, rule: RuleOf, layer: Layer, modulator: str):
        found = rule(layer) if callable(rule) else rule
        if not isinstance(found, Plasticity):
            raise ArgumentError(f"{owner}: rule must be a Plasticity, or a function of a layer, got {shown(found)}")
        names = {match.groups() for match in _VARIABLE.finditer(found.rule)}
        self.below = {name for name, side in names if side == "pre"}
        self.above = {name for name, side in names if side == "post" and name != modulator}
        self.plasticity = replace(found, rule=_VARIABLE.sub(_exchanged, found.rule))


def _exchanged(variable: re.Match) -> str:
    return f"{variable[1]}_{'post' if variable[2] == 'pre' else 'pre'}"


def knowing(equations: str, names: set[str]) -> str:
    """Return a feedback population's equations with variables of its layer, by their own names.

    What is no text is returned as it is, for the population to refuse.
    """
    if not isinstance(equations, str | Equations):
        return equations
    return "\n".join([f"{equations}", *(f"{name} = layer_{name} : 1" for name in sorted(names))])
