"""`Design`: what a study is, a model, values of its parameters, and seeds; and its record."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from spikefa._checks import one_of, positive_int, refuse, whole
from spikefa._checks import path as checked_path
from spikefa.datasets import Dataset
from spikefa.errors import ArgumentError
from spikefa.experiments import model_file, run_record, trusted_models
from spikefa.experiments.metrics_table import METRICS_COLUMNS
from spikefa.experiments.model_file import Model
from spikefa.experiments.provenance import git_state, machine, versions
from spikefa.experiments.run import Run, new_run
from spikefa.study import axes as axes_module
from spikefa.study import points as points_module
from spikefa.study import record as study_record
from spikefa.study.points import Point

#: What a search may make smaller.
OBJECTIVES = tuple(name for name in METRICS_COLUMNS if name in ("train_error", "validation_error"))


class Design:
    """What a study is; `Study` says what its parameters are, and trains it."""

    def __init__(
        self,
        directory: str | Path,
        model: str | Model,
        vary: Mapping[str, Any] | None = None,
        seeds: int | Iterable[int] = 1,
        *,
        changes: Mapping[str, Any] | None = None,
        points: Iterable[Mapping[str, Any]] | None = None,
        random: int | None = None,
        search: int | None = None,
        objective: str = "validation_error",
        sampling_seed: int = 0,
        **settings: Any,
    ):
        self.directory = checked_path("Study", "directory", directory)
        self.model = model if isinstance(model, Model) else model_file.load(model)
        self.vary = axes_module.checked(self.model, {} if vary is None else vary)
        self.seeds = _checked_seeds(seeds)
        if "seed" in settings:
            refuse("Study", "seed", "be given as seeds", settings["seed"])
        self.settings = {name: value for name, value in settings.items() if value is not None}
        if isinstance(self.settings.get("data"), Dataset):
            rule = "be the name of a data set, a file or a folder, which other processes can load"
            refuse("Study", "data", rule, self.settings["data"])
        first = new_run(self.directory, self.model, changes, **self.settings)  # refuses what cannot be
        if "data" in self.settings:
            self.settings["data"] = first.data
        if first.data_dir is not None:
            self.settings["data_dir"] = first.data_dir
        self.changes = {name: self.model.kind(name).recorded(getattr(first.params, name)) for name in changes or {}}
        self._resolved = {
            **{name: getattr(first, name) for name in ("streams", "data", "validation")},
            **dataclasses.asdict(first.config),
            "preset": self.settings.get("preset"),
        }
        for name in self.vary:
            if name in self.changes:
                refuse("Study", "changes", f"leave {name} to the values that vary", changes)
        self.sampling_seed = whole("Study", "sampling_seed", sampling_seed, 0, 2**32 - 1)
        self.search = None if search is None else positive_int("Study", "search", search, "trials or None")
        self.objective = one_of("Study", "objective", objective, OBJECTIVES)
        if sum(given is not None for given in (points, random, search)) > 1:
            raise ArgumentError("Study: only one of points, random and search must be given, got more")
        if self.search is not None:
            self._check_search(first)
            self._points = None
        elif random is not None:
            random = positive_int("Study", "random", random, "points or None")
            self._points = points_module.drawn(self.vary, random, self.sampling_seed)
        elif points is not None:
            self._points = points_module.checked(self.model, self.vary, points)
        else:
            self._points = points_module.grid(self.vary)
        for point in self._points or []:
            self.model.params(self.changes | point, self.settings.get("preset"))  # values that do not fit each other

    def _check_search(self, first: Run) -> None:
        if not self.vary:
            raise ArgumentError("Study: vary must have a parameter to search, got none")
        if self.objective == "validation_error" and not first.validation:
            raise ArgumentError("Study: validation must be above 0 for a search by validation_error, got 0")

    def run_of(self, point: Point, seed: int) -> tuple[str, Run]:
        """Return the name and the run of a point and a seed."""
        name = points_module.run_name(self.vary, point, seed)
        directory = self.directory / "runs" / name
        return name, new_run(directory, self.model, self.changes | point, seed=seed, **self.settings)

    @property
    def points(self) -> list[Point]:
        """The points: all that are to be trained, or those that a search has begun."""
        return self._points if self._points is not None else points_module.found(self.directory, self.vary, self.seeds)

    @cached_property
    def _planned(self) -> dict[str, tuple[Point, Run]]:
        return self._runs_of(self._points or [])

    @property
    def runs(self) -> dict[str, tuple[Point, Run]]:
        """Name of each run -> its point and the run, whether it was begun or not."""
        return self._planned if self._points is not None else self._runs_of(self.points)

    def _runs_of(self, points: Iterable[Point]) -> dict[str, tuple[Point, Run]]:
        runs = {}
        for point in points:
            for seed in self.seeds:
                name, run = self.run_of(point, seed)
                runs[name] = point, run
        return runs

    def in_words(self) -> str:
        """Return one sentence: how many points, what varies, which seeds, how many runs."""
        if self.search is not None:
            points, how = self.search, f"points that a search proposes by {self.objective.replace('_', ' ')}"
        else:
            points, how = len(self._points), "points" if len(self._points) != 1 else "point"
        varied = f" of {', '.join(self.vary)}" if self.vary else ""
        runs = points * len(self.seeds)
        runs = f"{runs} run{'s'[: runs != 1]} in {self.directory}"
        return f"{self.model.name}: {points} {how}{varied}, {_seeds_in_words(self.seeds)}: {runs}"

    def create(self) -> None:
        """Write what the study is, if it is new or has been added to.

        Raises
        ------
        RunError
            If the directory holds another study, or files of another kind, or cannot be written.
        ModelError, ArgumentError, DataError
            If its first network cannot be built, or does not fit the data. Nothing is written then.
        """
        record = {
            "model": self.model.name,
            "model_file": str(self.model.path),
            "model_sha256": self.model.digest,
            "changes": self.changes,
            "vary": axes_module.recorded(self.vary),
            "points": self._points,
            "seeds": self.seeds,
            "settings": self.settings,
            "resolved": self._resolved,
            "search": None
            if self.search is None
            else {"trials": self.search, "objective": self.objective, "sampling_seed": self.sampling_seed},
            "created": run_record.now(),
            "command": sys.argv,
            "versions": versions(),
            "git": git_state(),
            "machine": machine(),
        }
        if not (self.directory / study_record.NAME).exists():
            first = self._points[0] if self._points else points_module.first(self.vary)
            self.run_of(first, self.seeds[0])[1].trainer().network.run_steps(0)
        study_record.write(self.directory, record, self.model.source)
        trusted_models.remember(self.model.source)


def _seeds_in_words(seeds: list[int]) -> str:
    if len(seeds) > 4 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    listed = ", ".join(map(str, seeds if len(seeds) <= 10 else [*seeds[:9], f"and {len(seeds) - 9} more"]))
    return f"seed{'s'[: len(seeds) != 1]} {listed}"


def _checked_seeds(seeds: Any) -> list[int]:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        return list(range(positive_int("Study", "seeds", seeds)))
    listed = axes_module.items("seeds", "be a number or a list of seeds", seeds)
    found = [whole("Study", "a seed", seed, 0, 2**32 - 1) for seed in listed]
    if not found or len(set(found)) < len(found):
        refuse("Study", "seeds", "be different, and at least one", found)
    return found
