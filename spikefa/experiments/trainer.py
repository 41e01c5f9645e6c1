"""Training: epochs of shuffled images, evaluations, checkpoints; interrupted and resumed bit for bit."""

from __future__ import annotations

import bisect
import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from spikefa._atomic_write import write_whole
from spikefa._checks import in_range, text
from spikefa._interrupts import interrupts_are_kept
from spikefa.core.network import Network
from spikefa.datasets import Dataset
from spikefa.diagnostics import evaluation
from spikefa.diagnostics.gradient_alignment import GradientAlignment
from spikefa.diagnostics.record_activity import record_activity
from spikefa.errors import ArgumentError, CheckpointError, DivergenceError, RunError, did_you_mean
from spikefa.experiments import checkpoint, metrics_table
from spikefa.experiments.callback_calls import call, call_reading, scheduled_factor
from spikefa.experiments.callbacks import Callback, Progress, checked, watch_presentations
from spikefa.experiments.checkpoint_values import LARGEST_WEIGHT
from spikefa.experiments.display import Display
from spikefa.experiments.repeatable import require_repeatable
from spikefa.experiments.training_config import MOST, TrainingConfig

#: Mixed into the seed for the order of the images.
_SHUFFLE = 0x5348_5546
#: Mixed into the seed for the changes of the images.
_AUGMENT = 0x4155_474D


class Trainer:
    """Train a network on a data set, with metrics and checkpoints in a run directory.

    Image q of the whole training is image ``q % n`` of the permutation of epoch ``q // n``, which depends on
    (seed, epoch) alone; it goes to stream ``q % streams``. Nothing stops between images or epochs.

    Parameters
    ----------
    network : Network
        With a task (such as `classification_task`).
    dataset : Dataset
        With a validation set if one is wanted.
    config : TrainingConfig
    directory : Path
        The run's; must exist.
    lr_factor : function of the epoch, optional
        Factor of every rule's learning rate during that epoch; or a dict of such factors by the projection's name,
        with 1 for those it does not name.
    model_digest : str, optional
        Digest of the model file, kept in the checkpoints and compared when the run is resumed.
    augment : function of (images, rng), optional
        Returns what is shown of a batch of training images ``(streams, pixels)``, in the pixels that were loaded:
        scaling is undone before and done again after. `rng` depends on the seed and the batch's position alone.
    one_stream : function () -> Network, optional
        Builds the network with one stream, which is all that a recording of activity keeps.

    Raises
    ------
    ArgumentError
        If the network has no task, images and network do not fit, or `lr_factor`, in any epoch, names something else
        than projections that learn, or is negative or not finite.
    DataError
        If the data have other answers than the network learns.
    """

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        config: TrainingConfig,
        directory: Path,
        lr_factor: Callable[[int], float | dict[str, float]] = lambda epoch: 1.0,
        model_digest: str | None = None,
        augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
        one_stream: Callable[[], Network] | None = None,
    ):
        network.require_task("Trainer")
        require_repeatable(network)
        self.network, self.dataset, self.config, self.directory = network, dataset, config, Path(directory)
        self.lr_factor, self.model_digest, self.augment = lr_factor, model_digest, augment
        self._display = Display(one_stream)
        for part, steps in (("train", network.stimulus.steps_per_image), ("test", config.test_steps)):
            samples = network.stimulus.validate_samples(getattr(dataset, f"{part}_images")[:1])
            targets = network.readout.validate_targets(self._answers(part)[:1], 1)
            network.stimulus.require_steps(samples, targets, steps)
        self.images = len(dataset.train_images)
        if network.streams > self.images:
            raise ArgumentError(
                f"Trainer: streams must be at most {self.images}, one a training image, got {network.streams}"
            )
        total = config.epochs * self.images
        self.total = -(-total // network.streams) * network.streams
        if self.total / self._evaluated_every() > MOST:
            raise ArgumentError(
                f"Trainer: evaluate_every must leave at most {MOST:,} evaluations in {config.epochs} epochs, "
                f"got {config.evaluate_every:g}"
            )
        self.images_seen = 0
        self.seconds = 0.0
        self.rows: list[dict[str, Any]] = []
        #: Told how far it is; on a GPU, which may be in the next presentation, it must not look at the network.
        self.on_progress: Callable[[Progress], None] = lambda progress: None
        self.on_row: Callable[[dict[str, Any]], None] = lambda row: None
        self.callbacks: tuple[Callback, ...] = ()
        self.interrupted = False
        #: Why a callback has stopped it, or None.
        self.stopped: str | None = None
        self.diagnostics = GradientAlignment(network, None) if config.diagnostics else None
        self._order: tuple[int, np.ndarray] | None = None  # an epoch's number and order
        self._failed: RunError | None = None
        self._finite = [name for name, array in network.state().items() if np.isfinite(array).all()]
        before = ()  # of no factor's type
        for epoch in range(max(1, config.epochs)):  # what is wrong with a later one is not found after a night
            factor = self.lr_factor(epoch)
            if type(factor) is not type(before) or factor != before:
                self._checked_lr_factors(epoch, factor)
            before = factor

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's file."""
        return self.directory / "checkpoint.h5"

    @property
    def metrics(self) -> Path:
        """The metrics' file."""
        return self.directory / "metrics.csv"

    @property
    def done(self) -> bool:
        """Whether there is nothing left to train or to measure."""
        return self.images_seen == self.total and bool(self.rows)

    @property
    def table(self) -> list[dict[str, float | None]]:
        """The rows of the metrics as numbers; None where one was not measured."""
        return [{name: None if value == "" else float(value) for name, value in row.items()} for row in self.rows]

    def _learning(self) -> list:
        return [p for p in self.network.projections if p.learning is not None]

    # The sequence of images.

    def image_indices(self, q: np.ndarray) -> np.ndarray:
        """Return which training images are the ones of some places in the whole training.

        Parameters
        ----------
        q : ndarray of int (n,)
            Places, from 0.

        Returns
        -------
        ndarray of int (n,)
            Indices into the training images.
        """
        epochs, within = np.divmod(q, self.images)
        index = np.empty_like(q)
        for epoch in np.unique(epochs):
            if self._order is None or self._order[0] != epoch:
                rng = np.random.default_rng([self.network.seed, int(epoch), _SHUFFLE])
                self._order = (int(epoch), rng.permutation(self.images))
            now = epochs == epoch
            index[now] = self._order[1][within[now]]
        return index

    def batch(self, first: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what is shown in one presentation: images ``(streams, pixels)`` and their labels or targets.

        Parameters
        ----------
        first : int
            The place of its first image in the whole training.

        Raises
        ------
        ArgumentError
            If `augment` makes images that cannot be shown.
        """
        index = self.image_indices(np.arange(first, first + self.network.streams))
        images = self.dataset.train_images[index]
        if self.augment is not None:
            rng = np.random.default_rng([self.network.seed, first, _AUGMENT])
            changed = self.augment(self.dataset.as_loaded(images), rng)
            if np.shape(changed) != images.shape:
                raise ArgumentError(f"Trainer: augment must return images {images.shape}, got {np.shape(changed)}")
            images = self.network.stimulus.validate_samples(self.dataset.scaled(changed))
        return images, self._answers("train")[index]

    def _answers(self, part: str) -> np.ndarray:
        """Return the labels or targets of a part of the data, whichever the network learns."""
        return self.dataset.answers(part, self.network.readout.classes)

    # The milestones: after how many images something is due, rounded up to whole presentations.

    def _after(self, images: float) -> int:
        streams = self.network.streams
        return min(-(-int(np.ceil(images - 1e-9)) // streams) * streams, self.total)

    def evaluations(self) -> list[int]:
        """Return after how many images the network is evaluated, in ascending order."""
        every = self._evaluated_every()
        marks = {self._after(k * every) for k in range(int(self.total / every) + 1)}
        return sorted(marks | {0, self.total})

    def _evaluated_every(self) -> float:
        """Return the images between evaluations: those of a presentation, at least, and of the training at most."""
        every = max(self.config.evaluate_every * self.images, self.network.streams)
        return min(every, float(max(self.total, self.network.streams)))

    def _recordings(self) -> list[int]:
        if not self.config.record_activity:
            return []
        return sorted({*self.evaluations(), self._after(self.images / 20)})

    def run(self) -> dict[str, Any] | None:
        """Train to the end, or to an interrupt (Ctrl-C, SIGTERM), which saves a checkpoint.

        Returns
        -------
        dict or None
            The last row of the metrics, if there is one.

        Raises
        ------
        DivergenceError
            If weights are no longer finite; the last good checkpoint stays.
        OSError
            If something cannot be written; the last good checkpoint stays.
        """
        started = time.monotonic() - self.seconds
        evaluations, recordings = set(self.evaluations()), set(self._recordings())
        epochs = [self._after(k * self.images) for k in range(self.config.epochs + 1)]
        due = evaluations | recordings | set(epochs)
        marks = sorted(due)
        with self._interruptible():
            call_reading(self, "on_begin")
            if self.images_seen == 0 and not self.rows:
                self._milestone(evaluations, recordings, started)
            while self.images_seen < self.total and not self.interrupted and self.stopped is None:
                self._learn_until(marks[bisect.bisect_right(marks, self.images_seen)])
                self._check_finite()
                self.seconds = time.monotonic() - started
                if self.images_seen in due:
                    self._milestone(evaluations, recordings, started)
                else:
                    self.save()
                if self._failed is not None:
                    raise self._failed
            call_reading(self, "on_end")
        return self.rows[-1] if self.rows else None

    def set_callbacks(self, callbacks: Sequence[Callback]) -> None:
        """Take callbacks, which see the training from now on.

        Raises
        ------
        ArgumentError
            If they are none, or one does not fit this training.
        """
        self.callbacks = checked("Trainer", callbacks)
        for callback in self.callbacks:
            callback.check(self)

    def stop(self, reason: str = "by a callback") -> None:
        """Stop at the end of this presentation, with a checkpoint, for a reason that the run tells."""
        self.stopped = text("Trainer", "reason", reason)
        if self.network.readout.watched:
            self.network.stop()

    def _learn_until(self, mark: int) -> None:
        """Run to the mark, or until a checkpoint is due or an interrupt asks for it."""
        network, readout = self.network, self.network.readout
        due = None  # counts from the first presentation, or a slow set-up would leave time for only one
        self._set_lr_factors()

        def scored() -> None:
            nonlocal due
            due = due or time.monotonic() + self.config.checkpoint_seconds
            self.images_seen += network.streams
            progress = Progress(self.images_seen, self.total, self.images_seen / self.images, readout.error)
            self.on_progress(progress)
            try:
                call(self, "on_presentation", progress)
            except RunError as error:
                self._failed = error  # raised once this presentation is saved
            if self.interrupted or self.stopped is not None or self._failed or time.monotonic() > due:
                network.stop()

        if watch_presentations(self.callbacks):
            readout.on_presentation = scored
        else:
            readout.on_scored = scored
        first = itertools.count(self.images_seen, network.streams)  # a GPU is ahead of what has been scored
        network.stimulus.show(lambda: self.batch(next(first)), ahead=True)
        steps = (mark - self.images_seen) // network.streams * network.stimulus.steps_per_presentation
        if self.diagnostics is not None:
            self.diagnostics.request(network.step + steps - 1)
        start = network.step
        try:
            network.run_steps(steps)
        finally:
            readout.on_presentation = readout.on_scored = None
        if (network.step - start) % network.stimulus.steps_per_presentation:  # in another thread, Brian2 takes Ctrl-C
            raise KeyboardInterrupt(f"{self.directory}: was stopped within an image; the last checkpoint stays")

    def _set_lr_factors(self) -> None:
        factors = self._lr_factors(self.images_seen // self.images)
        scheduled = scheduled_factor(self)
        for projection in self._learning():
            projection.learning.lr_factor = factors.get(projection.name, 1.0) * scheduled

    def _lr_factors(self, epoch: int) -> dict[str, float]:
        """Return the factors of the learning rate in an epoch, by projection."""
        return self._checked_lr_factors(epoch, self.lr_factor(epoch))

    def _checked_lr_factors(self, epoch: int, factor: float | dict[str, float]) -> dict[str, float]:
        names = [projection.name for projection in self._learning()]
        factors = factor if isinstance(factor, dict) else dict.fromkeys(names, factor)
        if unknown := sorted(set(factors) - set(names)):
            hint = did_you_mean(unknown[0], names)
            raise ArgumentError(f"Trainer: lr_factor must name projections that learn, {names}, got {unknown}{hint}")
        return {
            name: in_range("Trainer", f"lr_factor of {name!r} in epoch {epoch}", own, 0)
            for name, own in factors.items()
        }

    def _check_finite(self) -> None:
        """Stop if weights or activity have grown beyond what a checkpoint may hold."""
        for projection in self._learning():
            largest = max(np.abs(projection.W).max(), np.abs(projection.b).max())
            if not largest <= LARGEST_WEIGHT:  # NaN too
                self._stop(f"{projection.title}: the largest weight is {largest:g}, beyond {LARGEST_WEIGHT:g}")
        state = self.network.state()
        for name in self._finite:  # others begin at infinity, such as a time that never was
            if not np.isfinite(state[name]).all():
                self._stop(f"{name} must be finite, got {state[name][~np.isfinite(state[name])][0]:g}")

    def _stop(self, what: str) -> NoReturn:
        kept = self.checkpoint if self.checkpoint.exists() else "none"
        raise DivergenceError(
            f"step {self.network.step}, {self.images_seen} images: {what}; a smaller learning rate may help; last good "
            f"checkpoint: {kept}"
        )

    def _milestone(self, evaluations: set[int], recordings: set[int], started: float) -> None:
        if self.images_seen in evaluations:  # first, as the row is what a user waits for
            row = self._measure()
            self.seconds = time.monotonic() - started
            self.rows.append({**row, "seconds": round(self.seconds, 2)})
            self._write_metrics()
            self.on_row(self.rows[-1])
            self.network.readout.reset()
        if self.images_seen in recordings:
            shown = self._display.of(self.network)
            recording = record_activity(shown, self.dataset, self.images_seen, self.config.recording_steps)
            if recording is not None:
                folder = self.directory / "recordings"
                folder.mkdir(exist_ok=True)
                recording.save(folder / f"activity-{self.images_seen:09d}.h5")
        self.save()
        if self.images_seen in evaluations:
            call_reading(self, "on_metrics", self.table[-1])

    def _measure(self) -> dict[str, Any]:
        network, data, readout = self.network, self.dataset, self.network.readout
        steps = self.config.test_steps
        validation = ""
        with network.averaged():
            test = evaluation.error(network, data.test_images, self._answers("test"), steps)
            if data.validation_images is not None:
                validation = evaluation.error(network, data.validation_images, self._answers("validation"), steps)
        row = {
            "epoch": round(self.images_seen / self.images, 6),
            "images_seen": self.images_seen,
            "train_error": readout.error,
            "validation_error": validation,
            "test_error": test,
            **self._measure_layers(),
        }
        return {name: "" if value != value else value for name, value in row.items()}  # NaN: not measured

    def _measure_layers(self) -> dict[str, float]:
        """Return the columns that depend on the network's parts; NaN if there is nothing to measure yet."""
        network = self.network
        means = dict(zip(network.layers, network.readout.mean_outputs, strict=True))
        return {
            **{f"weight_angle_deg_{name}": float(angle) for name, angle in evaluation.alignment(network).items()},
            **({} if self.diagnostics is None else evaluation.weight_differences(network) | self.diagnostics.metrics),
            **{f"mean_output_{layer.name}": float(mean) for layer, mean in means.items()},
            **{
                f"rate_hz_{layer.name}": float(mean / network.clock.dt_)
                for layer, mean in means.items()
                if layer.spikes_by_threshold
            },
        }

    def _write_metrics(self) -> None:
        write_whole(self.metrics, metrics_table.text_of(self.rows), "the metrics")

    # Saving and going on.

    def save(self, path: Path | None = None) -> None:
        """Write a checkpoint.

        Parameters
        ----------
        path : Path, optional
            Another file than the run's own.

        Raises
        ------
        OSError
            If it cannot be written; the one before is untouched.
        """
        checkpoint.save(path or self.checkpoint, self.network, self._progress(), self.model_digest)

    def _progress(self) -> dict[str, Any]:
        return {
            "images_seen": self.images_seen,
            "seconds": self.seconds,
            "rows": len(self.rows),
            "metrics": checkpoint.array_of(metrics_table.text_of(self.rows)),
            **self.network.readout.progress,
        }

    def resume(self) -> None:
        """Go back to the last checkpoint; rows of the metrics written after it are made again.

        A run that has none yet starts over.

        Raises
        ------
        CheckpointError
            If the checkpoint does not fit this network, or holds a value that cannot be.
        RunError
            If more has been done than the configured epochs, or the metrics lack a column.
        DataError
            If the file of metrics holds no table, or was changed. If there is no such file, it is written again.
        """
        if not self.checkpoint.exists():
            return  # killed before the first one
        progress = checkpoint.load(self.checkpoint, self.network, self.model_digest, self._progress())
        seen = int(progress["images_seen"])
        if seen > self.total:
            least = (seen - self.network.streams) // self.images + 1  # the last presentation may go beyond its epochs
            raise RunError(
                f"{self.directory}: epochs must be at least {least}, since {seen:,} images have been seen, "
                f"got {self.config.epochs}"
            )
        self.rows = self._kept_rows(progress, seen)
        self.images_seen, self.seconds = seen, float(progress["seconds"])
        self.network.readout.progress = progress
        if self.rows and not self.metrics.exists():
            self._write_metrics()

    def _kept_rows(self, progress: dict[str, Any], seen: int) -> list[dict[str, Any]]:
        """Return the rows that a checkpoint knows, once they are those of the file of metrics."""
        if self.metrics.exists():
            metrics_table.read_metrics(self.metrics)  # refuses what is no table of metrics, or was changed
        rows, count = metrics_table.rows_of(checkpoint.text_of(progress["metrics"])), int(progress["rows"])
        if count != len(rows):
            raise CheckpointError(f"{self.checkpoint}: rows must be {len(rows)}, those of the metrics, got {count}")
        missing = [name for name in (*self._measure_layers(), "seconds") if rows and name not in rows[0]]
        if missing:
            raise RunError(f"{self.metrics}: must have the columns {missing} to go on with, got {list(rows[0])}")
        if count and float(rows[count - 1]["images_seen"]) > seen:
            last = rows[count - 1]["images_seen"]
            raise CheckpointError(
                f"{self.checkpoint}: images_seen must be at least {last}, of its last row, got {seen}"
            )
        return rows

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Turn the first Ctrl-C or SIGTERM into a stop at the presentation's end; the second stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {}

        def handle(number: int, frame: Any) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handle)
        try:
            with interrupts_are_kept():
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
