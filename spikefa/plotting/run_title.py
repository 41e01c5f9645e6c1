"""The title of a run's figures: its model, data, seed and last test error. It runs no code of the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spikefa.errors import SpikefaError
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run


def run_title(run: Run) -> str:
    """Return a line such as ``MODEL on digits, seed 0, test error 5.28 %``."""
    data = Path(run.data).stem if "/" in run.data else run.data
    title = f"{run.model.name} on {data}, seed {run.seed}"
    try:
        errors = read_metrics(run.directory / "metrics.csv")["test_error"]
    except (FileNotFoundError, SpikefaError):  # a figure of weights or recordings needs no table
        return title
    measured = errors[np.isfinite(errors)]
    if not measured.size:
        return title
    last = measured[-1]
    return f"{title}, test error {f'{100 * last:.2f} %' if run.classes is not None else f'{last:.3g} (NSE)'}"
