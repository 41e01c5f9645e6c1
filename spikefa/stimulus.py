"""Stimulus and readout: images in, guesses out, with no interruption of the dynamics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from brian2 import BrianObject

if TYPE_CHECKING:
    from .network import Network

Batch = tuple[np.ndarray, np.ndarray | None]


class Stimulus(BrianObject):
    """Shows each stream an image for N steps, then all streams the next, and so on.

    It writes the input's rates and the error's targets, and nothing else changes at a switch.

    Parameters
    ----------
    network : Network
        With an input population, and an error population if targets are to be shown.
    steps_per_image : int
    """

    add_to_magic_network = False

    def __init__(self, network: Network, steps_per_image: int):
        if network.input is None:
            raise ValueError("Stimulus: the network has no Input population")
        super().__init__(clock=network.clock, when="start", order=1, name=f"{network.name}_stimulus")
        self.input, self.error, self.streams = network.input, network.error, network.streams
        self.classes = network.readout.classes
        self._unit_class = network.readout.unit_class
        self.readout = network.readout
        self.steps_per_image = steps_per_image
        self.labels = np.zeros(self.streams, np.int64)
        self._step = 0  # within the presentation
        self._next: Callable[[], Batch] | None = None

    @property
    def steps_per_image(self) -> int:
        """Steps for which an image is shown."""
        return self._steps

    @steps_per_image.setter
    def steps_per_image(self, steps: int) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
            raise ValueError(f"Stimulus: steps per image must be a positive whole number, got {steps!r}")
        self._steps = int(steps)

    def show(self, source: Callable[[], Batch]) -> None:
        """Take batches from `source`, a function that returns (images, labels) at each switch.

        Images are ``(streams, pixels)`` in [0, 1] (or uint8), labels ``(streams,)`` or None.
        """
        self._next, self._step = source, 0

    def show_images(self, images: np.ndarray, labels: np.ndarray | None = None) -> None:
        """Show these images once: image q goes to stream ``q % streams``.

        Parameters
        ----------
        images : ndarray (n, pixels)
            n must be a multiple of the number of streams; `uint8`, or floats in [0, 1].
        labels : ndarray (n,), optional
        """
        images = self.checked(images)
        labels = None if labels is None else self._checked_labels(labels, len(images))
        if len(images) % self.streams:
            raise ValueError(
                f"Stimulus: the number of images must be a multiple of {self.streams} streams, got {len(images)}"
            )
        starts = iter(range(0, len(images), self.streams))

        def source() -> Batch:
            start = next(starts, None)
            if start is None:
                raise RuntimeError(
                    f"Stimulus: all {len(images)} images have been shown; run {self._steps} steps for each "
                    f"{self.streams}, or call show_images again"
                )
            now = slice(start, start + self.streams)
            return images[now], None if labels is None else labels[now]

        self.show(source)

    def checked(self, images: np.ndarray) -> np.ndarray:
        """Return the images if they can be shown."""
        images = np.asarray(images)
        if images.ndim != 2 or images.shape[1] != self.input.units:
            raise ValueError(
                f"Stimulus: images must be (n, {self.input.units}) for input {self.input.name!r}, got {images.shape}"
            )
        if images.dtype == np.uint8:
            return images
        if images.dtype.kind != "f":
            raise ValueError(f"Stimulus: images must be uint8 or floats in [0, 1], got {images.dtype}")
        bad = ~((images >= 0) & (images <= 1))  # NaN is bad too
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"Stimulus: pixels must be in [0, 1], got {images[row, column]} at image {row}, pixel {column}"
            )
        return images

    def _checked_labels(self, labels: np.ndarray, count: int) -> np.ndarray:
        labels = np.asarray(labels)
        if labels.shape != (count,):
            raise ValueError(f"Stimulus: labels must be ({count},), got {labels.shape}")
        bad = np.flatnonzero((labels < 0) | (labels >= self.classes))
        if bad.size:
            raise ValueError(
                f"Stimulus: labels must be 0 to {self.classes - 1}, got {labels[bad[0]]} at image {bad[0]}"
            )
        return labels

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views that are written at a switch."""
        super().before_run(run_namespace)
        self._rate = self.input.view(self.input.rate_variable)
        self._target = None if self.error is None else self.error.view("target")

    def run(self) -> None:
        """Switch the images when their time has come."""
        if self._next is not None and self._step == 0:
            images, labels = self._next()
            np.multiply(
                images.T, 1 / 255 if images.dtype == np.uint8 else 1, out=self._rate, casting="unsafe"
            )
            if labels is not None:
                self.labels[:] = labels
                if self._target is not None:
                    np.equal(self._unit_class[:, None], labels[None, :], out=self._target, casting="unsafe")
        self._step = (self._step + 1) % self._steps

    @property
    def last_step(self) -> bool:
        """Whether the current step is a presentation's last."""
        return self._step == 0

    def save(self) -> tuple:
        """Everything that `restore` needs."""
        return self._next, self._step, self._steps, self.labels.copy()

    def restore(self, saved: tuple) -> None:
        """Go back to a saved position."""
        self._next, self._step, self._steps, labels = saved
        self.labels[:] = labels


class Readout(BrianObject):
    """The network's guess: the class whose group of output units was most active over the presentation.

    Ties go to the lowest class. Errors are counted at each presentation's last step.

    Parameters
    ----------
    network : Network
    classes : int
        Divides the number of output units.
    """

    add_to_magic_network = False

    def __init__(self, network: Network, classes: int):
        self.layer = network.layers[-1]
        if classes < 2 or self.layer.units % classes:
            raise ValueError(
                f"Readout: layer {self.layer.name!r} must have equal groups of units for {classes} classes, "
                f"got {self.layer.units} units"
            )
        super().__init__(clock=network.clock, when="end", order=100, name=f"{network.name}_readout")
        self.network, self.classes = network, int(classes)
        self.unit_class = np.arange(self.layer.units) // (self.layer.units // classes)
        self.counts = np.zeros((self.classes, network.streams), np.float64)
        self.shown = self.wrong = 0
        self.rates = np.zeros(len(network.layers))  # summed over the presentations' last steps
        self.guesses: list[np.ndarray] | None = None
        self.on_presentation: Callable[[], None] | None = None

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the layers' outputs."""
        super().before_run(run_namespace)
        self._outputs = [layer.view(layer.output_variable) for layer in self.network.layers]
        units, streams = self._outputs[-1].shape
        self._groups = self._outputs[-1].reshape(self.classes, units // self.classes, streams)

    def run(self) -> None:
        """Add this step's activity; at the presentation's end, guess."""
        self.counts += self._groups.sum(axis=1)
        stimulus = self.network.stimulus
        if stimulus.last_step:
            guess = self.counts.argmax(axis=0)
            self.wrong += int(np.count_nonzero(guess != stimulus.labels))
            self.shown += guess.size
            for number, output in enumerate(self._outputs):
                self.rates[number] += output.mean(dtype=np.float64)
            if self.guesses is not None:
                self.guesses.append(guess)
            self.counts[:] = 0
            if self.on_presentation is not None:
                self.on_presentation()

    @property
    def error(self) -> float:
        """Fraction of wrong guesses since the last `reset`; NaN before the first."""
        return self.wrong / self.shown if self.shown else float("nan")

    @property
    def mean_rates(self) -> np.ndarray:
        """Mean output of each layer since the last `reset` (at the presentations' last steps)."""
        presentations = self.shown / self.network.streams
        return self.rates / presentations if presentations else np.full(self.rates.size, np.nan)

    def reset(self) -> None:
        """Start counting anew."""
        self.counts[:] = 0
        self.rates[:] = 0
        self.shown = self.wrong = 0

    def save(self) -> tuple:
        """Everything that `restore` needs."""
        return (
            self.counts.copy(),
            self.shown,
            self.wrong,
            self.rates.copy(),
            self.guesses,
            self.on_presentation,
        )

    def restore(self, saved: tuple) -> None:
        """Go back to saved counts."""
        counts, self.shown, self.wrong, rates, self.guesses, self.on_presentation = saved
        self.counts[:], self.rates[:] = counts, rates
