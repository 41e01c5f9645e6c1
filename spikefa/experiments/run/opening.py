"""`open_run`: a run directory is read."""

from __future__ import annotations

from pathlib import Path

from spikefa._checks import instance, one_of, path
from spikefa.core.executor import executors
from spikefa.datasets import Dataset
from spikefa.experiments.run.run import Run
from spikefa.experiments.run.stored import restored


def open_run(
    directory: str | Path,
    data_dir: str | Path | None = None,
    device: str = "cpu",
    trust: bool = False,
    data: Dataset | None = None,
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
        Whether to run the code of its model, and of a function that made its data, wherever they are from.
    data : Dataset, optional
        The data themselves, of a run that was stated with them.

    Raises
    ------
    RunError
        If it is no run directory of this version, or was changed.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> run.model.name
    'lillicrap2016_spiking'
    >>> network = run.trained_network(streams=1)
    """
    directory = path("open_run", "directory", directory)
    one_of("open_run", "device", device, ("cpu", *executors))
    if data_dir is not None:
        data_dir = path("open_run", "data_dir", data_dir)
    if data is not None:
        instance("open_run", "data", data, Dataset, "a Dataset, or None")
    return restored(Run, directory, data_dir, device, trust, data)
