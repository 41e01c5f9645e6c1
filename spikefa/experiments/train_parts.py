"""`train`: train a network that was built from parts, without a model file."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikefa._checks import called, instance, one_of, path
from spikefa.core.network import Network, require_network
from spikefa.datasets import Dataset
from spikefa.errors import RunError
from spikefa.experiments import checkpoint, run_lock
from spikefa.experiments.callbacks import Callback, schedule_of
from spikefa.experiments.callbacks import checked as checked_callbacks
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.progress import checked as checked_progress
from spikefa.experiments.progress import train_shown
from spikefa.experiments.provenance import data_digest
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import TrainingConfig


def train(
    network: Network,
    dataset: Dataset,
    epochs: int = 5,
    *,
    directory: str | Path | None = None,
    test_steps: int | None = None,
    lr_factor: Callable[[int], float | dict[str, float]] | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    **config: Any,
) -> dict[str, np.ndarray]:
    r"""Train a network on a data set, and measure its errors on the way.

    Parameters
    ----------
    network : Network
        With a task; it is trained in place.
    dataset : Dataset
        With a validation set if one is wanted, see `Dataset.split`.
    epochs : int
        Passes over the training images.
    directory : path, optional
        Where ``metrics.csv``, ``checkpoint.h5`` and recordings are kept. A training that was begun there goes on, bit
        for bit. By default nothing is kept but the network itself.
    test_steps : int, optional
        Steps for which a test image is shown; by default as many as a training image.
    lr_factor : function of the epoch, optional
        Factor of every rule's learning rate, or factors by projection; 0 is the first epoch.
    callbacks : sequence of Callback, optional
    progress : bool, optional
        Whether to show how far it is, and each new row; by default in a terminal or a notebook.
    **config
        Other fields of `TrainingConfig`, such as ``evaluate_every=0.5``.

    Returns
    -------
    dict
        Columns of the table of metrics, see `read_metrics`.

    Raises
    ------
    ArgumentError
        If network, data and arguments do not fit.
    RunError
        If the directory holds a run of a model, or the training of other data; or a callback raises.
    CheckpointError
        If the checkpoint in the directory is of another network.
    DivergenceError
        If weights are no longer finite.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, with a checkpoint saved if there is a directory.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> net = fa.Network(streams=4, target="numpy")
    >>> image = fa.Input(net, "image", 2, emit="s = x", threshold=None)
    >>> output = fa.Layer(net, "output", 2, "I : 1\ns : 1", emit="s = I", threshold=None)
    >>> error = "u = layer_s - target : 1\ntarget : 1\ndelta : 1"
    >>> error = fa.ErrorPopulation(net, "error_output", output, error, emit="delta = u")
    >>> rule = fa.Plasticity("dW = -0.1 * delta_post * s_pre")
    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.1), plasticity=rule)
    >>> task = fa.classification_task(net, steps_per_image=1, classes=2)
    >>> x, y = np.eye(2)[[0, 1] * 20], np.array([0, 1] * 20)
    >>> data = fa.datasets.Dataset("two", x, y, x, y, shape=(1, 2), classes=2)
    >>> fa.train(net, data, epochs=2, progress=False)["test_error"][-1]
    np.float64(0.0)
    """
    require_network("train", network).require_task("train")
    instance("train", "dataset", dataset, Dataset, "a Dataset")
    callbacks = checked_callbacks("train", callbacks)
    progress = checked_progress("train", progress)
    steps = network.stimulus.steps_per_image if test_steps is None else test_steps
    stated = {"epochs": epochs, "test_steps": steps, "record_activity": directory is not None} | config
    for name in stated:
        one_of("train", "a setting", name, [field.name for field in dataclasses.fields(TrainingConfig)])
    settings = TrainingConfig(**stated)
    if directory is not None:
        directory = path("train", "directory", directory)
        if (directory / "run.json").exists():
            raise RunError(f"{directory}: holds a run of a model; give another directory")
    with tempfile.TemporaryDirectory() if directory is None else nullcontext(directory) as kept:
        given = {} if lr_factor is None else {"lr_factor": partial(called, "train", "lr_factor", lr_factor)}
        # Data and schedule belong to a training as a model file does: it goes on with the same.
        its_own = f"data {data_digest(dataset)}" + "".join(f", {one}" for one in schedule_of(callbacks))
        trainer = Trainer(network, dataset, settings, Path(kept), model_digest=its_own, **given)
        trainer.set_callbacks(callbacks)
        network.run_steps(0)  # refuses what does not fit before anything is written
        Path(kept).mkdir(parents=True, exist_ok=True)
        with run_lock.locked(Path(kept)):
            if trainer.checkpoint.exists() and (began := checkpoint.read_model(trainer.checkpoint)) != its_own:
                raise RunError(f"{kept}: began with {began}, not {its_own}; give another directory")
            trainer.resume()
            train_shown(trainer, progress)
        return read_metrics(trainer.metrics)
