"""``spikefa train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import DataDir, Device, Preset, Trust, completed
from spikefa.cli.training import compile_ahead, new_directory, train_with_progress
from spikefa.datasets import datasets

Data = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.npz|FOLDER|MODULE:FUNCTION",
        autocompletion=completed(datasets),
        help=f"Data set ({', '.join(datasets)}), or your own; default: the preset's, or mnist.",
    ),
]


def train(
    model: Annotated[
        str | None, typer.Argument(help="A model's name (see: spikefa models) or its file (./mine.py).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings (see: spikefa config), which options override.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Begin a new run with the settings of another.")
    ] = None,
    data: Data = None,
    data_dir: DataDir = None,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="Passes over the training images; default: the model's, or 5.")
    ] = None,
    streams: Annotated[
        int | None, typer.Option(min=1, help="Images shown at once; default: the model's, or 100.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Everything random follows from it; default: 0.")] = None,
    preset: Preset = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A parameter of the model, such as hidden=500,500 (repeatable)."
        ),
    ] = None,
    validation: Annotated[
        int | None, typer.Option(min=0, help="Hold out the last N training images; default: 0.")
    ] = None,
    evaluate_every: Annotated[float | None, typer.Option(help="Epochs between evaluations; default: 1.")] = None,
    checkpoint_seconds: Annotated[float | None, typer.Option(help="Seconds between checkpoints; default: 120.")] = None,
    record_activity: Annotated[
        bool | None,
        typer.Option("--record-activity/--no-record-activity", help="Record rasters and PSPs on the way (default)."),
    ] = None,
    diagnostics: Annotated[
        bool | None,
        typer.Option("--diagnostics/--no-diagnostics", help="Measure the updates against those of backpropagation."),
    ] = None,
    device: Device = "cpu",
    run: Annotated[Path | None, typer.Option(help="Run directory; default: runs/MODEL-seedSEED-DATE.")] = None,
    trust: Trust = False,
) -> dict[str, Any]:
    """Train a model, with checkpoints on the way. Ctrl-C saves and says how to go on."""
    if sum(given is not None for given in (model, config, like)) != 1:
        raise typer.BadParameter("give a MODEL, or --config FILE.toml, or --like RUN")
    if like is not None and preset is not None:
        raise typer.BadParameter("--like takes all parameters of the other run, so give no --preset")
    if device == "cpu":
        compile_ahead(streams or 100)
    from spikefa.experiments import model_file
    from spikefa.experiments.run import new_run, open_run
    from spikefa.experiments.run_settings import OF_PARAMETERS, read_settings, settings_of

    if config is not None:
        settings = read_settings(config)
    else:
        settings = {"model": model} if like is None else settings_of(open_run(like, trust=trust))
    loaded = settings["model"] if like is not None else model_file.load(settings["model"])
    changed = loaded.parse(changes or [])
    settings["changes"] = settings.get("changes", {}) | changed
    for name in OF_PARAMETERS:
        if name in changed:  # the other run, or the file, says what it was before
            settings.pop(name, None)
    options = {
        "data": data,
        "data_dir": data_dir,
        "epochs": epochs,
        "streams": streams,
        "seed": seed,
        "preset": preset,
        "validation": validation,
        "evaluate_every": evaluate_every,
        "checkpoint_seconds": checkpoint_seconds,
        "record_activity": record_activity,
        "diagnostics": diagnostics,
    }
    settings |= {name: value for name, value in options.items() if value is not None}
    seed = settings.get("seed", 0)
    made = new_run(run or new_directory(loaded.name, seed), **settings, device=device)
    trainer = made.trainer()
    trainer.network.run_steps(0)  # refuses what does not fit before anything is written
    made.create()
    with made.locked():
        return train_with_progress(made, trainer)
