"""``spikefa train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikefa.cli.options import DataDir, Device, Preset, Seed, choice
from spikefa.cli.training import new_directory, train_with_progress
from spikefa.datasets import datasets

Data = Annotated[str, typer.Option(**choice(datasets), help="Data set.")]


def train(
    model: Annotated[str, typer.Argument(help="A model's name (see: spikefa models) or its file (./mine.py).")],
    data: Data = "mnist",
    data_dir: DataDir = None,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="Passes over the training images; default: the model's, or 5.")
    ] = None,
    streams: Annotated[
        int | None, typer.Option(min=1, help="Images shown at once; default: the model's, or 100.")
    ] = None,
    seed: Seed = 0,
    preset: Preset = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A parameter of the model, such as hidden=500,500 (repeatable)."
        ),
    ] = None,
    validation: Annotated[int, typer.Option(min=0, help="Hold out the last N training images.")] = 0,
    evaluate_every: Annotated[float, typer.Option(help="Epochs between evaluations.")] = 1.0,
    checkpoint_seconds: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 120.0,
    record_activity: Annotated[bool, typer.Option(help="Record rasters and PSPs on the way.")] = True,
    diagnostics: Annotated[
        bool, typer.Option("--diagnostics", help="Measure the updates against those of backpropagation.")
    ] = False,
    device: Device = "cpu",
    run: Annotated[Path | None, typer.Option(help="Run directory; default: runs/MODEL-seedSEED-DATE.")] = None,
) -> None:
    """Train a model, with checkpoints on the way. Ctrl-C saves and says how to go on."""
    from spikefa.experiments import model_file
    from spikefa.experiments.run import new_run

    loaded = model_file.load(model)
    made = new_run(
        run or new_directory(loaded.name, seed),
        model,
        loaded.parse(changes or []),
        preset=preset,
        data=data,
        data_dir=data_dir,
        streams=streams,
        seed=seed,
        validation=validation,
        device=device,
        epochs=epochs,
        evaluate_every=evaluate_every,
        checkpoint_seconds=checkpoint_seconds,
        record_activity=record_activity,
        diagnostics=diagnostics,
    )
    trainer = made.trainer()
    trainer.network.run_steps(0)  # refuses what does not fit before anything is written
    made.create()
    with made.locked():
        train_with_progress(made, trainer)
