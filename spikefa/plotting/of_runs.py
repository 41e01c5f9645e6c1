"""Write figures of a run directory to files."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from spikefa._atomic_write import write_whole
from spikefa._checks import one_of, user_path
from spikefa.errors import RunError
from spikefa.experiments.run import Run
from spikefa.plotting.figures import figures
from spikefa.plotting.style import EDITABLE

#: Suffixes of the files that figures are written to.
FORMATS = (".png", ".pdf", ".svg")


def save_figure(run: Run, name: str, out: str | Path | None = None) -> Path:
    """Draw a figure of a run and write it.

    Parameters
    ----------
    run : Run
    name : str
        A name in `spikefa.plotting.figures.figures`, or an alias.
    out : path, optional
        Its suffix chooses the format, one of `FORMATS`; default ``figures/NAME.png`` in the run directory.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ArgumentError
        If there is no such figure, or the format is unknown.
    RunError
        If the run lacks what the figure shows.
    OSError
        If the file cannot be written.
    """
    out = user_path(out) if out else run.directory / "figures" / f"{name}.png"
    one_of("save_figure", f"the suffix of {str(out)!r}", out.suffix.lower(), FORMATS)
    figure_of = figures[name]
    try:
        figure = figure_of(run)
    except FileNotFoundError as error:
        raise RunError(f"{run.directory}: has no {Path(error.filename).name} yet") from error
    return write_figure(figure, out)


def write_figure(figure: Figure, out: Path) -> Path:
    """Write a figure whole, in the format of the file's suffix; return the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    held = io.BytesIO()
    with matplotlib.rc_context(EDITABLE):
        figure.savefig(held, format=out.suffix.lower().removeprefix("."), dpi=200)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, held.getvalue(), "the figure")
    return out
