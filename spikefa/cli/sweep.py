"""``spikefa sweep``."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import DataDir, Device, Preset, Trust, choice
from spikefa.cli.output import console
from spikefa.cli.train import Data


def _seeds(text: str) -> list[int]:
    """Return the seeds of ``0:5`` or ``0,3,7``."""
    found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text)
    if found:
        seeds = range(int(found[1]), int(found[2]))
        if 0 < len(seeds) <= 100_000:
            return list(seeds)
    elif re.fullmatch(r"\d{1,10}(,\d{1,10})*", text):
        return [int(seed) for seed in text.split(",")]
    raise typer.BadParameter(f"must be FIRST:END, or seeds with commas, got {text[:40]!r}")


def sweep(
    model: Annotated[
        str | None,
        typer.Argument(help="A model's name (see: spikefa models) or its file; without it, the study goes on."),
    ] = None,
    study: Annotated[Path | None, typer.Option(help="Study directory; default: studies/MODEL-DATE.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUES",
            help="Values of a parameter: eta=1e-3,2e-3; of a list 'hidden=100,50;200'; or eta=log:1e-4..1e-2.",
        ),
    ] = None,
    seeds: Annotated[
        str,
        typer.Option(parser=_seeds, metavar="FIRST:END", help="Seeds: 0:5 are 0 to 4; or a list, 0,3; 2 is seed 2."),
    ] = "0:1",
    grid: Annotated[bool, typer.Option("--grid", help="Train every combination of values (the default).")] = False,
    random: Annotated[int | None, typer.Option(min=1, help="Train so many points drawn by chance.")] = None,
    search: Annotated[int | None, typer.Option(min=1, help="Let Optuna choose so many points.")] = None,
    objective: Annotated[
        str, typer.Option(**choice(("validation_error", "train_error")), help="What the search makes small.")
    ] = "validation_error",
    sampling_seed: Annotated[int, typer.Option(min=0, help="Seed of the draw or the search, not of any run.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes of one thread; default: one a processor; 0: this process.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:8786", help="Dask scheduler, or local to start one.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try runs again that have failed.")] = False,
    preset: Preset = None,
    data: Data = None,
    data_dir: DataDir = None,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="Passes over the training images; default: the model's, or 5.")
    ] = None,
    streams: Annotated[
        int | None, typer.Option(min=1, help="Images shown at once; default: the model's, or 100.")
    ] = None,
    validation: Annotated[int, typer.Option(min=0, help="Hold out the last N training images, to choose by.")] = 0,
    evaluate_every: Annotated[float, typer.Option(help="Epochs between evaluations.")] = 1.0,
    checkpoint_seconds: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 120.0,
    record_activity: Annotated[bool, typer.Option(help="Record rasters and PSPs on the way.")] = False,
    diagnostics: Annotated[
        bool, typer.Option("--diagnostics", help="Measure the updates against those of backpropagation.")
    ] = False,
    device: Device = "cpu",
    trust: Trust = False,
) -> dict[str, Any]:
    """Train a model with many values and seeds, on one machine or many. The same command again goes on."""
    from spikefa.cli.study import print_summary, rows_in_words
    from spikefa.errors import ArgumentError
    from spikefa.experiments import model_file
    from spikefa.study import axes
    from spikefa.study.progress import Live
    from spikefa.study.study import Study, open_study

    if model is None:
        if study is None:
            raise ArgumentError("spikefa sweep: MODEL or --study must be given, got neither")
        if changes:
            raise ArgumentError("spikefa sweep: MODEL must be given with --set, got none")
        made = open_study(study, data_dir, trust)
    else:
        loaded = model_file.load(model)
        values = axes.parse(loaded, changes or [])
        single = {name: found[0] for name, found in values.items() if isinstance(found, list) and len(found) == 1}
        made = Study(
            study or Path("studies", f"{loaded.name}-{datetime.now():%Y%m%d-%H%M%S}"),
            loaded,
            {name: found for name, found in values.items() if name not in single},
            seeds,
            changes=single,
            random=random,
            search=search,
            objective=objective,
            sampling_seed=sampling_seed,
            preset=preset,
            data=data,
            data_dir=data_dir,
            streams=streams,
            validation=validation,
            device=device,
            epochs=epochs,
            evaluate_every=evaluate_every,
            checkpoint_seconds=checkpoint_seconds,
            record_activity=record_activity,
            diagnostics=diagnostics,
        )
    console.print(made.in_words())
    try:
        made.run(workers, scheduler, retry=retry, progress=Live(console))
    finally:
        print_summary(made)
    return {"study": made.directory, "runs": rows_in_words(made)}
