"""Stimulus: images and their targets in, with no interruption of the dynamics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brian2 import BrianObject
from brian2.groups.group import VariableOwner

from spikefa._checks import positive_int, refuse, true_or_false, whole
from spikefa.core.network import Network
from spikefa.core.part import MARK, Part
from spikefa.errors import ArgumentError, SpikefaError
from spikefa.presentation.images import Images, by_input, count_of, some_of, validated
from spikefa.presentation.readout import Readout

Batch = tuple[Images, np.ndarray | None]


class _Images:
    """Images and targets that are shown once, from a position on that can be gone back to."""

    def __init__(self, images: Images, targets: np.ndarray | None, stimulus: Stimulus):
        self.images, self.targets, self.position = images, targets, 0
        self.count = count_of(images)
        self.streams, self.steps = stimulus.streams, stimulus.steps_per_presentation

    def __call__(self) -> Batch:
        start, self.position = self.position, self.position + self.streams
        if start >= self.count:
            self.position = start
            raise SpikefaError(
                f"Stimulus: all {self.count} images have been shown; run {self.steps} steps for each "
                f"{self.streams}, or call show_images again"
            )
        now = slice(start, start + self.streams)
        return some_of(self.images, now), None if self.targets is None else self.targets[now]

    def go_to(self, position: int) -> None:
        self.position = position


class _Function:
    """A function that gives batches, which cannot be gone back to."""

    def __init__(self, source: Callable[[], Batch], stimulus: Stimulus):
        self.source, self.stimulus, self.position = source, stimulus, 0

    def __call__(self) -> Batch:
        self.position += 1
        batch, stimulus = self.source(), self.stimulus
        if not (isinstance(batch, tuple) and len(batch) == 2):
            refuse("Stimulus", "what the source returns", "be images and targets", batch)
        images, targets = stimulus.validate_images(batch[0]), batch[1]
        count = count_of(images)
        if count != stimulus.streams:
            refuse("Stimulus", "images of the source", f"be one a stream, {stimulus.streams}", count)
        return images, None if targets is None else stimulus.readout.validate_targets(targets, count)

    def go_to(self, position: int) -> None:
        if position != self.position:
            raise SpikefaError(
                f"Stimulus: cannot go back to batch {position} of a function that has given {self.position}; use "
                f"show_images, or show the function anew"
            )

    def __getstate__(self) -> None:
        raise SpikefaError("Stimulus: a function that gives batches cannot be stored in a file; use show_images")


class Stimulus(Part, BrianObject):
    """Shows each stream an image for N steps, then nothing for the steps of a gap, then all streams the next image.

    It writes a variable of each input and the errors' targets, and nothing else changes at a switch. What targets are
    depends on the task: with classes they are labels, integers ``(n,)``; without, real
    values ``(n, units of the last layer)``. In a gap the input is 0.

    While there are no targets, in a gap or with images that have none, error populations are silent: their state is the
    initial one. Such images are not scored and not counted.

    Parameters
    ----------
    network : Network
        With input populations, and error populations if targets are to be shown.
    readout : Readout
        Says what targets there are.
    steps_per_image : int
    gap : int
        Steps between two images.
    learn_in_gaps : bool
        Whether rules go on in gaps.
    """

    roles = ("stimulus",)
    reads_events = False

    def __init__(
        self, network: Network, readout: Readout, steps_per_image: int, gap: int = 0, learn_in_gaps: bool = False
    ):
        if network.input is None:
            raise ArgumentError("Stimulus: the network has no Input population")
        super().__init__(clock=network.clock, when="start", order=1, name=f"{network.name}_stimulus")
        self.inputs, self.errors, self.streams = network.inputs, network.errors, network.streams
        self.readout = readout
        self.steps_per_image, self.gap = steps_per_image, gap
        self.learn_in_gaps = true_or_false("Stimulus", "learn_in_gaps", learn_in_gaps)
        #: Whether what is now shown has targets.
        self.has_targets = True
        #: Labels (streams,) or targets (streams, units) of the images now shown.
        self.targets = self.readout.new_targets()
        self._step = 0  # within the presentation
        self._in_gap = False
        self._next: _Images | _Function | None = None

    @property
    def steps_per_image(self) -> int:
        """Steps for which an image is shown."""
        return self._steps

    @steps_per_image.setter
    def steps_per_image(self, steps: int) -> None:
        self._steps = positive_int("Stimulus", "steps per image", steps)

    @property
    def gap(self) -> int:
        """Steps between two images, in which nothing is shown."""
        return self._gap

    @gap.setter
    def gap(self, steps: int) -> None:
        self._gap = whole("Stimulus", "gap", steps, 0, rule="be a number of steps, 0 or more")

    @property
    def steps_per_presentation(self) -> int:
        """Steps of an image and the gap after it."""
        return self._steps + self._gap

    @property
    def in_gap(self) -> bool:
        """Whether the current step is one between two images."""
        return self._in_gap

    @property
    def learning_pauses(self) -> bool:
        """Whether rules rest in the current step, which is one of a gap."""
        return self._in_gap and not self.learn_in_gaps

    def show(self, source: Callable[[], Batch]) -> None:
        """Take batches from `source`, a function that returns (images, targets) at each switch.

        Images are ``(streams, pixels)``, or a dict of these, as in `show_images`; targets are labels ``(streams,)`` or
        values ``(streams, units)``, or None.
        """
        if not callable(source):
            refuse("Stimulus", "source", "be a function that returns images and targets", source)
        self._next, self._step = _Function(source, self), 0

    @property
    def source(self) -> Callable[[], Batch] | None:
        """What gives the batches that are shown; None before there is any."""
        return self._next.source if isinstance(self._next, _Function) else self._next

    def show_images(self, images: Images, targets: np.ndarray | None = None) -> None:
        """Show these images once: image q goes to stream ``q % streams``.

        Parameters
        ----------
        images : ndarray (n, pixels), or dict of these
            n must be a multiple of the number of streams; `uint8`, or floats within the input's limits. With several
            inputs, a dict that has images for each of them, by its name.
        targets : ndarray (n,) or (n, units of the last layer), optional
            Labels, or values where the network has no classes.
        """
        images = self.validate_images(images)
        count = count_of(images)
        targets = None if targets is None else self.readout.validate_targets(targets, count)
        if count % self.streams:
            raise ArgumentError(
                f"Stimulus: the number of images must be a multiple of {self.streams} streams, got {count}"
            )
        self._next, self._step = _Images(images, targets, self), 0

    def validate_images(self, images: Images) -> Images:
        """Return the images if they can be shown, see `show_images`."""
        return validated(images, self.inputs)

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views that are written at a switch."""
        super().before_run(run_namespace)
        self._shown = [one.view(one.stimulus_variable) for one in self.inputs]
        self._targets = [error.view("target") for error in self.errors]

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return what it shows, and the errors' targets."""
        targets = [(error, "target") for error in self.errors]
        return [*((one, one.stimulus_variable) for one in self.inputs), *targets]

    def run(self) -> None:
        """Switch the images when their time has come."""
        if self._next is not None and self._step == 0:
            images, targets = self._next()
            for own, shown in zip(by_input(images, self.inputs), self._shown, strict=True):
                np.multiply(own.T, 1 / 255 if own.dtype == np.uint8 else 1, out=shown, casting="unsafe")
            self.has_targets, self._in_gap = targets is not None, False
            if targets is not None:
                self.targets[:] = targets
                for target in self._targets:
                    self.readout.write(targets, target)
        elif self._gap and self._step == self._steps:
            for shown in self._shown:
                shown[...] = 0
            self._in_gap = True
        self._step = (self._step + 1) % self.steps_per_presentation

    @property
    def teaches(self) -> bool:
        """Whether there are targets in the current step."""
        return self.has_targets and not self._in_gap

    @property
    def first_step(self) -> bool:
        """Whether the current step is a presentation's first."""
        return self._step == 1 % self.steps_per_presentation

    @property
    def last_step(self) -> bool:
        """Whether the current step is an image's last."""
        return self._step == self._steps % self.steps_per_presentation

    @property
    def ends_presentation(self) -> bool:
        """Whether the current step is the last of an image, or of the gap after it."""
        return self._step == 0

    def save(self) -> tuple:
        """Return everything that `restore` needs."""
        position = None if self._next is None else self._next.position
        where = self._step, self._in_gap, self.has_targets, self._steps, self._gap
        return self._next, position, where, self.targets.copy()

    def restore(self, saved: tuple) -> None:
        """Go back to a saved position.

        Raises
        ------
        SpikefaError
            If the images came from a function, which has given others since.
        """
        source, position, where, targets = saved
        if source is not None:
            source.go_to(position)
        self._next = source
        self._step, self._in_gap, self.has_targets, self._steps, self._gap = where
        self.targets[:] = targets

    def _full_state(self) -> tuple:
        return self.save()

    def _restore_from_full_state(self, state: tuple) -> None:
        self.restore(state)


class SilentError(Part, BrianObject):
    """Keeps an error population in its initial state while the stimulus has no targets."""

    reads_events = False

    def __init__(self, network: Network, stimulus: Stimulus, error: BrianObject):
        order = error.place + MARK + 0.6  # after all that writes its output
        super().__init__(clock=network.clock, when=error.slot, order=order, name=f"{error.name}_silence")
        self.network, self.stimulus, self.error = network, stimulus, error

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the error's state and its initial values once a run."""
        super().before_run(run_namespace)
        self._arrays = self.network.initial_arrays(self.error)

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the error's output."""
        return [(self.error, self.error.output_variable)]

    def run(self) -> None:
        """Set the state that a step without targets would have left."""
        if not self.stimulus.teaches:
            for array, initial in self._arrays:
                array[...] = initial
