"""Runs: stated by `new_run`, read again by `open_run`, each a `Run`."""

from spikefa.experiments.run.new import new_run
from spikefa.experiments.run.opening import open_run
from spikefa.experiments.run.run import Run

__all__ = ["Run", "new_run", "open_run"]
