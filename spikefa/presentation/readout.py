"""Readouts: what the last layer says about each presentation, and how wrong it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from brian2 import BrianObject

from spikefa._checks import array, whole
from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.engine.kernels import sums
from spikefa.errors import ArgumentError, DivergenceError
from spikefa.metrics import normalized_squared_error

#: Outputs so many, and of so many streams, are summed by all threads. Medians in us of the mean of 1500 units with 100
#: streams, an AMD EPYC of Zen 5 with 2 cores: 42 by numpy, 7 by threads that are awake.
LARGE, STREAMS = 16384, 8


def _is_large(outputs: np.ndarray) -> bool:
    many = outputs.size >= LARGE and outputs.shape[1] >= STREAMS
    return many and outputs.dtype.kind == "f" and outputs.flags.c_contiguous  # numpy sums others in 64 bits


def _mean(outputs: np.ndarray) -> float:
    """Return the mean of outputs (units, streams), in float64."""
    return sums.sum_of_all(outputs) / outputs.size if _is_large(outputs) else outputs.mean(dtype=np.float64)


class Readout(Part, BrianObject):
    """Sums the last layer's output over each presentation, and scores it at the last step; see its subclasses.

    The mean outputs of all layers, `mean_outputs`, are of each presentation's last step alone.

    Parameters
    ----------
    network : Network
    """

    roles = ("readout",)
    reads_events = False
    #: What the stimulus shows to the error population: "labels" or "targets".
    takes: str
    #: Number of classes; None for a regression.
    classes: int | None = None

    def __init__(self, network: Network):
        super().__init__(clock=network.clock, when="end", order=100, name=f"{network.name}_readout")
        self.network, self.layer = network, network.layers[-1]
        self.shown = 0
        #: Mean output of each layer in the presentations' last steps, summed over the presentations.
        self.output_sums = np.zeros(len(network.layers))
        #: If a list: the outputs of each presentation, summed over its steps, (streams, classes or units).
        self.summed_outputs: list[np.ndarray] | None = None
        #: Called at the end of each presentation, when that is scored and before the next begins.
        self.on_presentation: Callable[[], None] | None = None
        #: Called when a presentation is scored: in order, but a GPU may be in the next one, or at its end, by then. So
        #: it may look at what was counted, and at nothing else of the network.
        self.on_scored: Callable[[], None] | None = None
        #: Outputs summed over the steps of this presentation, (classes or units, streams).
        self.summed = np.zeros((self.classes or self.layer.units, network.streams))

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the layers' outputs."""
        super().before_run(run_namespace)
        self._outputs = [layer.view(layer.output_variable) for layer in self.network.layers]

    def run(self) -> None:
        """Add this step's outputs; at an image's end, predict and score."""
        stimulus = self.network.stimulus
        if not stimulus.in_gap:
            self._take_step()
            if stimulus.last_step:
                means = [_mean(output) for output in self._outputs]
                self.finish(self.summed, means, stimulus.shown_targets, self.network.step)
                self.summed[:] = 0
        if stimulus.ends_presentation:
            self.end_presentation()

    def _take_step(self) -> None:
        self.summed += self._outputs[-1]

    def end_presentation(self) -> None:
        """Tell who watches that an image, and the gap after it, is over."""
        if self.on_scored is not None:
            self.on_scored()
        if self.on_presentation is not None:
            self.network.catch_up()
            self.on_presentation()

    @property
    def watched(self) -> bool:
        """Whether somebody is told of presentations."""
        return self.on_scored is not None or self.on_presentation is not None

    def finish(self, summed: np.ndarray, means: Sequence[float], targets: np.ndarray | None, step: int) -> None:
        """Guess and score an image that has been shown.

        Parameters
        ----------
        summed : ndarray (classes or units, streams)
            Outputs summed over its steps.
        means : sequence of float
            Of each layer's output in its last step.
        targets : ndarray or None
            Labels or targets that were shown with it; None if there were none.
        step : int
            The network's, in its last step.

        Raises
        ------
        DivergenceError
            If the outputs are not finite.
        """
        summed = summed.T.copy()
        if not np.isfinite(summed).all():
            stream, unit = np.argwhere(~np.isfinite(summed))[0]
            raise DivergenceError(
                f"Layer {self.layer.name!r}: outputs must be finite, got {summed[stream, unit]} summed over an image "
                f"of stream {stream}, at step {step}"
            )
        if targets is not None:
            self._score_presentation(summed, targets)
            self.shown += len(summed)
            self.output_sums += means
        if self.summed_outputs is not None:
            self.summed_outputs.append(self._presented(summed))

    def check_error(self, error: Any) -> None:
        """Refuse an error population that has not a unit for each target."""
        if error.units != self.layer.units:
            rule = f"have a unit for each of {self.layer.units} targets"
            raise ArgumentError(f"ErrorPopulation {error.name!r}: must {rule}, got {error.units} units")

    def _score_presentation(self, summed: np.ndarray, targets: np.ndarray) -> None:
        self._score(self.predict(summed, self.network.stimulus.steps_per_image), targets)

    def _presented(self, summed: np.ndarray) -> np.ndarray:
        """Return what is kept of a presentation's outputs, (streams, ...)."""
        return summed

    def restate(self, network: Network) -> Readout:
        """Return a readout of the same kind, for a network with the same last layer."""
        return type(self)(network)

    @property
    def mean_outputs(self) -> np.ndarray:
        """Mean output of each layer since the last `reset`: over units, streams and the presentations' last steps.

        The steps before a presentation's last do not count. NaN where no presentation has ended.
        """
        presentations = self.shown / self.network.streams
        return self.output_sums / presentations if presentations else np.full(self.output_sums.size, np.nan)

    def begin_anew(self) -> None:
        """Start counting anew, without a watcher."""
        self.summed_outputs = self.on_presentation = self.on_scored = None
        self.reset()

    def reset(self) -> None:
        """Start counting anew."""
        self.summed[:] = 0
        self.progress = {name: np.zeros_like(value) for name, value in self.progress.items()}

    @property
    def progress(self) -> dict[str, Any]:
        """What was counted since the last `reset`: numbers and copies of arrays; it may be set."""
        return {"shown": self.shown, "output_sums": self.output_sums.copy()}

    @progress.setter
    def progress(self, progress: dict[str, Any]) -> None:
        self.shown = int(progress["shown"])
        self.output_sums[:] = progress["output_sums"]

    def _full_state(self) -> tuple:
        return self.summed.copy(), self.progress

    def _restore_from_full_state(self, state: tuple) -> None:
        self.summed[:], self.progress = state

    def save(self) -> tuple:
        """Return everything that `restore` needs."""
        return self.summed.copy(), self.progress, self.summed_outputs, self.on_presentation, self.on_scored

    def restore(self, saved: tuple) -> None:
        """Go back to saved counts."""
        self.summed[:], self.progress, self.summed_outputs, self.on_presentation, self.on_scored = saved


class ClassReadout(Readout):
    r"""Classification: the class whose group of output units was most active over the presentation.

    Ties go to the lowest class. Errors are counted at each presentation's last step.

    Parameters
    ----------
    network : Network
    classes : int
        Divides the number of output units.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> net.stimulus.show_images([[1.0, 0.0, 0.0, 1.0]] * 4, [0, 0, 1, 1])
    >>> net.run_steps(8)
    >>> net.readout.shown, net.readout.error
    (4, 0.5)
    """

    takes = "labels"

    def __init__(self, network: Network, classes: int):
        layer = network.layers[-1]
        classes = whole("ClassReadout", "classes", classes, 2)
        if layer.units % classes:
            raise ArgumentError(
                f"ClassReadout: layer {layer.name!r} must have equal groups of units for {classes} classes, "
                f"got {layer.units} units"
            )
        self.classes = int(classes)
        super().__init__(network)
        self.wrong = 0

    def restate(self, network: Network) -> ClassReadout:
        """Return a readout of the same kind, for a network with the same last layer."""
        return ClassReadout(network, self.classes)

    def _take_step(self) -> None:
        outputs = self._outputs[-1]
        if _is_large(outputs):
            sums.add_groups(outputs, self.summed)
        else:
            self.summed += outputs.reshape(self.classes, -1, outputs.shape[1]).sum(axis=1)

    def predict(self, summed_outputs: np.ndarray, steps: int) -> np.ndarray:
        """Return classes (n,) of the summed outputs of their units (n, classes), in however many steps."""
        return summed_outputs.argmax(axis=1)

    def _score(self, prediction: np.ndarray, labels: np.ndarray) -> None:
        self.wrong += int(np.count_nonzero(prediction != labels))

    @property
    def error(self) -> float:
        """Fraction of wrong predictions since the last `reset`; NaN before the first."""
        return self.wrong / self.shown if self.shown else float("nan")

    def error_of(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        """Return the fraction of the predictions (n,) that are not the labels (n,)."""
        return float(np.mean(predictions != labels))

    @staticmethod
    def format_error(error: float) -> str:
        """Return an error as a text for people."""
        return f"{error:.2%}"

    @property
    def progress(self) -> dict[str, Any]:
        """What was counted since the last `reset`."""
        return {**super().progress, "wrong": self.wrong}

    @progress.setter
    def progress(self, progress: dict[str, Any]) -> None:
        Readout.progress.fset(self, progress)
        self.wrong = int(progress["wrong"])

    def new_targets(self) -> np.ndarray:
        """Return memory for the labels of the streams, (streams,)."""
        return np.zeros(self.network.streams, np.int64)

    def validate_targets(self, labels: np.ndarray, count: int) -> np.ndarray:
        """Return the labels of `count` images if they can be shown."""
        labels = array("ClassReadout", "labels", labels)
        if labels.shape != (count,):
            raise ArgumentError(f"ClassReadout: labels must be ({count},), got {labels.shape}")
        if labels.dtype.kind not in "iu":
            raise ArgumentError(f"ClassReadout: labels must be integers, got {labels.dtype}")
        bad = np.flatnonzero((labels < 0) | (labels >= self.classes))
        if bad.size:
            raise ArgumentError(
                f"ClassReadout: labels must be 0 to {self.classes - 1}, got {labels[bad[0]]} at image {bad[0]}"
            )
        return labels

    def check_error(self, error: Any) -> None:
        """Refuse an error population whose units are not equal groups of the classes."""
        if error.units % self.classes:
            rule = f"have equal groups of units for {self.classes} classes"
            raise ArgumentError(f"ErrorPopulation {error.name!r}: must {rule}, got {error.units} units")

    def write(self, labels: np.ndarray, target: np.ndarray) -> None:
        """Write labels (streams,) to the error's `target` (units, streams): 1 for the class's group, else 0."""
        shown = np.arange(self.classes)[:, None] == labels
        target.reshape(self.classes, -1, len(labels))[...] = shown[:, None, :]


class RegressionReadout(Readout):
    r"""Regression: the last layer's mean output over the presentation, against targets of any real value.

    The error is that of `metrics.normalized_squared_error` (NSE): the squared error over that of the best constant
    prediction, both accumulated in float64. A prediction is an array (streams, units).

    Parameters
    ----------
    network : Network

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))
    >>> task = fa.regression_task(net, steps_per_image=1)
    >>> net.readout.classes is None
    True
    """

    takes = "targets"

    def __init__(self, network: Network):
        super().__init__(network)
        self.squared = 0.0
        #: Mean of each unit's target, and the summed squares of what the targets are away from it.
        self.mean, self.spread = np.zeros(self.layer.units), 0.0

    def predict(self, summed_outputs: np.ndarray, steps: int) -> np.ndarray:
        """Return the mean of outputs that were summed over so many steps, both (n, units)."""
        return summed_outputs / steps

    def _score(self, prediction: np.ndarray, targets: np.ndarray) -> None:
        self.squared += float(np.square(prediction - targets).sum())
        # Merged batch by batch (Chan et al. 1983): sums of squares minus squares of sums would cancel.
        count, mean = len(targets), targets.mean(axis=0)
        away, total = mean - self.mean, self.shown + count
        self.spread += float(np.square(targets - mean).sum() + np.square(away).sum() * self.shown * count / total)
        self.mean += away * count / total

    @property
    def error(self) -> float:
        """Normalised squared error since the last `reset`; NaN as long as the target has not varied."""
        return self.squared / self.spread if self.spread else float("nan")

    def error_of(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """Normalised squared error of predictions (n, units), see `metrics.normalized_squared_error`.

        Raises
        ------
        ArgumentError
            If all targets are the same, so that there is no variance to divide by.
        """
        if not np.ptp(targets, axis=0).any():
            raise ArgumentError(
                "RegressionReadout: targets must differ between images, since the error is divided by their variance, "
                f"got {len(targets)} that are equal"
            )
        return normalized_squared_error(predictions - targets, targets)

    @staticmethod
    def format_error(error: float) -> str:
        """Return an error as a text for people."""
        return f"{error:.4g} (NSE)"

    @property
    def progress(self) -> dict[str, Any]:
        """What was counted since the last `reset`."""
        return {**super().progress, "squared": self.squared, "mean": self.mean.copy(), "spread": self.spread}

    @progress.setter
    def progress(self, progress: dict[str, Any]) -> None:
        Readout.progress.fset(self, progress)
        self.squared, self.spread = float(progress["squared"]), float(progress["spread"])
        self.mean[:] = progress["mean"]

    def new_targets(self) -> np.ndarray:
        """Return memory for the targets of the streams, (streams, units)."""
        return np.zeros((self.network.streams, self.layer.units))

    def validate_targets(self, targets: np.ndarray, count: int) -> np.ndarray:
        """Return the targets of `count` images if they can be shown."""
        targets = array("RegressionReadout", "targets", targets)
        if targets.shape != (count, self.layer.units):
            raise ArgumentError(
                f"RegressionReadout: targets must be ({count}, {self.layer.units}) for layer {self.layer.name!r}, "
                f"got {targets.shape}"
            )
        if targets.dtype.kind != "f":
            raise ArgumentError(f"RegressionReadout: targets must be floats, got {targets.dtype}")
        if not np.isfinite(targets).all():
            row, unit = np.argwhere(~np.isfinite(targets))[0]
            raise ArgumentError(
                f"RegressionReadout: targets must be finite, got {targets[row, unit]} at image {row}, unit {unit}"
            )
        return targets

    def write(self, targets: np.ndarray, target: np.ndarray) -> None:
        """Write targets (streams, units) to the error's `target` (units, streams)."""
        target[...] = targets.T
