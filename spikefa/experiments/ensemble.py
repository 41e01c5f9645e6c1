"""Networks of several runs that answer together: their outputs are summed."""

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
    """The errors of a committee on one part of the data."""

    part: str
    """``test`` or ``validation``."""
    steps: int
    """Steps for which each image was shown."""
    images: int
    """How many there are."""
    members: tuple[str, ...]
    """The error of each run's network by itself, for people to read."""
    together: str
    """Their error when what they say is summed, or averaged where it is no classes."""


class Ensemble:
    """The networks of one run or several, as they are after training.

    A class's units are counted in all networks together, as if these were columns of one network that share the input
    and nothing else. Outputs that are no classes are averaged.

    Parameters
    ----------
    runs : sequence of Run
        Of the same data, with as many validation images held out.
    average : bool
        Averaged weights, where there are.
    other : bool
        Whether data other than those a run began with will do.

    Raises
    ------
    RunError
        If the runs do not answer the same questions; the message names the two.
    """

    def __init__(self, runs: Sequence[Run], average: bool = True, other: bool = False):
        self.runs = list(runs)
        self.networks = [run.trained_network(average) for run in self.runs]
        self.datasets = [run.dataset(other) for run in self.runs]
        asked = [_asked(run, network) for run, network in zip(self.runs, self.networks, strict=True)]
        for run, own in zip(self.runs, asked, strict=True):
            for what, value in own.items():
                if value != asked[0][what]:
                    first = self.runs[0].directory
                    raise RunError(f"{run.directory}: must have the {what} of {first}, {asked[0][what]}, got {value}")

    def measure(self, steps: Sequence[int]) -> Iterator[Measured]:
        """Measure the errors on the test images, and on validation images where there are, one number after another.

        Parameters
        ----------
        steps : sequence of int
            Steps for which each image is shown; every one is a measurement of its own.
        """
        parts = ("test", "validation") if self.datasets[0].validation_images is not None else ("test",)
        for count in steps:
            for part in parts:
                yield self._measured(part, count)

    def _measured(self, part: str, steps: int) -> Measured:
        readout = self.networks[0].readout
        answers = self.datasets[0].answers(part, readout.classes)
        said = [
            evaluation.summed_outputs(network, getattr(data, f"{part}_images"), steps)
            for network, data in zip(self.networks, self.datasets, strict=True)
        ]
        told = lambda responses, shown: readout.format_error(readout.error_of(readout.predict(responses, shown), answers))
        members = tuple(told(responses, steps) for responses in said)
        # As if one network had been shown the images for as many times the steps. Counts of spikes stay exact.
        return Measured(part, steps, len(answers), members, told(np.sum(said, axis=0), len(said) * steps))


def _asked(run: Run, network: Network) -> dict[str, Any]:
    """What a run's network is asked, which must be the same in all."""
    readout = network.readout
    return {
        "data": run.found_digest,
        "number of validation images": run.validation,
        "kind of answers": readout.takes,
        "number of answers": readout.classes or readout.layer.units,
    }
