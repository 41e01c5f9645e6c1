"""Random numbers in a population's strings: all follow from the network's seed, wherever the string is given."""

from __future__ import annotations

from collections.abc import Sequence

from brian2.core.functions import Function

from spikefa.core.network import Network
from spikefa.engine.brian2_target.random_functions import counter_normal, counter_random, number_draws


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
