"""Monitors: what the diagnostics have in common. They measure a running network and change nothing."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

import numpy as np
from brian2 import BrianObject

from spikefa._atomic_write import write_whole
from spikefa._checks import identifier, positive_int
from spikefa._checks import path as checked_path
from spikefa.core.network import Network
from spikefa.core.part import Part


class Monitor(Part, BrianObject):
    """Measure a running network in every `every`-th step, and when requested: the base of the diagnostics.

    It does not measure in evaluations and recordings. Measurements are not part of checkpoints.

    Parameters
    ----------
    network : Network
    every : int or None
        Steps between measurements, which are made in the steps ``every - 1, 2 * every - 1 ...``: with a multiple of
        the steps for which an image is shown, at the end of presentations. None: only when requested.
    when, order
        Place in the schedule.
    name : str

    Raises
    ------
    ArgumentError
        If `every` is not a positive whole number.
    """

    only_reads = True
    runs_in_evaluation = False

    def __init__(self, network: Network, every: int | None, when: str, order: int, name: str):
        owner = type(self).__name__
        if every is not None:
            every = positive_int(owner, "every", every, "steps or None")
        identifier(owner, "name", name, star=True)
        super().__init__(clock=network.clock, when=when, order=order, name=name)
        self.network, self.every = network, every
        self._steps: list[int] = []
        self._columns: dict[str, list] = {}
        self._requested: int | None = None

    def _full_state(self) -> tuple:
        return list(self._steps), {name: list(column) for name, column in self._columns.items()}, self._requested

    def _restore_from_full_state(self, state: tuple) -> None:
        steps, columns, self._requested = state
        self._steps, self._columns = list(steps), {name: list(column) for name, column in columns.items()}

    def request(self, step: int) -> None:
        """Measure in this step too; a later request takes the place of one that is still to come."""
        self._requested = int(step)

    @property
    def due(self) -> bool:
        """Whether this is a step in which to measure."""
        step = self.network.step
        return step == self._requested or (self.every is not None and (step + 1) % self.every == 0)

    def run(self) -> None:
        """Measure in the steps in which a measurement is due."""
        if self.due:
            self._steps.append(self.network.step)
            for column, value in self._measure().items():
                self._columns.setdefault(column, []).append(value)

    def _measure(self) -> dict[str, Any]:
        raise NotImplementedError

    @property
    def steps(self) -> np.ndarray:
        """Number of the step of each measurement, ``(n,)``."""
        return np.array(self._steps, np.int64)

    @property
    def last(self) -> dict[str, float]:
        """The last row of the `table` without its step; empty before the first measurement."""
        return {name: column[-1] for name, column in self.table().items() if name != "step" and len(column)}

    def table(self) -> dict[str, np.ndarray]:
        """Return the columns ``(n,)`` by name, ``step`` first; measurements of more than one number are left out."""
        return {"step": self.steps} | {k: np.array(v) for k, v in self._columns.items() if np.ndim(v[0]) == 0}

    def save(self, path: str | os.PathLike) -> None:
        """Write the `table` as comma-separated values: all of it or, after an error, nothing.

        Raises
        ------
        OSError
            If the file cannot be written, naming it.
        """
        table, text = self.table(), io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(zip(*(column.tolist() for column in table.values()), strict=True))
        write_whole(checked_path(type(self).__name__, "path", path), text.getvalue(), "the diagnostics")

    def _collected(self, prefix: str, names: list[str]) -> dict[str, np.ndarray]:
        return {name: np.array(self._columns.get(f"{prefix}_{name}", [])) for name in names}
