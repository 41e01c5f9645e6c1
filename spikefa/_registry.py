"""Registries: kinds by name. A kind is one file of a package, or an entry point of another distribution."""

from __future__ import annotations

import importlib
import pkgutil
import reprlib
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from spikefa.errors import ArgumentError, SpikefaError, did_you_mean

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Kinds of one sort by name, such as the pathways; in alphabetical order.

    The first use of it finds every public module of `package`, each of which registers its own kinds, so that a new
    file there is a new kind. Installed distributions add kinds by entry points of the group `group`; a kind of the
    package goes before an entry point of the same name. Other code may register kinds at any time.

    Parameters
    ----------
    kind : str
        What one of them is, for messages: ``"pathway"``.
    package : str
        Dotted name of the package whose modules register.
    group : str, optional
        Name of the group of entry points; by default that of the package.
    separator : {"_", "-"}, optional
        If given, each module registers exactly one kind, of the module's own name with this for ``_``. The modules
        are then imported only when their kind is used: listing the names costs nothing, whatever the kinds import.
        By default every module is imported at the first use of the registry, and may register several kinds.
    aliases : mapping of str to str, optional
        Other names of kinds. They are found and not listed.
    error : class of SpikefaError
        What is raised for a name that is not there.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        *,
        group: str | None = None,
        separator: str | None = None,
        aliases: Mapping[str, str] | None = None,
        error: type[SpikefaError] = ArgumentError,
    ):
        self.kind, self.package, self.group = kind, package, group or package
        self.separator, self.aliases, self.error = separator, dict(aliases or {}), error
        self._kinds: dict[str, T] = {}
        self._not_loaded: dict[str, Callable[[], Any]] = {}
        self._discovered = False
        self._discovering = threading.RLock()

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers what it decorates under a name.

        A second registration of the same definition (its module was imported anew) replaces the first.

        Raises
        ------
        ArgumentError
            If the name is taken by something else, or is an alias.
        """

        def decorate(thing: T) -> T:
            taken = self._kinds.get(name)
            if name in self.aliases or (taken is not None and _place(taken) != _place(thing)):
                raise ArgumentError(f"Registry: the {self.kind} {name!r} is registered already")
            self._kinds[name] = thing
            return thing

        return decorate

    def _discover(self) -> None:
        with self._discovering:  # another thread waits until all are there; modules that look meanwhile see a part
            if not self._discovered:
                self._discovered = True
                try:
                    self._find_all()
                except BaseException:
                    self._discovered = False  # or the next look would find a part and say nothing
                    raise

    def _find_all(self) -> None:
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            path = f"{self.package}.{module.name}"
            if module.name.startswith("_"):
                continue
            if self.separator is None:
                importlib.import_module(path)
            else:
                name = module.name.replace("_", self.separator)
                self._not_loaded[name] = partial(self._import, path, name)
        for entry in entry_points(group=self.group):
            self._not_loaded.setdefault(entry.name, entry.load)

    def _import(self, path: str, name: str) -> T:
        importlib.import_module(path)
        if name not in self._kinds:
            raise SpikefaError(f"{path}: must register the {self.kind} {name!r}, which its file is named after")
        return self._kinds[name]

    def __getitem__(self, name: str) -> T:
        self._discover()
        found = self.aliases.get(name, name) if isinstance(name, str) else None
        if found in self._kinds:
            return self._kinds[found]
        if found in self._not_loaded:
            return self._kinds.setdefault(found, self._not_loaded[found]())  # the import may have registered it
        hint = did_you_mean(name, [*self, *self.aliases]) if isinstance(name, str) else ""
        raise self.error(f"no {self.kind} {reprlib.repr(name)}; there are {', '.join(self)}{hint}")

    def __contains__(self, name: object) -> bool:
        self._discover()
        return isinstance(name, str) and (name in self._kinds or name in self._not_loaded or name in self.aliases)

    def __iter__(self) -> Iterator[str]:
        self._discover()
        return iter(sorted({*self._kinds, *self._not_loaded}))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _place(thing: Any) -> tuple[Any, Any]:
    """Return where something is defined; of what has no such place, itself."""
    return getattr(thing, "__module__", None), getattr(thing, "__qualname__", id(thing))
