"""Variables of populations and of their parts: what is set by a string draws random numbers of the network's seed."""

from __future__ import annotations

from typing import Any

from brian2.core.variables import VariableView
from brian2.groups.group import Group
from brian2.groups.subgroup import Subgroup

from spikefa.populations.values import refuse_values_by_stream, require_numbers


class SeededView(VariableView):
    """A variable of a population or of some of its neurons, to be indexed and set, also by strings."""

    def set_item(self, item: Any, value: Any, level: int = 0, namespace: dict | None = None) -> None:
        """Set values at an index; strings such as ``"rand()"`` may stand for both."""
        population = getattr(self.group, "source", self.group)
        require_numbers(population, self.name, value)
        refuse_values_by_stream(population, self.name, value, item)
        item, value = self._numbered(item), self._numbered(value)
        super().set_item(item, value, level=level + 1, namespace=namespace)

    def get_item(self, item: Any, level: int = 0, namespace: dict | None = None) -> Any:
        """Return values at an index, which may be a string such as ``"rand() < 0.5"``."""
        return super().get_item(self._numbered(item), level=level + 1, namespace=namespace)

    def _numbered(self, text: Any) -> Any:
        population = getattr(self.group, "source", self.group)
        return population.numbered(text) if isinstance(text, str) else text


class PopulationPart(Subgroup):
    """Some neurons of a population, as `Subgroup`."""

    def state(self, name: str, use_units: bool = True, level: int = 0) -> VariableView:
        """Return a variable, to be indexed and set."""
        return seeded(super().state(name, use_units, level), self)

    def __setattr__(self, name: str, value: Any, level: int = 0) -> None:
        """Set a variable, as in ``layer[:4].v = "rand()"``."""
        if name in getattr(self, "variables", ()):
            require_numbers(self.source, name, value)
            if isinstance(value, str):
                refuse_values_by_stream(self.source, name, value)
                value = self.source.numbered(value)
        super().__setattr__(name, value, level + 1)

    def __getitem__(self, item: Any) -> PopulationPart:
        """Return some of these neurons."""
        return part(super().__getitem__(item))


def seeded(view: VariableView, group: Group) -> VariableView:
    """Let a view of a group's variable draw random numbers of the network's seed; what is no array stays as it is."""
    if type(view) is VariableView:
        view.__class__ = SeededView
        view.group = group  # Brian2's reference is weak, and ``layer[:4]`` is only there for the length of a statement
    return view


def part(subgroup: Subgroup) -> PopulationPart:
    """Let a subgroup of a population draw random numbers of the network's seed."""
    subgroup.__class__ = PopulationPart
    return subgroup
