"""What a view reads of a run: its files, read anew only when training has written them again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import SpikefaError
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run
from spikefa.view.answer import Answerer
from spikefa.view.stamp import stamp

#: What may go wrong while a run is read, and is said on the page; anything else is a bug.
READING_ERRORS = (SpikefaError, OSError)


class RunSource:
    """A run as a view reads it.

    Parameters
    ----------
    run : Run
    explain : function of an exception
        Returns the sentence that the page shows for it.
    """

    def __init__(self, run: Run, explain: Callable[[Exception], str] = str):
        self.run, self.explain = run, explain
        self._read: dict[Path, tuple[tuple[int, ...], Any]] = {}

    def metrics(self) -> dict[str, np.ndarray]:
        """Return the table of metrics, empty before its first row.

        Raises
        ------
        DataError, CheckpointError
            If table or checkpoint was changed.
        """
        table = self.run.directory / "metrics.csv"
        if not table.exists():
            return {}
        return self._once(table, read_metrics, table.with_name("checkpoint.h5"))

    def recordings(self) -> list[Path]:
        """Return the files of the recordings of activity, early to late; none if there are none yet."""
        return sorted((self.run.directory / "recordings").glob("activity-*.h5"))

    def recording(self, path: Path) -> ActivityRecording:
        """Return a recording."""
        return self._once(path, ActivityRecording.load)

    def checkpoint(self) -> tuple[int, ...]:
        """Return what changes when the run writes a checkpoint; empty before the first."""
        return stamp(self.run.directory / "checkpoint.h5")

    @cached_property
    def answerer(self) -> Answerer:
        """The run's network, which answers to images; built at the first call.

        Raises
        ------
        SpikefaError
            If the model's code is not run, there is no checkpoint, or the network cannot be shown an image.
        """
        return Answerer(self.run)

    def _once(self, path: Path, read: Callable[[Path], Any], *beside: Path) -> Any:
        written = sum((stamp(file) for file in (path, *beside)), ())
        if path not in self._read or self._read[path][0] != written:
            self._read[path] = written, read(path)
        return self._read[path][1]
