"""A run is a directory: run.json, model.py, metrics.csv, checkpoint.h5, recordings and figures."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from spikefa import datasets
from spikefa._checks import called, is_whole, refuse, whole
from spikefa.core.network import Network
from spikefa.datasets import Dataset
from spikefa.errors import RunError
from spikefa.experiments import checkpoint as checkpoints
from spikefa.experiments import run_lock, run_record, trusted_models
from spikefa.experiments.callbacks import Callback, schedule_of
from spikefa.experiments.callbacks import checked as checked_callbacks
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.model_file import Model, as_tuples
from spikefa.experiments.progress import checked as checked_progress
from spikefa.experiments.progress import train_shown
from spikefa.experiments.provenance import data_digest, git_state, load_again, machine, versions
from spikefa.experiments.run.files import RunFiles
from spikefa.experiments.run.stored import params_of, restored
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import MOST, TrainingConfig


def _most(value: Any) -> int | None:
    """Return the limit of a number that is above it, so that only then it is in the message."""
    return MOST if is_whole(value) and value > MOST else None


@dataclass(frozen=True)
class Run(RunFiles):
    """A training run and where it is kept.

    It reads its data once, at the first need of them.

    Parameters
    ----------
    directory : Path
    model : Model
    params : object
        The model's ``Params``; if its code is not run, the values in the record by their names.
    streams, seed : int
    config : TrainingConfig
    data : str
        Name of the data set, path of a user's own, or ``module:function``.
    data_dir : str or None
    validation : int
        How many of the last training images are held out.
    device : str
        Where the network runs, see `Network`.
    data_digest : str or None
        Digest of the data that the run began with; None if it has not begun.
    data_may_have_moved : bool
        Whether `data_dir` is where the data were when the run began, so that ``SPIKEFA_DATA`` may name another place.
    schedule : tuple of str
        The callbacks that set its learning rates, in words.
    may_run_code : bool
        Whether a function that makes the data may be called, see `datasets.load`.
    given : Dataset or None
        The data themselves, if they are not read by their name.

    Raises
    ------
    ArgumentError
        If a number is outside its range.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> table = run.metrics()
    >>> run.weights()["image_to_h1"].shape[0]
    64
    >>> len(run.recordings()) > 1
    True
    """

    directory: Path
    model: Model
    params: Any
    streams: int
    seed: int
    config: TrainingConfig
    data: str
    data_dir: str | None
    validation: int
    device: str = "cpu"
    data_digest: str | None = None
    data_may_have_moved: bool = False
    schedule: tuple[str, ...] = ()
    may_run_code: bool = False
    given: Dataset | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        numbers = {
            "streams": whole("Run", "streams", self.streams, 1, _most(self.streams)),
            "seed": whole("Run", "seed", self.seed, 0, 2**32 - 1, "be a whole number from 0 to 2**32 - 1"),
            "validation": whole("Run", "validation", self.validation),
        }
        for name, value in numbers.items():
            object.__setattr__(self, name, value)  # numpy's cannot be written to run.json

    def __reduce__(self) -> tuple:
        """Pickle what states the run, so that another process can train or evaluate it; it reads the data itself."""
        stated = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        stated["params"] = self._recorded_params()  # their class is in a module that only this process has
        return _stated_again, (stated, vars(self).get("classes"))

    def create(self) -> None:
        """Make the directory and write what the run is; its model's code is trusted on this machine from then on.

        Raises
        ------
        RunError
            If there is a run already, or files that would be overwritten, or the directory cannot be written.
        """
        record = {
            "model": self.model.name,
            "model_file": str(self.model.path),
            "model_sha256": self.model.digest,
            "params": self.model.recorded(self.params),
            "streams": self.streams,
            "seed": self.seed,
            "config": dataclasses.asdict(self.config),
            "data": self.data,
            "data_dir": self.data_dir,
            "data_digest": self.found_digest,
            "validation": self.validation,
            "device": self.device,
            "classes": self.classes,
            "schedule": list(self.schedule),
            "created": run_record.now(),
            "command": sys.argv,
            "versions": versions(),
            "git": git_state(),
            "machine": machine(),
        }
        run_record.create(self.directory, record, self.model.source)
        trusted_models.remember(self.model.source)

    def locked(self) -> AbstractContextManager[None]:
        """Within it, no other process trains this run.

        Raises
        ------
        RunError
            If another process trains it now; the message names it.
        """
        return run_lock.locked(self.directory)

    def ending_after(self, epochs: int) -> Run:
        """Return the same run with another number of epochs; `write_epochs` makes it last."""
        return dataclasses.replace(self, config=dataclasses.replace(self.config, epochs=epochs))

    def write_epochs(self) -> None:
        """Write the number of epochs into ``run.json``, which keeps the earlier ones with the time of the change.

        Raises
        ------
        OSError
            If it cannot be read or written; it is as it was.
        """
        run_record.change_epochs(self.directory, self.config.epochs)

    def network(self, streams: int | None = None) -> Network:
        """Build the network as at the start of the run, with its number of streams or another."""
        streams = self.streams if streams is None else streams
        network = self.model.build(self.params, streams, self.seed, lambda: self.dataset().train_images)
        network.device = self.device
        return network

    @cached_property
    def _loaded(self) -> Dataset:
        if self.given is not None:
            return self.given
        if self.data_may_have_moved:
            return load_again(self.data, self.data_dir, self.data_digest, self.may_run_code)
        return datasets.load(self.data, self.data_dir, code=self.may_run_code)

    @cached_property
    def found_digest(self) -> str:
        """Digest of the data that this object has read."""
        return data_digest(self._loaded)

    @cached_property
    def _prepared(self) -> Dataset:
        prepared = self.model.prepare(self.params, self._loaded.split(self.validation))
        del vars(self)["_loaded"]  # a study keeps many runs
        return prepared

    def dataset(self, other: bool = False) -> Dataset:
        """Return the data, the validation images held out, and all prepared as the model says.

        They are read, and their digest taken, at the first call; every call returns the same object.

        Parameters
        ----------
        other : bool
            Whether data other than those the run began with will do, as to evaluate it on them.

        Raises
        ------
        RunError
            If they are not those the run began with.
        DataError
            If they cannot be loaded.
        ModelError
            If the model cannot prepare them.
        """
        found = self.found_digest
        if not other and self.data_digest not in (None, found):
            raise RunError(
                f"{self.directory}: began with data set {self.data!r} of digest {self.data_digest}, not {found}, which "
                "is found now",
                hint="data directory",
            )
        return self._prepared

    @cached_property
    def classes(self) -> int | None:
        """Number of classes; None for a regression.

        A run that has begun has it from ``run.json``; one that has a trainer, from its network.
        """
        return self.network().readout.classes

    def trainer(self, callbacks: Sequence[Callback] = ()) -> Trainer:
        """Return a trainer at the start of the run.

        Parameters
        ----------
        callbacks : sequence of Callback

        Raises
        ------
        ModelError, ArgumentError
            If the model cannot be built, or network, data, configuration and callbacks do not fit.
        RunError
            If the data are not those the run began with, or the callbacks set learning rates in another way.
        """
        callbacks = checked_callbacks("Run", callbacks)
        if (schedule := tuple(schedule_of(callbacks))) != self.schedule:
            began, given = (" and ".join(texts) or "no callback" for texts in (self.schedule, schedule))
            raise RunError(f"{self.directory}: learning rates must be set by {began}, as in the run, got {given}")
        network = self.network()
        if network.readout is not None:
            vars(self)["classes"] = network.readout.classes  # what `create` writes, and builds nothing for
        trainer = Trainer(
            network,
            self.dataset(),
            self.config,
            self.directory,
            lambda epoch: self.model.lr_factor(self.params, epoch),
            model_digest=self.model.digest,
            augment=self.model.augmentation(self.params),
            one_stream=lambda: self.model.build(self.params, 1, self.seed, lambda: self.dataset().train_images),
        )
        trainer.set_callbacks(callbacks)
        return trainer

    def train(
        self,
        watch: Callable[[dict[str, Any]], None] = lambda row: None,
        *,
        callbacks: Sequence[Callback] = (),
        progress: bool | None = None,
    ) -> dict[str, np.ndarray]:
        """Train to the end: from the beginning, or from the last checkpoint in the run's directory.

        Parameters
        ----------
        watch : function of a row, optional
            Called with each new row of ``metrics.csv``, such as ``print``.
        callbacks : sequence of Callback, optional
            Such as `EarlyStopping`. Those that set learning rates belong to the run, which goes on only with them.
        progress : bool, optional
            Whether to show how far it is, and each new row; by default in a terminal or a notebook.

        Returns
        -------
        dict
            The whole of ``metrics.csv``, as `read_metrics` reads it.

        Raises
        ------
        ArgumentError
            If an argument is of another kind, or `watch` raises.
        RunError
            If the directory holds another run or files of another kind, another process trains it, the data are not
            those it began with, it cannot be written, or a callback raises.
        DivergenceError
            If weights are no longer finite; the last good checkpoint stays.
        KeyboardInterrupt
            After Ctrl-C or SIGTERM, with a checkpoint saved; call it again to go on.
        """
        if not callable(watch):
            refuse("Run.train", "watch", "be a function of a row", watch)
        progress = checked_progress("Run.train", progress)
        trainer = self.begun(callbacks)
        trainer.on_row = partial(called, "Run.train", "watch", watch)
        with self.locked():
            trainer.resume()
            self.write_epochs()
            train_shown(trainer, progress)
        return read_metrics(trainer.metrics)

    def begun(self, callbacks: Sequence[Callback] = ()) -> Trainer:
        """Return a trainer of the run in the directory, which is made if there is none; it is not resumed yet.

        Raises
        ------
        RunError
            If the directory holds another run or files of another kind, the data are not those it began with, or it
            cannot be written.
        """
        schedule = tuple(schedule_of(checked_callbacks("Run", callbacks)))
        stated = self if schedule == self.schedule else dataclasses.replace(self, schedule=schedule)
        if (self.directory / "run.json").exists():
            there = restored(Run, self.directory)
            stated._refuse_another(there)
            return dataclasses.replace(stated, data_digest=there.data_digest).trainer(callbacks)
        trainer = stated.trainer(callbacks)
        trainer.network.run_steps(0)  # refuses what does not fit before anything is written
        stated.create()
        return trainer

    def _refuse_another(self, other: Run) -> None:
        """Refuse to go on with a run that learns or measures something else; when it measures may differ."""
        for (name, value), (_, found) in zip(self._settings(), other._settings(), strict=False):
            if found != value:
                held = f"{name} {found!r}, not {value!r}"
                raise RunError(f"{self.directory}: holds a run with {held}; give another directory")

    def _settings(self) -> list[tuple[str, Any]]:
        """Return what a run's rows depend on, the model first; its parameters may have names of the others."""
        return [
            *(("model", self.model.name), ("model_sha256", self.model.digest)),
            *((name, getattr(self, name)) for name in ("streams", "seed", "data", "validation")),
            *((name, getattr(self.config, name)) for name in ("test_steps", "diagnostics")),
            ("schedule", self.schedule),
            *self._recorded_params().items(),
        ]

    def _recorded_params(self) -> dict[str, Any]:
        ran = dataclasses.is_dataclass(self.params)
        values = self.model.recorded(self.params) if ran else vars(self.params)
        return {name: as_tuples(value) for name, value in values.items()}

    def trained_network(
        self, averaged: bool = True, streams: int | None = None, checkpoint: str = "checkpoint.h5"
    ) -> Network:
        """Build the network, in its initial state, and give it the weights of the last checkpoint.

        Parameters
        ----------
        averaged : bool
            Whether to take averaged weights, if the checkpoint has them.
        streams : int, optional
            Number of streams, the run's by default; the weights are the same.
        checkpoint : str
            Name of the file in the run's directory, such as the ``best.h5`` of `KeepBest`.

        Raises
        ------
        CheckpointError
            If there is no checkpoint, or it does not have the network's weights.
        """
        network = self.network(streams)
        checkpoints.load_weights(self.directory / checkpoint, network, averaged)
        network.reset_state(for_evaluation=True)
        return network


def _stated_again(stated: dict[str, Any], classes: int | None) -> Run:
    run = Run(**stated | {"params": params_of(stated["model"], stated["params"])})
    if classes is not None:
        vars(run)["classes"] = classes
    return run
