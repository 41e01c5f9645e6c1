"""What the studies with long training share: a run that is gone on with if it is there already."""

from pathlib import Path

from spikefa.modelfile import Model
from spikefa.runs import Run, open_run
from spikefa.training import Protocol


def trained(
    directory: Path,
    model: Model,
    params: object,
    *,
    streams: int,
    seed: int,
    protocol: Protocol,
    data: str,
    validation: int = 0,
) -> Run:
    """Train to the end, from the beginning or from the last checkpoint, and return the run."""
    if not (directory / "run.json").exists():
        Run(
            directory=directory, model=model, params=params, streams=streams, seed=seed, protocol=protocol, data=data,
            data_dir=None, validation=validation,
        ).create()  # fmt: skip
    run = open_run(directory)
    trainer = run.trainer()
    trainer.resume()
    trainer.run()
    return run
