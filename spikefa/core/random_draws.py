"""Random numbers in a population's strings: all follow from the network's seed, wherever the string is given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from brian2.core.functions import Function
from brian2.groups.neurongroup import StateUpdater

from spikefa.core.network import Network
from spikefa.engine.brian2_target.random_functions import counter_normal, counter_random, number_draws

#: How Brian2's integration methods draw the noise ``xi`` of a step.
_NOISE = r"^({name} = dt\*\*\.5 \* )randn\(\)$"


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

    def number(self, texts: Sequence[str]) -> tuple[list[str], dict[str, Function]]:
        """Write ``rand()`` and ``randn()`` as the next functions; return texts and functions."""
        texts, draws = number_draws(texts, self._count)
        return texts, {name: self._function(kind, draw) for name, kind, draw in draws}

    def _function(self, kind: str, draw: int) -> Function:
        self._count = draw + 1
        make = counter_random if kind == "uniform" else counter_normal
        net = self._network
        return make(net.key, self._of, draw, net.clock, net.dtype)


class SeededStateUpdater(StateUpdater):
    """Brian2's integration, with noise of a population's own draws in the place of its generator's.

    `noise` has for each noise of the equations, such as ``xi``, the draw that gives it, such as ``randn_1()``.
    """

    noise: dict[str, str]

    def update_abstract_code(self, run_namespace: dict) -> None:
        """Write the code of a step; called by Brian2 before a run."""
        super().update_abstract_code(run_namespace)
        for name, draw in self.noise.items():
            code, found = re.subn(_NOISE.format(name=name), rf"\g<1>{draw}", self.abstract_code, flags=re.M)
            if found != 1:
                raise NotImplementedError(f"{self.name}: no draw of the noise {name!r} in Brian2's code")
            self.abstract_code = code
