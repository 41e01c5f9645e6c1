"""``spikefa resume``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from spikefa.cli.options import DataDir, Device, RunDirectory, Trust
from spikefa.cli.output import console
from spikefa.cli.training import compile_ahead, train_with_progress


def resume(
    run: RunDirectory,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="End after so many epochs in all; default: as the run was begun.")
    ] = None,
    data_dir: DataDir = None,
    device: Device = "cpu",
    trust: Trust = False,
) -> dict[str, Any]:
    """Go on with a run that was interrupted or killed, bit for bit, or make a finished one longer."""
    if device == "cpu":
        compile_ahead()
    from spikefa.experiments.run import open_run

    opened = open_run(run, data_dir, device, trust)
    if epochs is not None:
        opened = opened.ending_after(epochs)
    trainer = opened.trainer()
    with opened.locked():
        trainer.resume()
        opened.write_epochs()
        if trainer.done:
            console.print(f"It has ended already, after {trainer.images_seen:,} images; --epochs makes it longer.")
        else:
            console.print(f"Going on after {trainer.images_seen:,} of {trainer.total:,} images.")
        return train_with_progress(opened, trainer)
