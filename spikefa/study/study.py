"""`Study`: runs of one model over values of its parameters and seeds, kept in one directory."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from spikefa._checks import one_of, positive_int, refuse, whole
from spikefa._checks import path as checked_path
from spikefa.errors import ArgumentError, RunError
from spikefa.experiments import model_file, run_record, trusted_models
from spikefa.experiments.metrics_table import METRICS_COLUMNS
from spikefa.experiments.model_file import Model
from spikefa.experiments.provenance import git_state, machine, versions
from spikefa.experiments.run import Run, new_run
from spikefa.study import axes as axes_module
from spikefa.study import points as points_module
from spikefa.study import record as study_record
from spikefa.study import results
from spikefa.study.points import Point

#: What a search may make smaller.
OBJECTIVES = tuple(name for name in METRICS_COLUMNS if name in ("train_error", "validation_error"))


class Study:
    """Runs of a model over values of its parameters and seeds, kept in one directory.

    Nothing is written before `run`. The directory is the study: what is stated there is gone on with, and more values or
    seeds may be added at the ends of their lists. Runs lie in ``runs/``, each named by its values.

    Parameters
    ----------
    directory : path
    model : str or Model
        A model's name, its file, or one that is loaded.
    vary : mapping, optional
        Parameter of the model -> list of its values, or an `Interval` for points that are drawn or searched.
    seeds : int or sequence of int
        Seeds of each point; a number stands for those from 0.
    changes : mapping, optional
        Parameters that are the same in every run, as in `new_run`.
    points : list of dict, optional
        The combinations to train, each a value of every parameter that varies; by default all combinations.
    random : int, optional
        Draw so many points by chance.
    search : int, optional
        Choose so many points one after the other by their results, with Optuna; each is a mean over all seeds.
    objective : str
        What a search makes small: ``"validation_error"`` or ``"train_error"``.
    sampling_seed : int
        Seed of the draw or the search, not of any run.
    **settings
        Of every run, as in `new_run`: ``preset``, ``data``, ``data_dir``, ``streams``, ``validation``, ``device`` and
        fields of `TrainingConfig`.

    Raises
    ------
    ArgumentError
        If a value is of another kind or outside its range.
    ModelError
        If there is no such model, preset or parameter, or a value does not fit.
    """

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
        first = new_run(self.directory, self.model, changes, **self.settings)  # refuses what cannot be
        if first.data_dir is not None:
            self.settings["data_dir"] = first.data_dir
        self.changes = {name: getattr(first.params, name) for name in changes or {}}
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
        return self._points if self._points is not None else results.points_found(self)

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
        if self._points and not (self.directory / study_record.NAME).exists():
            self.run_of(self._points[0], self.seeds[0])[1].trainer().network.run_steps(0)
        study_record.write(self.directory, record, self.model.source)
        trusted_models.remember(self.model.source)

    def run(
        self,
        workers: int | None = None,
        scheduler: Any = None,
        *,
        retry: bool = False,
        progress: bool | Callable = True,
    ) -> list[dict[str, Any]]:
        """Train what is missing. See `spikefa.study.execute.execute`, which this calls.

        Parameters
        ----------
        workers : int, optional
            Processes of one thread each; by default one a processor. With 0, this process trains, one run at a time.
        scheduler : str, Client or cluster, optional
            Of Dask: its address such as ``"tcp://host:8786"``, ``"local"`` for a cluster of `workers` on this machine,
            or an object of `distributed` or `dask_jobqueue`.
        retry : bool
            Whether to try runs again that have failed.
        progress : bool
            Whether to show live progress.

        Returns
        -------
        list of dict
            As `rows`.

        Raises
        ------
        RunError
            If the directory holds another study, another process works on it, or the scheduler cannot be used.
        KeyboardInterrupt
            After Ctrl-C or SIGTERM, once all runs are saved; call it again to go on.
        """
        from spikefa.study.execute import execute

        execute(self, workers, scheduler, retry, progress)
        return self.rows()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a run: its values, its seed, how it stands, and its errors at the last evaluation.

        ``status`` is ``"missing"``, ``"begun"``, ``"done"``, ``"failed"`` or ``"pruned"``.
        """
        return results.rows(self)

    def table(self) -> list[dict[str, Any]]:
        """Return one row a point: mean and sample standard deviation of each error over its seeds that are done."""
        return results.table(self, self.rows())

    def best(self) -> Point:
        """Return the point of the lowest mean validation error, of those whose seeds are all done.

        Raises
        ------
        RunError
            If there is none, or no images were held out. It never looks at the test error.
        """
        return results.best(self, self.rows())

    def results(self) -> Any:
        """Return `rows` as a DataFrame of pandas, which ``spikefa[study]`` installs."""
        return results.frame(self.rows())


def _checked_seeds(seeds: Any) -> list[int]:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        return list(range(positive_int("Study", "seeds", seeds)))
    if isinstance(seeds, str | bytes | Mapping) or not isinstance(seeds, Iterable):
        refuse("Study", "seeds", "be a number or a list of seeds", seeds)
    found = [whole("Study", "a seed", seed, 0, 2**32 - 1) for seed in seeds]
    if not found or len(set(found)) < len(found):
        refuse("Study", "seeds", "be different, and at least one", found)
    return found


def open_study(directory: str | Path, data_dir: str | Path | None = None, trust: bool = False) -> Study:
    """Read a study's directory.

    Parameters
    ----------
    directory : path
    data_dir : path, optional
        Where the data are now, if not where they were.
    trust : bool
        Whether to run the code of its model wherever it is from, see `open_run`.

    Raises
    ------
    RunError
        If it is no study of this version, or was changed.
    ModelError
        If its model is from elsewhere and not trusted.
    """
    directory = checked_path("open_study", "directory", directory)
    record = study_record.read(directory)
    path = directory / "model.py"
    if not path.exists():
        raise RunError(f"{directory}: must have model.py, which was removed; restore it from a copy")
    model = model_file.load_if_trusted(path, trust)
    if model.digest != record["model_sha256"]:
        raise RunError(f"{path}: was changed since the study began; start a new study with it")
    model = dataclasses.replace(model, name=record["model"], path=Path(record["model_file"]))
    settings, search = dict(record["settings"]), record["search"]
    if data_dir is not None:
        settings["data_dir"] = data_dir
    given = {"points": record["points"]}
    if search is not None:
        given = {"search": search["trials"], "objective": search["objective"], "sampling_seed": search["sampling_seed"]}
    vary = axes_module.restored(record["vary"])
    return Study(directory, model, vary, record["seeds"], changes=record["changes"], **given, **settings)
