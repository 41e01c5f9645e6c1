"""What the files of a run hold. Reading them runs no code of its model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spikefa._optional import optional
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import RunError
from spikefa.experiments import checkpoint as checkpoints
from spikefa.experiments.metrics_table import read_metrics

if TYPE_CHECKING:
    import pandas as pd


class RunFiles:
    """Base of a run, which reads what training has written."""

    directory: Path

    def metrics(self) -> pd.DataFrame:
        """Return the table of metrics, a column each of ``metrics.csv``. It needs no code of the model.

        `read_metrics` reads the same without pandas.

        Raises
        ------
        SpikefaError
            If pandas is not installed.
        FileNotFoundError
            If there is no table yet.
        DataError
            If it was changed since training wrote it.
        """
        table = optional("pandas", "Run.metrics", "analysis").DataFrame(read_metrics(self.directory / "metrics.csv"))
        return table.astype({"images_seen": int})

    def weights(self, averaged: bool = True, checkpoint: str = "checkpoint.h5") -> dict[str, np.ndarray]:
        """Return the weights of the last checkpoint. It needs no code of the model, and builds no network.

        Parameters
        ----------
        averaged : bool
            Whether to take averaged weights, if the checkpoint has them.
        checkpoint : str
            Name of the file in the run's directory.

        Returns
        -------
        dict
            Name of the projection, such as ``"h1_to_h2"`` -> array (n_pre, n_post), 0 where there is no synapse.

        Raises
        ------
        CheckpointError
            If there is no checkpoint, or it is damaged.
        """
        found = checkpoints.read_weights(self.directory / checkpoint, averaged)
        return {name: W for name, (W, _) in found.items()}

    @property
    def has_recordings(self) -> bool:
        """Whether there are recordings of activity."""
        return bool(self._recordings())

    def recordings(self) -> list[ActivityRecording]:
        """Return the recordings of activity, in the order in which they were made.

        Raises
        ------
        RunError
            If there are none.
        """
        files = self._recordings()
        if not files:
            raise RunError(
                f"{self.directory}: has no recordings of activity; they need layers that spike, classes, and "
                "record_activity",
                hint="recordings",
            )
        return [ActivityRecording.load(file) for file in files]

    def _recordings(self) -> list[Path]:
        return sorted((self.directory / "recordings").glob("activity-*.h5"))
