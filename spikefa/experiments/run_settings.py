"""The settings of a run as a text in TOML, and those of an earlier run: what `new_run` takes, by its names."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikefa._checks import one_of, user_path
from spikefa._optional import optional
from spikefa.datasets.own import is_function
from spikefa.errors import ArgumentError, RunError
from spikefa.experiments import model_file
from spikefa.experiments.run.run import Run
from spikefa.experiments.training_config import TrainingConfig

#: What a file may state beside the parameters and the fields of `TrainingConfig`, in words.
GENERAL = {
    "model": "a model's name or its file",
    "preset": "named parameters; those below come on top",
    "data": "a data set, a file .npz, or a folder of images",
    "data_dir": "directory of the data's files",
    "streams": "images shown at once",
    "seed": "everything random follows from it",
    "validation": "training images held out",
}
#: Fields of `TrainingConfig` that the parameters of a model may state, or that follow from them.
OF_PARAMETERS = ("epochs", "test_steps", "recording_steps")
#: Bytes that a file of settings may have.
_MOST = 2**20


def read_settings(path: str | Path) -> dict[str, Any]:
    """Read the settings of a run from a file of TOML, as `config_text` writes it.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        Keywords of `new_run`; ``changes`` are the parameters of the model. Paths are as in the file.

    Raises
    ------
    RunError
        If it is no TOML, or states something that a run does not have.
    ModelError
        If there is no such model or parameter.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from spikefa.experiments.run_settings import config_text, read_settings
    >>> text = config_text("lillicrap2016_spiking", "digits")
    >>> written = Path("mine.toml").write_text(text)
    >>> settings = read_settings(Path("mine.toml"))
    """
    path = user_path(path)
    try:
        if path.stat().st_size > _MOST:
            raise RunError(f"{path}: must have at most {_MOST:,} bytes, got {path.stat().st_size:,}")
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: is no TOML ({error})") from error
    parameters = stated.pop("parameters", {})
    try:
        for name in stated:
            one_of(str(path), "a setting", name, ["parameters", *GENERAL, *_training()])
    except ArgumentError as error:
        raise RunError(str(error)) from None
    if not isinstance(stated.get("model"), str) or not isinstance(parameters, Mapping):
        raise RunError(f'{path}: must have model = "NAME", and parameters in a table [parameters]')
    if is_function(str(stated.get("data", ""))):
        raise RunError(f"{path}: data must be no code, which only the one who runs it can name, got {stated['data']!r}")
    model = model_file.load(stated["model"])
    texts = [f"{name}={value}" for name, value in parameters.items() if isinstance(value, str)]
    others = {name: value for name, value in parameters.items() if not isinstance(value, str)}
    return stated | {"changes": others | model.parse(texts)}


def settings_of(run: Run) -> dict[str, Any]:
    """Return the settings of a run, with which `new_run` states one like it.

    Raises
    ------
    ModelError
        If the code of its model is not trusted.
    RunError
        If its data are made by code that is not trusted.
    """
    if run.given is None and is_function(run.data) and not run.may_run_code:
        raise RunError(f"{run.directory}: data {run.data!r} are made by code, which was not run", hint="trust")
    taken = [field.name for field in dataclasses.fields(run.model.module.Params) if field.init]
    return {
        "model": run.model,
        "changes": {name: getattr(run.params, name) for name in taken},
        "data": run.data if run.given is None else run.given,
        **{name: getattr(run, name) for name in ("data_dir", "streams", "seed", "validation")},
        **{name: value for name, value in dataclasses.asdict(run.config).items() if not _follows(run, name, value)},
    }


def _follows(run: Run, name: str, value: Any) -> bool:
    """Whether a setting is what the parameters say, so that with other parameters it is another."""
    return name in OF_PARAMETERS and getattr(run.params, name, None) == value


def config_text(model: str, preset: str | None = None) -> str:
    """Return all settings of a model as TOML, with a comment each, for `read_settings`.

    Parameters
    ----------
    model : str
        Its name or file.
    preset : str, optional

    Raises
    ------
    ModelError
        If there is no such model or preset.
    SpikefaError
        If tomlkit is not installed.

    Examples
    --------
    >>> from spikefa.experiments.run_settings import config_text
    >>> text = config_text("lillicrap2016_spiking", "digits")
    >>> text.splitlines()[1]
    "# a model's name or its file"
    """
    toml = optional("tomlkit", "spikefa config", "config")
    loaded = model_file.load(model)
    params, described = loaded.params(preset=preset), loaded.describe()
    recorded = loaded.recorded(params)
    document = toml.document()
    document.add(toml.comment(described.summary))

    def add(table: Any, name: str, value: Any, meaning: str) -> None:
        table.add(toml.comment(meaning))
        table.add(name, "none" if value is None else list(value) if isinstance(value, tuple) else value)

    general = {
        "model": model,
        "data": loaded.data_of(preset),
        "streams": getattr(params, "streams", 100),
        "seed": 0,
        "validation": 0,
    }
    for name, value in general.items():
        add(document, name, value, GENERAL[name])
    defaults = TrainingConfig(test_steps=getattr(params, "steps_per_image", 1))
    for name, meaning in _training().items():
        if name not in OF_PARAMETERS or not hasattr(params, name):
            add(document, name, getattr(defaults, name), meaning)
        elif name not in recorded:
            document.add(toml.comment(f"{name} follows from the parameters: {meaning}"))
    table = toml.table()
    for parameter in described.parameters:
        allowed = f"; {parameter.range}" if parameter.range else ""
        add(table, parameter.name, recorded[parameter.name], f"{parameter.meaning} ({parameter.type}{allowed})")
    document.add(toml.nl())
    document.add("parameters", table)
    return toml.dumps(document)


def _training() -> dict[str, str]:
    """Return the fields of `TrainingConfig` in words."""
    return {
        "epochs": "passes over the training images",
        "test_steps": "steps for which a test image is shown",
        "evaluate_every": "epochs between evaluations",
        "checkpoint_seconds": "seconds between checkpoints",
        "record_activity": "whether to record rasters and PSPs on the way",
        "recording_steps": "steps an image in those recordings",
        "diagnostics": "whether to measure the updates against those of backpropagation",
    }
