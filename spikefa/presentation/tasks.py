"""Tasks: what a finished network is shown, and what its last layer is to answer."""

from __future__ import annotations

from spikefa.core.network import Network
from spikefa.errors import ArgumentError
from spikefa.presentation.readout import ClassReadout, Readout, RegressionReadout
from spikefa.presentation.stimulus import Stimulus


def classification_task(network: Network, steps_per_image: int, classes: int) -> Stimulus:
    """Finish a network that is to name classes: add a stimulus for its input and error, and a readout.

    Parameters
    ----------
    network : Network
        With an input and its layers; the last one's units are divided among the classes in equal groups.
    steps_per_image : int
        Steps for which an image is shown.
    classes : int

    Raises
    ------
    ArgumentError
        If the network has a task already, no layer or no input, or an argument does not fit them.
    """
    _require_new(network, "classification_task")
    return _present(network, ClassReadout(network, classes), steps_per_image)


def regression_task(network: Network, steps_per_image: int) -> Stimulus:
    """Finish a network that is to approximate values: add a stimulus for its input and error, and a readout.

    Parameters
    ----------
    network : Network
        With an input and its layers; targets are values, one a unit of the last layer.
    steps_per_image : int
        Steps for which an image is shown.

    Raises
    ------
    ArgumentError
        If the network has a task already, no layer or no input, or an argument does not fit them.
    """
    _require_new(network, "regression_task")
    return _present(network, RegressionReadout(network), steps_per_image)


def _require_new(network: Network, owner: str) -> None:
    if network.stimulus is not None:
        raise ArgumentError(
            f"{owner}: the network has a task already; set network.stimulus.steps_per_image, or build a new network"
        )
    if not network.layers:
        raise ArgumentError(f"{owner}: the network must have a layer to read out, got none; add a Layer first")


def _present(network: Network, readout: Readout, steps_per_image: int) -> Stimulus:
    stimulus = Stimulus(network, readout, steps_per_image)
    network.join(stimulus, readout)
    return stimulus
