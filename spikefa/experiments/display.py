"""A network of one stream that shows what a network of many has learned."""

from __future__ import annotations

from collections.abc import Callable

from brian2.core.variables import ArrayVariable

from spikefa.core.changes import stock_groups
from spikefa.core.network import Network
from spikefa.core.sandbox import sandboxed
from spikefa.engine.brian2_internals import EVENTS
from spikefa.populations.population import Population


class Display:
    """Stands in for a network whose activity is recorded, which keeps one stream of many.

    Parameters
    ----------
    build : function () -> Network, optional
        Builds the network anew, with one stream; it is called once, when first needed. Without it the network itself is
        recorded.
    """

    def __init__(self, build: Callable[[], Network] | None):
        self._build, self._network = build, None

    def of(self, network: Network) -> Network:
        """Return a network with the weights of `network` and the parameters of its stream 0.

        It is `network` itself if that has one stream, or groups of Brian2's own.
        """
        if self._build is None or network.streams == 1 or any(stock_groups(network.objects)):
            return network
        if self._network is None:
            self._network = self._build()
        shown = self._network
        with sandboxed(network, "recording"):  # as a recording of it would begin
            for own, population in zip(shown.populations, network.populations, strict=True):
                _take(own, population)
        shown.save_initial_state()
        for own, projection in zip(shown.projections, network.projections, strict=True):
            if projection.state_arrays():
                own.W, own.b = projection.W, projection.b
        shown.step = network.step
        return shown


def _take(own: Population, population: Population) -> None:
    """Take the arrays of stream 0, constants too."""
    for name, variable in population.variables.items():
        mine = isinstance(variable, ArrayVariable) and getattr(variable.owner, "name", None) == population.name
        if mine and not variable.read_only and name != EVENTS:
            values = variable.get_value()
            if values.size == population.units * population.streams:
                values = values.reshape(population.units, population.streams)[:, 0]
            own.variables[name].get_value()[...] = values
