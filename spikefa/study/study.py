"""`Study`: runs of one model over values of its parameters and seeds, kept in one directory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from spikefa._checks import path as checked_path
from spikefa.errors import RunError
from spikefa.experiments import model_file
from spikefa.study import axes as axes_module
from spikefa.study import record as study_record
from spikefa.study import results
from spikefa.study.design import Design
from spikefa.study.execute import execute
from spikefa.study.points import Point
from spikefa.study.progress import Watcher


class Study(Design):
    """Runs of a model over values of its parameters and seeds, kept in one directory.

    Nothing is written before `run`. The directory is the study: what is stated there is gone on with, and more values
    or seeds may be added at the ends of their lists. Runs lie in ``runs/``, each named by its values.

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

    Examples
    --------
    >>> import spikefa as fa
    >>> vary = {"eta": [1e-3, 2e-3], "pathway": ["alignment", "direct"]}
    >>> study = fa.Study("studies/planned", "lillicrap2016_spiking", vary, seeds=3, preset="digits", validation=237)
    >>> len(study.runs)
    12
    >>> study.run(workers=2)  # doctest: +SKIP
    """

    def run(
        self,
        workers: int | None = None,
        scheduler: Any = None,
        *,
        retry: bool = False,
        progress: bool | Watcher = True,
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
        progress : bool or Watcher
            Whether to show live progress; or what shows it.

        Returns
        -------
        list of dict
            As `rows`.

        Raises
        ------
        ArgumentError
            If an argument is of another kind.
        RunError
            If the directory holds another study, another process works on it, or the scheduler cannot be used.
        KeyboardInterrupt
            After Ctrl-C or SIGTERM, once all runs are saved; call it again to go on.
        """
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

    Examples
    --------
    >>> import spikefa as fa
    >>> study = fa.open_study("studies/rates")
    >>> [row["done"] for row in study.table()]
    [1]
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
