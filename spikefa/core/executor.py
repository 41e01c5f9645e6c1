"""Executors: what runs a network's steps elsewhere than on the processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from spikefa._registry import Registry


class Executor(Protocol):
    """Takes over a network's objects for the length of a run.

    It joins the network as a part (`spikefa.core.part.Part`), and is the only active object between `begin` and `end`.
    """

    def begin(self) -> None:
        """Take over the active objects, which are ready to run."""

    def end(self) -> None:
        """Bring the state to where it was and give the objects back; does nothing where nothing was taken over."""


#: Device -> function of a network that makes its executor, or says why there is none on this machine. Listing the
#: devices imports none of them.
executors: Registry[Callable[[Any], Executor]] = Registry("device", "spikefa.executors", separator="-")
