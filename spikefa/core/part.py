"""The contract of parts: what a network knows of anything that joins it, and where in a step things happen."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from brian2.groups.group import VariableOwner

from spikefa.errors import SpikefaError

#: Offsets, within a population's place in the schedule, of what happens to it in one step.
PROJECT, ADD, RECEIVE, INTEGRATE, NORMALIZE, EMIT, THRESHOLD, MARK, ACCUMULATE, RESET = range(10)
#: Distance between the places of two populations in one slot.
STRIDE = 10
#: Order, within the slot ``plasticity``, from which rules are applied; before it, their factors are computed.
APPLY_RULES = 1_000_000


#: What is said to who copies or pickles a network or a part of one.
NO_COPY = "{owner}: cannot be copied or pickled; build it again by the same script, or use Network.store and restore"


class Part:
    """Base of all that joins a network: a mixin for subclasses of Brian2's `BrianObject`.

    A subclass says by class attributes what the network may expect of it. The network itself knows no part.
    """

    add_to_magic_network = False
    #: What it is to the network, which lists its parts by role; see `Network.parts`.
    roles: ClassVar[tuple[str, ...]] = ()
    #: Whether it reads the events of thresholds (`_spikespace`). Where no part does, none are collected.
    reads_events: ClassVar[bool] = True
    #: Whether it runs while a network is evaluated or recorded in a `sandboxed` block.
    runs_in_evaluation: ClassVar[bool] = True
    #: Whether it changes no array of the network, so that on a device nothing has to be brought back.
    only_reads: ClassVar[bool] = False

    def __del__(self) -> None:
        """Say nothing: what a constructor refuses is never included in a network, of which Brian2 would warn."""

    def __reduce_ex__(self, protocol: int) -> tuple:
        """Refuse copies, which would share the network and do nothing in it."""
        raise SpikefaError(NO_COPY.format(owner=f"{type(self).__name__} {self.name!r}"))

    @property
    def state_name(self) -> str:
        """Name under which its state is kept in checkpoints."""
        return self.name

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the groups' variables that its `run` writes, beside its own equations and statements."""
        return []

    def reads(self) -> list[VariableOwner]:
        """Return the groups on whose variables depends what it writes."""
        return []

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that one run leaves to the next, by name; not copies."""
        return {}

    def begin_run(self) -> None:
        """Do what must be done before Brian2 sorts the objects of a run; raise what the user is to read as it is."""

    def finish_run(self) -> None:
        """Bring everything up to date at the end of a run, also of one that failed."""

    def _full_state(self) -> dict[str, np.ndarray]:
        return {name: array.copy() for name, array in self.state_arrays().items()}

    def _restore_from_full_state(self, state: dict[str, np.ndarray]) -> None:
        for name, array in self.state_arrays().items():
            array[...] = state[name]
