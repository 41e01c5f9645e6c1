"""Random numbers in a population's strings: all follow from the network's seed, wherever the string is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from brian2 import BrianObject, Clock, NeuronGroup, Synapses
from brian2.core.functions import Function
from brian2.groups.group import CodeRunner
from brian2.synapses.synapses import SynapticPathway
from brian2.utils.stringtools import get_identifiers

from spikefa.core.network import Network
from spikefa.engine.brian2_target.counts import COUNTS, draws_from_elsewhere
from spikefa.engine.brian2_target.random_functions import counter_normal, counter_random, number_draws
from spikefa.errors import EquationError


class Draws:
    """The draws of one population: each has a number, and a function that gives its random numbers.

    Parameters
    ----------
    network : Network
        Gives the seed, the step and the float type.
    of : str
        The name that makes the numbers the population's own.
    """

    def __init__(self, network: Network, of: str):
        self._network, self._of, self._count = network, of, 0

    def number(
        self, texts: Sequence[str], namespace: Mapping[str, Any] = {}, clock: Clock | None = None
    ) -> tuple[list[str], dict[str, Function]]:
        """Write ``rand()``, ``randn()``, ``poisson(mean)`` and ``binomial(n, p)`` as the next functions.

        Parameters
        ----------
        texts : sequence of str
        namespace : mapping
            What names in the texts mean, where it is something else.
        clock : Clock, optional
            The clock whose steps each have their own numbers; the network's by default.

        Returns
        -------
        texts : list of str
        functions : dict
            What the new names in the texts mean.
        """
        texts, draws = number_draws(texts, self._count, namespace)
        self._count += len(draws)
        functions = {name: self._function(kind, draw, clock) for name, kind, draw in draws}
        return texts, functions | {name: function for name, function in COUNTS.values()}

    def _function(self, kind: str, draw: int, clock: Clock | None) -> Function:
        net = self._network
        make = counter_normal if kind == "normal" else counter_random
        dtype = np.float64 if kind == "fine" else net.dtype
        return make(net.key, self._of, draw, clock or net.clock, dtype)


def refuse_unseeded(owner: str, texts: Sequence[str], namespace: Mapping[str, Any]) -> None:
    """Refuse functions of a namespace that draw random numbers which do not follow from the network's seed.

    Raises
    ------
    EquationError
        Naming the first.
    """
    names = set().union(*map(get_identifiers, texts))
    for name in sorted(names & set(namespace)):
        if draws_from_elsewhere(namespace[name]):
            raise EquationError(
                f"{owner}: {name!r} draws random numbers that do not follow from the network's seed; write rand(), "
                f"randn(), poisson(mean) or binomial(n, p)"
            )


#: Functions of Brian2 that draw from its own generator.
_DRAWS = {"rand", "randn", "poisson"}


def unseeded_draws(obj: BrianObject | str) -> set[str]:
    """Return which functions, or noises, that draw numbers of Brian2's own generator an object's code names.

    Parameters
    ----------
    obj : BrianObject or str
        An object of Brian2's own, without those that it contains; or an expression.
    """
    texts, noises = [obj] if isinstance(obj, str) else [], set()
    if isinstance(obj, NeuronGroup | Synapses):
        noises = set(obj.equations.stochastic_variables)
        texts = [*map(str, obj.equations.identifiers)]
    if isinstance(obj, NeuronGroup):
        texts += [*obj.event_codes.values(), *map(str, obj.events.values())]
    if isinstance(obj, SynapticPathway):
        texts.append(obj.code)
    elif isinstance(obj, CodeRunner):
        texts.append(obj.abstract_code or "")
    return noises | (set().union(*map(get_identifiers, texts)) & _DRAWS)
