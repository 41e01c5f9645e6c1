"""A run is a directory: run.json, model.py, metrics.csv, checkpoint.h5, recordings and figures."""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spikefa import datasets
from spikefa._checks import is_whole, one_of, path, refuse, text, whole
from spikefa.core.executor import executors
from spikefa.core.network import Network
from spikefa.datasets import Dataset
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import ArgumentError, RunError
from spikefa.experiments import checkpoint, model_file, run_lock, run_record, trusted_models
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.model_file import Model, NotRun, as_tuples
from spikefa.experiments.provenance import data_digest, git_state, load_again, machine, versions
from spikefa.experiments.self_contained import refuse_neighbours
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import MOST, TrainingConfig


def _most(value: Any) -> int | None:
    """Return the limit of a number that is above it, so that only then it is in the message."""
    return MOST if is_whole(value) and value > MOST else None


@dataclass(frozen=True)
class Run:
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
        Name of the data set.
    data_dir : str or None
    validation : int
        How many of the last training images are held out.
    device : str
        Where the network runs, see `Network`.
    data_digest : str or None
        Digest of the data that the run began with; None if it has not begun.
    data_may_have_moved : bool
        Whether `data_dir` is where the data were when the run began, so that ``SPIKEFA_DATA`` may name another place.

    Raises
    ------
    ArgumentError
        If a number is outside its range.
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
        if self.data_may_have_moved:
            return load_again(self.data, self.data_dir, self.data_digest)
        return datasets.load(self.data, self.data_dir)

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

    def trainer(self) -> Trainer:
        """Return a trainer at the start of the run.

        Raises
        ------
        ModelError, ArgumentError
            If the model cannot be built, or network, data and configuration do not fit.
        RunError
            If the data are not those the run began with.
        """
        network = self.network()
        if network.readout is not None:
            vars(self)["classes"] = network.readout.classes  # what `create` writes, and builds nothing for
        return Trainer(
            network,
            self.dataset(),
            self.config,
            self.directory,
            lambda epoch: self.model.lr_factor(self.params, epoch),
            model_digest=self.model.digest,
            augment=self.model.augmentation(self.params),
        )

    def train(self, watch: Callable[[dict[str, Any]], None] = lambda row: None) -> dict[str, np.ndarray]:
        """Train to the end: from the beginning, or from the last checkpoint in the run's directory.

        Parameters
        ----------
        watch : function of a row, optional
            Called with each new row of ``metrics.csv``, such as ``print``.

        Returns
        -------
        dict
            The whole of ``metrics.csv``, as `read_metrics` reads it.

        Raises
        ------
        RunError
            If the directory holds another run or files of another kind, another process trains it, the data are not
            those it began with, or it cannot be written.
        DivergenceError
            If weights are no longer finite; the last good checkpoint stays.
        KeyboardInterrupt
            After Ctrl-C or SIGTERM, with a checkpoint saved; call it again to go on.
        """
        if (self.directory / "run.json").exists():
            begun = open_run(self.directory)
            self._refuse_another(begun)
            trainer = dataclasses.replace(self, data_digest=begun.data_digest).trainer()
        else:
            trainer = self.trainer()
            trainer.network.run_steps(0)  # refuses what does not fit before anything is written
            self.create()
        trainer.on_row = watch
        with self.locked():
            trainer.resume()
            self.write_epochs()
            trainer.run()
        if trainer.interrupted:
            raise KeyboardInterrupt(f"{self.directory}: after {trainer.images_seen:,} images, saved")
        return read_metrics(trainer.metrics)

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
            *self._recorded_params().items(),
        ]

    def _recorded_params(self) -> dict[str, Any]:
        ran = dataclasses.is_dataclass(self.params)
        values = self.model.recorded(self.params) if ran else vars(self.params)
        return {name: as_tuples(value) for name, value in values.items()}

    def metrics(self) -> dict[str, np.ndarray]:
        """Return the table of metrics, see `read_metrics`. It needs no code of the model.

        Raises
        ------
        FileNotFoundError
            If there is none yet.
        DataError
            If it was changed since training wrote it.
        """
        return read_metrics(self.directory / "metrics.csv")

    def weights(self, averaged: bool = True) -> dict[str, np.ndarray]:
        """Return the weights of the last checkpoint. It needs no code of the model, and builds no network.

        Parameters
        ----------
        averaged : bool
            Whether to take averaged weights, if the checkpoint has them.

        Returns
        -------
        dict
            Name of the projection, such as ``"h1_to_h2"`` -> array (n_pre, n_post), 0 where there is no synapse.

        Raises
        ------
        CheckpointError
            If there is no checkpoint, or it is damaged.
        """
        found = checkpoint.read_weights(self.directory / "checkpoint.h5", averaged)
        return {name: W for name, (W, _) in found.items()}

    def trained_network(self, averaged: bool = True, streams: int | None = None) -> Network:
        """Build the network, in its initial state, and give it the weights of the last checkpoint.

        Parameters
        ----------
        averaged : bool
            Whether to take averaged weights, if the checkpoint has them.
        streams : int, optional
            Number of streams, the run's by default; the weights are the same.

        Raises
        ------
        CheckpointError
            If there is no checkpoint, or it does not have the network's weights.
        """
        network = self.network(streams)
        checkpoint.load_weights(self.directory / "checkpoint.h5", network, averaged)
        network.reset_state(for_evaluation=True)
        return network

    def recordings(self) -> list[ActivityRecording]:
        """Return the recordings of activity, in the order in which they were made.

        Raises
        ------
        RunError
            If there are none.
        """
        files = sorted((self.directory / "recordings").glob("activity-*.h5"))
        if not files:
            raise RunError(
                f"{self.directory}: has no recordings of activity; they need layers that spike, classes, and "
                "record_activity",
                hint="recordings",
            )
        return [ActivityRecording.load(file) for file in files]


def _stated_again(stated: dict[str, Any], classes: int | None) -> Run:
    run = Run(**stated | {"params": _params(stated["model"], stated["params"])})
    if classes is not None:
        vars(run)["classes"] = classes
    return run


def new_run(
    directory: str | Path,
    model: str,
    changes: Mapping[str, Any] | None = None,
    *,
    preset: str | None = None,
    data: str = "mnist",
    data_dir: str | Path | None = None,
    streams: int | None = None,
    seed: int = 0,
    validation: int = 0,
    device: str = "cpu",
    **config: Any,
) -> Run:
    """State a run; nothing is written before it is trained.

    Parameters
    ----------
    directory : path
    model : str
        A model's name, or its file.
    changes : mapping, optional
        Parameters of the model, such as ``{"eta": 2e-3, "hidden": (500, 500)}``.
    preset : str, optional
        A named set of the model's parameters, which `changes` come on top of.
    data, data_dir, streams, seed, validation, device
        As in `Run`; the number of streams is the model's by default, if it says one, or 100.
    **config
        Fields of `TrainingConfig`; its numbers of epochs and of test steps are the model's by default.

    Raises
    ------
    ModelError
        If there is no such model, preset or parameter, or a value has the wrong type; or the model needs files beside
        its own, which the run would not keep.
    ArgumentError
        If a setting is none of `TrainingConfig`, or a number is outside its range.
    """
    directory = path("new_run", "directory", directory)
    one_of("new_run", "data", data, tuple(datasets.datasets))
    one_of("new_run", "device", device, ("cpu", *executors))
    if data_dir is not None:
        data_dir = path("new_run", "data_dir", data_dir)
    if changes is not None and not isinstance(changes, Mapping):
        refuse("new_run", "changes", "be a dict of the model's parameters, or None", changes)
    if preset is not None:
        text("new_run", "preset", preset)
    fields = [field.name for field in dataclasses.fields(TrainingConfig)]
    for name in config:
        one_of("new_run", "a setting", name, fields)
    loaded = model_file.load(model)
    refuse_neighbours(loaded.parsed)
    params = loaded.params(dict(changes or {}), preset)
    defaults = {"epochs": 5, "test_steps": getattr(params, "steps_per_image", 1)}
    for name, default in defaults.items():
        if config.get(name) is None:
            config[name] = getattr(params, name, default)
    if hasattr(params, "recording_steps"):
        config.setdefault("recording_steps", params.recording_steps)
    return Run(
        directory=directory,
        model=loaded,
        params=params,
        streams=getattr(params, "streams", 100) if streams is None else streams,
        seed=seed,
        config=TrainingConfig(**config),
        data=data,
        data_dir=None if data_dir is None else str(data_dir.resolve()),
        validation=validation,
        device=device,
    )


def open_run(
    directory: str | Path, data_dir: str | Path | None = None, device: str = "cpu", trust: bool = False
) -> Run:
    """Read a run directory.

    The code of its model is run if it is an installed model's, or that of a run made on this machine, or `trust` says
    so. Otherwise what needs no code is there: `Run.metrics`, `Run.weights`, `Run.recordings` and the values of the
    record; what needs the network or the data as it prepares them is refused.

    Parameters
    ----------
    directory : path
    data_dir : path, optional
        Where the data are now, if not where they were; ``SPIKEFA_DATA`` may name the place, too.
    device : str
        Where the network is to run now, wherever the run began.
    trust : bool
        Whether to run the code of its model wherever it is from.

    Raises
    ------
    RunError
        If it is no run directory of this version, or was changed.
    """
    directory = path("open_run", "directory", directory)
    one_of("open_run", "device", device, ("cpu", *executors))
    if data_dir is not None:
        data_dir = path("open_run", "data_dir", data_dir)
    record = run_record.read(directory)
    record_file = directory / "run.json"
    if not (directory / "model.py").exists():
        raise RunError(
            f"{directory}: must have model.py, which was removed, or the run was killed before it began; "
            "restore it from a copy, or remove the directory and start the run again"
        )
    try:
        source = model_file.find(directory / "model.py").text
        if trusted_models.digest_of(source) != record["model_sha256"]:
            raise RunError(f"{directory / 'model.py'}: was changed since the run began; start a new run with it")
        model = model_file.load_if_trusted(directory / "model.py", trust)
        model = dataclasses.replace(model, name=record["model"], path=Path(record["model_file"]))
        run = Run(
            directory=directory,
            model=model,
            params=_params(model, record["params"]),
            streams=record["streams"],
            seed=record["seed"],
            config=TrainingConfig(**record["config"]),
            data=record["data"],
            data_dir=record["data_dir"] if data_dir is None else str(data_dir.resolve()),
            validation=record["validation"],
            device=device,
            data_digest=record["data_digest"],
            data_may_have_moved=data_dir is None,
        )
    except ArgumentError as error:
        raise RunError(f"{record_file}: {error}") from error
    except (KeyError, TypeError) as error:
        raise RunError(f"{record_file}: is incomplete or of another version of spikefa ({error})") from error
    vars(run)["classes"] = record["classes"]
    return run


def _params(model: Model, recorded: Mapping[str, Any]) -> Any:
    if isinstance(model.module, NotRun):
        return types.SimpleNamespace(**{name: as_tuples(value) for name, value in recorded.items()})
    return model.restored(recorded)
