"""Stimulus: samples and their targets in, with no interruption of the dynamics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brian2 import BrianObject
from brian2.groups.group import VariableOwner

from spikefa._checks import positive_int, refuse, true_or_false, whole
from spikefa.core.network import Network
from spikefa.core.part import MARK, Part
from spikefa.errors import ArgumentError, SpikefaError
from spikefa.presentation.by_input import Shown, by_input, count_of, longest, require_images, some_of, validated
from spikefa.presentation.readout import Readout
from spikefa.presentation.samples import Images, Sequences, Spikes, in_steps

Batch = tuple[Shown, np.ndarray | None]


class _Samples:
    """Samples and targets that are shown once, from a position on that can be gone back to."""

    def __init__(self, samples: Shown, targets: np.ndarray | None, stimulus: Stimulus):
        self.samples, self.targets, self.position = samples, targets, 0
        self.ahead = True
        self.count = count_of(samples)
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
        return some_of(self.samples, now), None if self.targets is None else self.targets[now]

    def go_to(self, position: int) -> None:
        self.position = position


class _Function:
    """A function that gives batches, which cannot be gone back to."""

    def __init__(self, source: Callable[[], Batch], stimulus: Stimulus, ahead: bool):
        self.source, self.stimulus, self.ahead, self.position = source, stimulus, ahead, 0

    def __call__(self) -> Batch:
        self.position += 1
        stimulus = self.stimulus
        if not self.ahead:
            stimulus.network.catch_up()  # it may look at the network
        batch = self.source()
        if not (isinstance(batch, tuple) and len(batch) == 2):
            refuse("Stimulus", "what the source returns", "be images and targets", batch)
        samples, targets = stimulus.validate_samples(batch[0]), batch[1]
        count = count_of(samples)
        if count != stimulus.streams:
            refuse("Stimulus", "images of the source", f"be one a stream, {stimulus.streams}", count)
        return samples, None if targets is None else stimulus.readout.validate_targets(targets, count)

    def go_to(self, position: int) -> None:
        if position != self.position:
            raise SpikefaError(
                f"Stimulus: cannot go back to batch {position} of a function that has given {self.position}; use "
                f"show_images, or show the function anew"
            )

    def __getstate__(self) -> None:
        raise SpikefaError("Stimulus: a function that gives batches cannot be stored in a file; use show_images")


class Stimulus(Part, BrianObject):
    r"""Shows each stream a sample for N steps, then nothing for the steps of a gap, then all streams the next sample.

    It writes a variable of each input and the errors' targets, and nothing else changes at a switch. A sample is an
    image, which stays, or a sequence or spike trains, which change in every step; after their end the input is 0, as
    in a gap.

    What targets are depends on the task: with classes they are labels, integers ``(n,)``; without, real
    values ``(n, units of the last layer)``, or of a signal ``(n, steps, units of the last layer)``.

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
    in_phase : bool
        Whether what a network learns from must begin at a multiple of a presentation's steps, and last for these, since
        its equations count the steps of an image by the clock (``t_in_timesteps % steps``).

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> net.stimulus.show_images([[1.0, 0.0, 0.0, 1.0]] * 4, [0, 1, 0, 1])
    >>> net.run_steps(4 * net.stimulus.steps_per_presentation)
    """

    roles = ("stimulus",)
    reads_events = False

    def __init__(
        self,
        network: Network,
        readout: Readout,
        steps_per_image: int,
        gap: int = 0,
        learn_in_gaps: bool = False,
        in_phase: bool = False,
    ):
        if network.input is None:
            raise ArgumentError("Stimulus: the network has no Input population")
        super().__init__(clock=network.clock, when="start", order=1, name=f"{network.name}_stimulus")
        self.inputs, self.errors, self.streams = network.inputs, network.errors, network.streams
        self.readout = readout
        self.steps_per_image, self.gap = steps_per_image, gap
        self.learn_in_gaps = true_or_false("Stimulus", "learn_in_gaps", learn_in_gaps)
        self.network = network
        self._period = self.steps_per_presentation if true_or_false("Stimulus", "in_phase", in_phase) else None
        #: Whether what is now shown has targets.
        self.has_targets = True
        #: Labels (streams,) or targets (streams, units) of what is now shown; of a signal, those of the present step.
        self.targets = self.readout.new_targets()
        self._step = 0  # within the presentation
        self._in_gap = False
        self._next: _Samples | _Function | None = None
        self._now: list[Images | Sequences | Spikes] = []  # of each input
        self._signal: np.ndarray | None = None  # targets (streams, steps, units) that change

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

    def show(self, source: Callable[[], Batch], ahead: bool = False) -> None:
        """Take batches from `source`, a function that returns (samples, targets) at each switch.

        Parameters
        ----------
        source : function () -> (samples, targets)
            Both are as in `show_samples`, one a stream; targets may be None.
        ahead : bool
            Whether it may be called before the presentation that ends is scored, as a GPU does which need not wait for
            that. Such a source looks at nothing of the network. With few streams it spares a pass over the weights, as
            updates need not be done before it is called.
        """
        if not callable(source):
            refuse("Stimulus", "source", "be a function that returns images and targets", source)
        self._next = _Function(source, self, true_or_false("Stimulus", "ahead", ahead))
        self._step = 0

    @property
    def source(self) -> Callable[[], Batch] | None:
        """What gives the batches that are shown; None before there is any."""
        return self._next.source if isinstance(self._next, _Function) else self._next

    @property
    def gives_ahead(self) -> bool:
        """Whether the next batch may be taken before the presentation that ends is scored."""
        return self._next is not None and self._next.ahead

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
        require_images(images, self.inputs)
        self.show_samples(images, targets)

    def show_samples(self, samples: Shown, targets: np.ndarray | None = None) -> None:
        """Show images, sequences or spike trains once: sample q goes to stream ``q % streams``.

        Parameters
        ----------
        samples : ndarray (n, pixels) or (n, steps, units), SpikeTrains, or dict of these
            n must be a multiple of the number of streams. Images are as in `show_images`; sequences are floats within
            the input's limits, or bool, a row a step. They and spike trains last at most `steps_per_image` steps. With
            several inputs, a dict that has samples for each, by its name.
        targets : ndarray (n,), (n, units of the last layer) or (n, steps, units of the last layer), optional
            Labels, or values where the network has no classes; of a `signal_task`, for each of `steps_per_image` steps.
        """
        samples = self.validate_samples(samples)
        count = count_of(samples)
        targets = None if targets is None else self.readout.validate_targets(targets, count)
        if count % self.streams:
            raise ArgumentError(
                f"Stimulus: the number of images must be a multiple of {self.streams} streams, got {count}"
            )
        self.require_steps(samples, targets, self._steps)
        self._next, self._step = _Samples(samples, targets, self), 0

    def validate_samples(self, samples: Shown) -> Shown:
        """Return samples if the inputs can be shown them."""
        return validated(samples, self.inputs, float(self.clock.dt_))

    def require_steps(self, samples: Shown, targets: np.ndarray | None, steps: int) -> None:
        """Refuse valid samples that last longer than `steps`, for which they are shown, and targets of other steps."""
        lasts = longest(samples, float(self.clock.dt_))
        if lasts is not None and lasts > steps:
            raise ArgumentError(
                f"Stimulus: samples must last at most {steps} steps, for which each is shown, got {lasts} steps of "
                f"{self.clock.dt}"
            )
        if targets is not None and targets.ndim == 3 and targets.shape[1] != steps:
            raise ArgumentError(
                f"Stimulus: targets must have {steps} steps, for which each sample is shown, got {targets.shape[1]}"
            )

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views that are written at a switch."""
        super().before_run(run_namespace)
        self._counted = self._period if self.network.learns else None
        self._shown = [one.view(one.stimulus_variable) for one in self.inputs]
        self._targets = [error.view("target") for error in self.errors]

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return what it shows, and the errors' targets."""
        targets = [(error, "target") for error in self.errors]
        return [*((one, one.stimulus_variable) for one in self.inputs), *targets]

    def run(self) -> None:
        """Switch the samples when their time has come, and go on with those that change."""
        if self._next is not None and self._step == 0:
            self._switch(*self._next())
        elif self._gap and self._step == self._steps:
            for shown in self._shown:
                shown[...] = 0
            self._in_gap = True
        elif not self._in_gap:
            for own, shown in zip(self._now, self._shown, strict=False):
                own.write(self._step, shown)
            if self._signal is not None:
                self._show_targets(self._signal[:, self._step : self._step + 1])
        self._step = (self._step + 1) % self.steps_per_presentation

    def _switch(self, samples: Shown, targets: np.ndarray | None) -> None:
        self._require_phase()
        self.require_steps(samples, targets, self._steps)
        dt = float(self.clock.dt_)
        self._now = [in_steps(own, dt) for own in by_input(samples, self.inputs)]
        for own, shown in zip(self._now, self._shown, strict=True):
            own.write(0, shown)
        self.has_targets, self._in_gap = targets is not None, False
        self._signal = targets if targets is not None and targets.ndim == 3 else None
        if targets is not None:
            self._show_targets(targets if self._signal is None else targets[:, :1])

    def _require_phase(self) -> None:
        if self._counted is None:
            return
        steps, began = self.steps_per_presentation, self.network.step
        if steps != self._counted or began % steps:
            raise ArgumentError(
                f"Stimulus: an image that is learned from must begin at a multiple of {self._counted} steps and last "
                f"for these, by which equations count, got step {began} and {steps} steps; set network.step"
            )

    def _show_targets(self, targets: np.ndarray) -> None:
        self.targets[:] = targets
        for target in self._targets:
            self.readout.write(targets, target)

    @property
    def shown_targets(self) -> np.ndarray | None:
        """The targets of what is now shown, not a copy; None if it has none."""
        return self.targets if self.has_targets else None

    @property
    def changes_within(self) -> bool:
        """Whether samples or targets that are now shown change before the next switch."""
        return self._signal is not None or any(own.steps is not None for own in self._now)

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
        where = self._step, self._in_gap, self.has_targets, self._steps, self._gap, self._now, self._signal
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
        self._step, self._in_gap, self.has_targets, self._steps, self._gap, self._now, self._signal = where
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
