"""`new_run`: a run is stated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikefa import datasets
from spikefa._checks import one_of, path, refuse, text
from spikefa.core.executor import executors
from spikefa.datasets import Dataset
from spikefa.datasets.own import is_function, is_path
from spikefa.experiments import model_file
from spikefa.experiments.model_file import Model
from spikefa.experiments.run.run import Run
from spikefa.experiments.self_contained import refuse_neighbours
from spikefa.experiments.training_config import TrainingConfig


def new_run(
    directory: str | Path,
    model: str | Path | Model,
    changes: Mapping[str, Any] | None = None,
    *,
    preset: str | None = None,
    data: str | Path | Dataset | None = None,
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
    model : str, path or Model
        A model's name, or its file; or a loaded one, such as that of another run.
    changes : mapping, optional
        Parameters of the model, such as ``{"eta": 2e-3, "hidden": (500, 500)}``.
    preset : str, optional
        A named set of the model's parameters, which `changes` come on top of.
    data : str, path or Dataset, optional
        A name in `datasets`; an ``.npz`` file or a folder of images by class; ``module:function``, whose code is then
        run; or the data themselves. By default those of the preset, or MNIST. With other data than those, sizes that
        follow from the data are the data's, unless `changes` has them.
    data_dir, streams, seed, validation, device
        As in `Run`; the number of streams is the model's by default, if it says one, or 100.
    **config
        Fields of `TrainingConfig`; its numbers of epochs and of test steps are the model's by default.

    Raises
    ------
    ModelError
        If there is no such model, preset or parameter, or a value has the wrong type; or the model needs files beside
        its own, which the run would not keep.
    DataError
        If the data cannot be loaded, which is done only for sizes that follow from them.
    ArgumentError
        If a setting is none of `TrainingConfig`, or a number is outside its range.

    Examples
    --------
    >>> import spikefa as fa
    >>> small = {"hidden": (20,), "outputs": 50}
    >>> run = fa.new_run("runs/small", "lillicrap2016_spiking", small, preset="digits", seed=1, epochs=3)
    >>> run.data, run.config.epochs
    ('digits', 3)
    """
    directory = path("new_run", "directory", directory)
    data, given = _data(data)
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
    loaded = model if isinstance(model, Model) else model_file.load(model)
    refuse_neighbours(loaded.parsed)
    changes = dict(changes or {})
    params, usual = loaded.params(changes, preset), loaded.data_of(preset)
    if data is None:
        data = usual
    elif data != usual and loaded.has_sizes:
        given = given or datasets.load(data, data_dir, code=True)
        params = loaded.params(loaded.sizes(params, given) | changes, preset)
    for name, default in (("epochs", 5), ("test_steps", getattr(params, "steps_per_image", 1))):
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
        may_run_code=True,
        given=given,
    )


def _data(data: Any) -> tuple[str | None, Dataset | None]:
    """Return the name of data as a run keeps it, and the data themselves if they were given."""
    if data is None:
        return None, None
    if isinstance(data, Dataset):
        return data.name, data
    if isinstance(data, Path) or (isinstance(data, str) and data not in datasets.datasets and is_path(data)):
        return str(path("new_run", "data", data).resolve()), None
    if not (isinstance(data, str) and is_function(data)):
        one_of("new_run", "data", data, tuple(datasets.datasets))
    return data, None
