"""``spikefa demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefa.cli.options import Seed
from spikefa.cli.output import console
from spikefa.cli.training import compile_ahead, new_directory, train_with_progress
from spikefa.plotting.figures import figures

#: Images that are shown at once.
STREAMS = 20


def demo(
    run: Annotated[Path | None, typer.Option(help="Run directory; default: runs/demo-seedSEED-DATE.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 10,
    seed: Seed = 0,
) -> dict[str, Any]:
    """Learn scikit-learn's 8 x 8 digits, offline, in a quarter of a minute, and draw every figure."""
    compile_ahead(STREAMS, large=False)
    from spikefa.experiments import model_source
    from spikefa.experiments.run import new_run
    from spikefa.plotting.of_runs import save_figure

    model = model_source.demo()
    made = new_run(
        run or new_directory("demo", seed),
        model.name,
        preset=model.demo_preset,
        data="digits",
        streams=STREAMS,
        seed=seed,
        epochs=epochs,
        evaluate_every=epochs / 5,
    )
    trainer = made.trainer()
    made.create()
    with made.locked():
        result = train_with_progress(made, trainer)
    for figure in figures:
        written = save_figure(made, figure)
        console.print(f"Wrote {written}")
        result["wrote"].append(str(written))
    return result
