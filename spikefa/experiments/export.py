"""Export a run: its recordings to a format of other software, or its weights."""

from __future__ import annotations

from pathlib import Path

from spikefa._checks import one_of
from spikefa._checks import path as checked_path
from spikefa.exchange import WEIGHT_FILES, save_weights, write_activity
from spikefa.exchange.formats import formats
from spikefa.experiments import checkpoint
from spikefa.experiments.run import Run

#: What the weights of a run are written to, each the suffix of a file.
WEIGHTS = tuple(suffix.removeprefix(".") for suffix in WEIGHT_FILES)


def export_formats() -> tuple[str, ...]:
    """Return the names of all formats."""
    return (*formats, *WEIGHTS)


def export_run(run: Run, format: str, out: str | Path | None = None) -> list[Path]:
    """Write what a run has recorded, or learned, for other software. It needs no code of the model.

    Parameters
    ----------
    run : Run
    format : str
        A format of activity, for the run's recordings; or ``"npz"`` or ``"safetensors"``, for the weights and biases of
        the last checkpoint, averaged ones where it has them.
    out : path, optional
        Folder to write to; default ``exports/FORMAT`` in the run directory.

    Returns
    -------
    list of Path
        What was written: a file or folder for each recording, or one file of weights.

    Raises
    ------
    ArgumentError
        If there is no such format, or the library that it needs is not installed.
    RunError
        If the run has no recordings.
    CheckpointError
        If it has no checkpoint, or it is damaged.
    OSError
        If something cannot be written.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> from spikefa.experiments.export import export_run
    >>> [path.name for path in export_run(run, "npz", "exported")]
    ['weights.npz']
    """
    one_of("export_run", "format", format, export_formats())
    out = run.directory / "exports" / format if out is None else checked_path("export_run", "out", out)
    if format in WEIGHTS:
        found = checkpoint.read_weights(run.directory / "checkpoint.h5")
        arrays = {}
        for name, (W, b) in found.items():
            arrays |= {f"{name}.W": W, f"{name}.b": b}
        save_weights(arrays, out / f"weights.{format}")
        return [out / f"weights.{format}"]
    written = []
    for recording in run.recordings():
        activity = recording.activity(run.directory.resolve().name)
        written.append(write_activity(activity, out / f"activity-{recording.images_seen:09d}", format))
    return written
