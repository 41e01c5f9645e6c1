"""Tasks: what a finished network is shown, and what its last layer is to answer."""

from __future__ import annotations

from typing import Any

from brian2 import Quantity

from spikefa._checks import shown, steps_of
from spikefa.core.network import Network, require_network
from spikefa.errors import ArgumentError
from spikefa.presentation.readout import ClassReadout, Readout, RegressionReadout
from spikefa.presentation.signal_readout import SignalReadout
from spikefa.presentation.stimulus import SilentError, Stimulus


def classification_task(
    network: Network,
    steps_per_image: int | None = None,
    classes: int | None = None,
    *,
    duration: Quantity | None = None,
    gap: Quantity | None = None,
    learn_in_gaps: bool = False,
    in_phase: bool = False,
) -> Stimulus:
    r"""Finish a network that is to name classes: add a stimulus for its input and error, and a readout.

    Parameters
    ----------
    network : Network
        With an input and its layers; the last one's units are divided among the classes in equal groups.
    steps_per_image : int, optional
        Steps for which an image is shown.
    classes : int
    duration : Quantity, optional
        Time for which an image is shown, in the place of `steps_per_image`; a multiple of dt.
    gap : Quantity, optional
        Time between two images, a multiple of dt, in which the input is 0 and there is no target; none by default.
    learn_in_gaps : bool
        Whether rules go on in gaps.
    in_phase : bool
        Whether equations count the steps of an image by the clock, ``t_in_timesteps % steps``. What such a network
        learns from must begin at a multiple of these steps, and is refused otherwise.

    Raises
    ------
    ArgumentError
        If the network has a task already, no layer or no input, or an argument does not fit them.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))
    >>> from brian2 import ms
    >>> task = fa.classification_task(net, duration=20 * ms, classes=2, gap=10 * ms)
    >>> net.stimulus.steps_per_image, net.readout.classes
    (20, 2)
    """
    owner = "classification_task"
    times = _times(owner, network, steps_per_image, duration, gap, learn_in_gaps, in_phase)
    if classes is None:
        raise ArgumentError(f"{owner}: needs classes, the number of classes, got None")
    return present(network, ClassReadout(network, classes), times)


def regression_task(
    network: Network,
    steps_per_image: int | None = None,
    *,
    duration: Quantity | None = None,
    gap: Quantity | None = None,
    learn_in_gaps: bool = False,
    in_phase: bool = False,
) -> Stimulus:
    r"""Finish a network that is to approximate values: add a stimulus for its input and error, and a readout.

    Parameters
    ----------
    network : Network
        With an input and its layers; targets are values, one a unit of the last layer.
    steps_per_image, duration, gap, learn_in_gaps, in_phase
        As in `classification_task`.

    Raises
    ------
    ArgumentError
        If the network has a task already, no layer or no input, or an argument does not fit them.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))
    >>> task = fa.regression_task(net, steps_per_image=1)
    >>> net.stimulus.show_images([[0.0, 0.5, 0.5, 1.0]], [[0.2, -0.2]])
    >>> net.run_steps(1)
    """
    times = _times("regression_task", network, steps_per_image, duration, gap, learn_in_gaps, in_phase)
    return present(network, RegressionReadout(network), times)


def _times(
    owner: str,
    network: Network,
    steps_per_image: int | None,
    duration: Quantity | None,
    gap: Quantity | None,
    learn_in_gaps: bool,
    in_phase: bool,
) -> dict[str, Any]:
    if require_network(owner, network).stimulus is not None:
        raise ArgumentError(
            f"{owner}: the network has a task already; set network.stimulus.steps_per_image, or build a new network"
        )
    if not network.layers:
        raise ArgumentError(f"{owner}: the network must have a layer to read out, got none; add a Layer first")
    if (steps_per_image is None) == (duration is None):
        raise ArgumentError(
            f"{owner}: needs steps_per_image or duration, one of them, got {shown(steps_per_image)} and "
            f"{shown(duration)}"
        )
    steps = steps_per_image if duration is None else steps_of(owner, "duration", duration, network.clock.dt, 1)
    return {
        "steps_per_image": steps,
        "gap": 0 if gap is None else steps_of(owner, "gap", gap, network.clock.dt, 0),
        "learn_in_gaps": learn_in_gaps,
        "in_phase": in_phase,
    }


def signal_task(
    network: Network,
    steps_per_image: int | None = None,
    *,
    duration: Quantity | None = None,
    gap: Quantity | None = None,
    learn_in_gaps: bool = False,
    in_phase: bool = False,
) -> Stimulus:
    r"""Finish a network that is to follow signals: its targets change in every step.

    Targets are ``(n, steps, units of the last layer)``. The error is the mean squared error over samples, steps and
    units.

    Parameters
    ----------
    network : Network
        With an input and its layers.
    steps_per_image, duration, gap, learn_in_gaps, in_phase
        As in `classification_task`.

    Raises
    ------
    ArgumentError
        If the network has a task already, no layer or no input, or an argument does not fit them.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))
    >>> import numpy as np
    >>> task = fa.signal_task(net, steps_per_image=3)
    >>> net.stimulus.show_samples(np.ones((1, 3, 4)), np.zeros((1, 3, 2)))
    >>> net.run_steps(3)
    """
    times = _times("signal_task", network, steps_per_image, duration, gap, learn_in_gaps, in_phase)
    return present(network, SignalReadout(network), times)


def present(network: Network, readout: Readout, times: dict[str, Any]) -> Stimulus:
    """Give a network a readout and a stimulus, whose arguments `times` has."""
    for error in network.errors:
        readout.check_error(error)
    stimulus = Stimulus(network, readout, **times)
    network.join(stimulus, readout)
    network.join(*(SilentError(network, stimulus, error) for error in network.errors))
    return stimulus
