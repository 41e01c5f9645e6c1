"""``spikefa evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import DataDir, Device, Trust
from spikefa.cli.output import console


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Run directory; of several, the networks answer together.")],
    steps_per_image: Annotated[
        list[int] | None, typer.Option(help="Steps an image (repeatable); default: the (first) run's.")
    ] = None,
    averaged: Annotated[
        bool,
        typer.Option(
            "--averaged-weights/--last-weights", help="Whether to test averaged weights, if the model averages them."
        ),
    ] = True,
    data_dir: DataDir = None,
    device: Device = "cpu",
    trust: Trust = False,
) -> dict[str, Any]:
    """Measure the error of a run's last checkpoint on the test images, or of several runs' together. Writes nothing."""
    from spikefa.experiments.ensemble import Ensemble
    from spikefa.experiments.run import open_run

    opened = [open_run(run, data_dir, device, trust) for run in runs]
    ensemble = Ensemble(opened, averaged, other=data_dir is not None)
    for run in opened:
        if run.data_digest != run.found_digest:
            console.print(f"Of other data than the run began with: digest {run.found_digest}, not {run.data_digest}.")
    found = []
    for measured in ensemble.measure(steps_per_image or [opened[0].config.test_steps]):
        found.append({name: getattr(measured, name) for name in ("part", "steps", "images", "error", "errors")})
        count = "1 step" if measured.steps == 1 else f"{measured.steps} steps"
        number = f"{measured.images:,} images at {count} an image"
        if len(runs) == 1:
            console.print(f"{measured.part} error {measured.together} of {number}")
        else:
            each = ", ".join(measured.members)
            console.print(f"{measured.part} error {measured.together} of {number}, together; each: {each}")
    console.print("Wrote nothing.")
    return {"runs": [str(run) for run in runs], "measured": found}
