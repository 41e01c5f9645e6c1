"""Ensembles: the networks of several runs answer together, by the sum of their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikefa.core.network import Network
from spikefa.diagnostics import evaluation
from spikefa.errors import RunError
from spikefa.experiments.run import Run


@dataclass(frozen=True)
class Measured:
    """The errors of an ensemble on one part of the data."""

    part: str
    """``test`` or ``validation``."""
    steps: int
    """Steps for which each image was shown."""
    images: int
    """Number of images."""
    members: tuple[str, ...]
    """The error of each run's network by itself, as `Readout.format_error` writes it."""
    together: str
    """Their error if their outputs are summed (classes) or averaged (regression)."""
    errors: tuple[float, ...]
    """The members' errors as numbers."""
    error: float
    """The error together as a number."""


class Ensemble:
    """The networks of one run or several, as they are after training.

    A class's output units are counted in all networks together, as if these were parts of one network that share the
    input and nothing else. The outputs of a regression are averaged.

    Parameters
    ----------
    runs : sequence of Run
        Of the same data, with as many validation images held out.
    averaged : bool
        Whether to take averaged weights, if a checkpoint has them.
    other : bool
        Whether data other than those a run began with will do.

    Raises
    ------
    RunError
        If the runs do not have the same data and answers, the message naming the two; or a run's data are not those
        it began with.
    CheckpointError
        If a run has no checkpoint, or it does not have the network's weights.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> from spikefa.experiments.ensemble import Ensemble
    >>> measured = next(Ensemble([run]).measure([2]))
    >>> measured.part, measured.images
    ('test', 360)
    """

    def __init__(self, runs: Sequence[Run], averaged: bool = True, other: bool = False):
        self.runs = list(runs)
        self.networks = [run.trained_network(averaged) for run in self.runs]
        self.datasets = [run.dataset(other) for run in self.runs]
        asked = [_asked(run, network) for run, network in zip(self.runs, self.networks, strict=True)]
        for run, own in zip(self.runs, asked, strict=True):
            for what, value in own.items():
                if value != asked[0][what]:
                    first = self.runs[0].directory
                    raise RunError(f"{run.directory}: must have the {what} of {first}, {asked[0][what]}, got {value}")

    def measure(self, steps: Sequence[int]) -> Iterator[Measured]:
        """Measure the errors on the test images, and on validation images if the runs have some.

        Parameters
        ----------
        steps : sequence of int
            Steps for which each image is shown; every one is a measurement of its own.

        Yields
        ------
        Measured
            Of each number of steps and part, one after the other.

        Raises
        ------
        ArgumentError
            If a number of steps is not positive.
        """
        parts = ("test", "validation") if self.datasets[0].validation_images is not None else ("test",)
        for count in steps:
            for part in parts:
                yield self._measured(part, count)

    def _measured(self, part: str, steps: int) -> Measured:
        readout = self.networks[0].readout
        answers = self.datasets[0].answers(part, readout.classes)
        outputs = [
            evaluation.summed_outputs(network, getattr(data, f"{part}_images"), steps)
            for network, data in zip(self.networks, self.datasets, strict=True)
        ]

        def error(summed: np.ndarray, shown: int) -> float:
            return readout.error_of(readout.predict(summed, shown), answers)

        errors = tuple(error(own, steps) for own in outputs)
        # As if one network had been shown the images for as many times the steps. Counts of spikes stay exact.
        together = error(np.sum(outputs, axis=0), len(outputs) * steps)
        words = tuple(map(readout.format_error, errors))
        return Measured(part, steps, len(answers), words, readout.format_error(together), errors, together)


def _asked(run: Run, network: Network) -> dict[str, Any]:
    """Return what must be the same in all runs, so that their networks answer the same question."""
    readout = network.readout
    return {
        "data": run.found_digest,
        "number of validation images": run.validation,
        "kind of answers": readout.takes,
        "number of answers": readout.classes or readout.layer.units,
    }
