"""Slices: neighbouring units of a population, as the presynaptic side of a projection."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa.errors import ArgumentError
from spikefa.populations.population import Population


class UnitSlice:
    """Units `start` to `stop` of a population; all else is the population's.

    Parameters
    ----------
    population : Population
    start, stop : int
    """

    def __init__(self, population: Population, start: int, stop: int):
        self.population, self.start, self.stop = population, start, stop
        self.name, self.units = f"{population.name}_{start}_{stop}", stop - start

    @classmethod
    def of_neurons(cls, owner: str, population: Population, start: int, stop: int) -> UnitSlice:
        """Return the units of some neurons of a population, where unit ``i`` of stream ``k`` is ``i * streams + k``.

        Raises
        ------
        ArgumentError
            If a unit's neurons are not all among them.
        """
        streams = population.streams
        if start % streams or stop % streams:
            raise ArgumentError(
                f"{owner}: neurons of {population.name!r} must be those of whole units, of {streams} streams each, as "
                f"in [3 * {streams} : 9 * {streams}], got [{start}:{stop}]"
            )
        return cls(population, start // streams, stop // streams)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.population, name)

    def __repr__(self) -> str:
        return f"<{self.population!r}, units {self.start} to {self.stop}>"

    def view(self, variable: str) -> np.ndarray:
        """Return a state variable as an array ``(units, streams)`` that shares its memory."""
        return self.population.view(variable)[self.start : self.stop]

    def array(self, variable: str) -> np.ndarray:
        """Return a state variable, flat, shape ``(units * streams,)``; it shares its memory."""
        return self.view(variable).reshape(-1)

    def add_array(self, name: str) -> np.ndarray:
        """Add a variable to the population; return it as ``(units, streams)``."""
        self.population.add_array(name)
        return self.view(name)
