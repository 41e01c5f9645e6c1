"""Registries: kinds by name. A kind is one file of a package, or an entry point of another distribution."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from spikefa.errors import ArgumentError, did_you_mean

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Kinds of one sort by name, such as the pathways.

    The first look at it imports every public module of `package`, each of which registers its own kinds, so that a
    new file there is a new kind. Installed distributions add kinds by entry points of the group `package`.

    Parameters
    ----------
    kind : str
        What one of them is, for messages: ``"pathway"``.
    package : str
        Dotted name of the package whose modules register, and of the group of entry points.
    """

    def __init__(self, kind: str, package: str):
        self.kind, self.package = kind, package
        self._kinds: dict[str, T] = {}
        self._foreign: dict[str, Callable[[], T]] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers what it is given under a name.

        Raises
        ------
        ArgumentError
            If the name is taken.
        """

        def decorate(thing: T) -> T:
            if name in self._kinds:
                raise ArgumentError(f"Registry: the {self.kind} {name!r} is registered already")
            self._kinds[name] = thing
            return thing

        return decorate

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        try:
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                if not module.name.startswith("_"):
                    importlib.import_module(f"{self.package}.{module.name}")
        except BaseException:
            self._discovered = False  # or the next look would find a part and say nothing
            raise
        for entry in entry_points(group=self.package):
            if entry.name not in self._kinds:
                self._foreign[entry.name] = entry.load

    def __getitem__(self, name: str) -> T:
        self._discover()
        if name not in self._kinds and name in self._foreign:
            loaded = self._foreign[name]()
            self._kinds.setdefault(name, loaded)  # the import may have registered it
        if name not in self._kinds:
            there_are = ", ".join(self)
            raise ArgumentError(f"no {self.kind} {name!r}; there are {there_are}{did_you_mean(name, self)}")
        return self._kinds[name]

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._kinds or name in self._foreign

    def __iter__(self) -> Iterator[str]:
        self._discover()
        return iter(dict.fromkeys([*self._kinds, *self._foreign]))

    def __len__(self) -> int:
        return len(list(iter(self)))
