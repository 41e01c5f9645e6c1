"""What a run directory says: the record and the model, from which the run is made again."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spikefa.datasets import Dataset
from spikefa.errors import ArgumentError, RunError
from spikefa.experiments import model_file, run_record, trusted_models
from spikefa.experiments.model_file import Model, NotRun, as_tuples
from spikefa.experiments.training_config import TrainingConfig


def restored(
    make: Callable[..., Any],
    directory: Path,
    data_dir: Path | None = None,
    device: str = "cpu",
    trust: bool = False,
    data: Dataset | None = None,
) -> Any:
    """Return the run of a directory, made by `make` of its fields; see `open_run`."""
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
        run = make(
            directory=directory,
            model=model,
            params=params_of(model, record["params"]),
            streams=record["streams"],
            seed=record["seed"],
            config=TrainingConfig(**record["config"]),
            data=record["data"],
            data_dir=record["data_dir"] if data_dir is None else str(data_dir.resolve()),
            validation=record["validation"],
            device=device,
            data_digest=record["data_digest"],
            data_may_have_moved=data_dir is None,
            may_run_code=trust,
            given=data,
            schedule=tuple(record.get("schedule", ())),
        )
    except ArgumentError as error:
        raise RunError(f"{record_file}: {error}") from error
    except (KeyError, TypeError) as error:
        raise RunError(f"{record_file}: is incomplete or of another version of spikefa ({error})") from error
    vars(run)["classes"] = record["classes"]
    return run


def params_of(model: Model, recorded: Mapping[str, Any]) -> Any:
    """Return the parameters of a record; values by name if the model's code is not run."""
    if isinstance(model.module, NotRun):
        return types.SimpleNamespace(**{name: as_tuples(value) for name, value in recorded.items()})
    return model.restored(recorded)
