"""Write figures of a run directory to files."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from spikefa._atomic_write import write_whole
from spikefa._checks import in_range, one_of, refuse, whole
from spikefa._checks import path as checked_path
from spikefa.errors import ArgumentError, RunError
from spikefa.experiments.run import Run
from spikefa.plotting.figures import figures
from spikefa.plotting.style import EDITABLE

#: Suffixes of the files that figures are written to.
FORMATS = (".png", ".pdf", ".svg")

#: Part of its own width that a figure must keep for its letters to fit.
_NARROW = 0.8


def save_figure(
    run: Run, name: str, out: str | Path | None = None, *, dpi: int = 200, width: float | None = None
) -> Path:
    """Draw a figure of a run and write it.

    Parameters
    ----------
    run : Run
    name : str
        A name in `spikefa.plotting.figures.figures`, or an alias.
    out : path, optional
        Its suffix chooses the format, one of `FORMATS`; default ``figures/NAME.png`` in the run directory.
    dpi : int
        Dots per inch of a PNG, and of images in the others.
    width : float, optional
        Width in mm, such as a journal's column of 89; the height follows, letters keep their size, and
        panels side by side are stacked if it is narrow.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ArgumentError
        If there is no such figure, the format is unknown, or `dpi` or `width` is outside its range.
    RunError
        If the run lacks what the figure shows.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> path = fa.plotting.save_figure(run, "learning", "learning.pdf", width=89)
    """
    if not isinstance(getattr(run, "directory", None), Path):  # whatever else stands for a run has one
        refuse("save_figure", "run", "be a Run", run)
    figure_of = figures[name]
    out = run.directory / "figures" / f"{name}.png" if out is None else checked_path("save_figure", "out", out)
    one_of("save_figure", f"the suffix of {str(out)!r}", out.suffix.lower(), FORMATS)
    dpi = whole("save_figure", "dpi", dpi, 1, 2400)
    if width is not None:
        width = in_range("save_figure", "width", width, 10, 2000)
    try:
        figure = figure_of(run)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        if missing == "metrics.csv" and (run.directory / "checkpoint.h5").exists():
            raise RunError(
                f"{run.directory}: has no metrics.csv; resuming the run writes it again, from its checkpoint"
            ) from error
        raise RunError(f"{run.directory}: has no {missing} yet") from error
    if width is not None:
        _fit(figure, name, width / 25.4)
    return write_figure(figure, out, dpi)


def write_figure(figure: Figure, out: Path, dpi: int = 200) -> Path:
    """Write a figure whole, in the format of the file's suffix; return the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    held = io.BytesIO()
    with matplotlib.rc_context(EDITABLE):
        figure.savefig(held, format=out.suffix.lower().removeprefix("."), dpi=dpi)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, held.getvalue(), "the figure")
    return out


def _fit(figure: Figure, name: str, width: float) -> None:
    """Give a figure a width in inches, with letters as large as they are; panels side by side are stacked if narrow.

    Raises
    ------
    ArgumentError
        If its letters would not fit.
    """
    before, height = figure.get_size_inches()
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    if width < _NARROW * before and len(panels) > 1 and figure.get_layout_engine() is not None:
        grid = figure.add_gridspec(len(panels), 1)
        for panel, place in zip(panels, grid, strict=True):
            panel.set_subplotspec(place)
        figure.get_layout_engine().set(rect=(0, 0, 0.96, 1))  # it forgets the labels of colour bars that have moved
        before, height = before / len(panels), height * len(panels) * before / len(panels) / width
    if width < _NARROW * before:
        raise ArgumentError(
            f"save_figure: width of {name!r} must be at least {_NARROW * before * 25.4:.0f} mm, so that its letters "
            f"fit, got {width * 25.4:.0f}"
        )
    figure.set_size_inches(width, height * width / before)
