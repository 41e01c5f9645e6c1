"""Animations of learning: rasters, PSP and modulatory signal, one frame a recording of a run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from spikefa._checks import in_range, one_of, user_path, whole
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import RunError, SpikefaError
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run
from spikefa.plotting.activity import draw_stages, neurons_of, same_network
from spikefa.plotting.panels import plot_learning
from spikefa.plotting.run_title import run_title
from spikefa.plotting.style import STYLE, TICKS, VERMILLION

#: Suffixes of the files that animations are written to.
FORMATS = (".gif", ".mp4")

#: Inches below the time axis for the learning curve, with its labels.
_CURVE = 1.35


def animate(
    stages: Run | Sequence[ActivityRecording],
    *,
    layer: str | None = None,
    title: str | None = None,
    fps: float = 2.0,
) -> Animation:
    """Animate the activity over learning: one frame a recording, all on the same scales.

    A frame is a column of `activity_figure`. That of a run also has the learning curve, with a line where it is.

    Parameters
    ----------
    stages : Run, or sequence of ActivityRecording
        Recordings of the same network, early to late; of a run, all that it has.
    layer : str, optional
        The hidden layer whose neuron is shown; by default the last.
    title : str, optional
        Above each frame; by default that of the run.
    fps : float
        Frames a second, at most 100.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        ``.save("learning.gif")`` writes it; a notebook shows it with buttons.

    Raises
    ------
    ArgumentError
        If there is no stage, the stages have other layers, or there is no such hidden layer.
    RunError
        If the run has no recordings.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/mnist")  # doctest: +SKIP
    >>> fa.plotting.animate(run, layer="h1").save("learning.gif")  # doctest: +SKIP
    """
    fps = in_range("animate", "fps", fps, 0, 100, open_low=True)
    frames = Frames(stages, layer, title)
    return Animation(
        frames.figure, frames.draw, len(frames.stages), init_func=list, interval=1000 / fps, cache_frame_data=False
    )


class Animation(FuncAnimation):
    """An animation that a notebook shows, and that may be forgotten unseen."""

    def __del__(self) -> None:
        """Say nothing: matplotlib would warn of an animation that nobody has looked at."""

    def _repr_html_(self) -> str:
        return self.to_jshtml()


class Frames:
    """The frames of an animation, which `draw` draws into one figure; see `animate`."""

    def __init__(self, stages: Run | Sequence[ActivityRecording], layer: str | None = None, title: str | None = None):
        self._metrics: Mapping[str, ArrayLike] = {}
        self._classes: int | None = None
        if isinstance(stages, Run):
            run, stages = stages, stages.recordings()
            title = run_title(run) if title is None else title
            if (run.directory / "metrics.csv").exists():
                self._metrics, self._classes = read_metrics(run.directory / "metrics.csv"), run.classes
        first = same_network("animate", stages)
        self._rasters, self._neurons = tuple(first.spikes), neurons_of("animate", first, layer)
        self.stages, self._title, self.figure = stages, title, Figure()
        self.draw(0)  # which gives the figure its size

    def draw(self, number: int) -> list[Artist]:
        """Draw a frame; return nothing, since all of it is new."""
        self.figure.clear()
        shown = self.stages[number]
        draw_stages(
            self.figure,
            [shown],
            self._rasters,
            self._neurons,
            self._title,
            scale=self.stages,
            below=_CURVE if self._metrics else 0.0,
        )
        if self._metrics:
            self._draw_curve(shown.images_seen)
        return []

    def _draw_curve(self, images_seen: int) -> None:
        """Draw the learning curve at the bottom, with a line where training is."""
        width, height = self.figure.get_size_inches()
        column = self.figure.axes[0].get_position()
        with matplotlib.rc_context(STYLE):
            ax = self.figure.add_axes((column.x0, 0.36 / height, column.width, (_CURVE - 0.5) / height))
            ax.tick_params(**TICKS)
            classes = self._classes
            chance = None if classes is None else 1 - 1 / classes
            plot_learning(self._metrics, ax=ax, classes=classes is not None, chance=chance)
            # Of the figure, so that the legend does not flee from it.
            place = {"transform": ax.get_xaxis_transform(), "color": VERMILLION, "linewidth": 1.2}
            self.figure.add_artist(Line2D([images_seen] * 2, [0, 1], **place))
            ax.yaxis.set_label_coords(-0.25 / (column.width * width), 0.5)


def save_animation(
    run: Run, out: str | os.PathLike, *, layer: str | None = None, fps: float = 2.0, dpi: int = 150
) -> Path:
    """Animate a run, and write it: the whole file or, after an error, nothing.

    Parameters
    ----------
    run : Run
        With recordings of activity.
    out : path
        Its suffix chooses the format, ``.gif`` or ``.mp4``.
    layer, fps
        As in `animate`.
    dpi : int
        Dots per inch.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ArgumentError
        If the format is unknown, there is no such hidden layer, or `fps` or `dpi` is outside its range.
    RunError
        If the run has no recordings.
    SpikefaError
        If ffmpeg, which writes ``.mp4``, is not installed.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> path = fa.plotting.save_animation(run, "learning.gif", fps=4, dpi=50)
    """
    out = user_path(out)
    suffix = one_of("save_animation", f"the suffix of {str(out)!r}", out.suffix.lower(), FORMATS)
    dpi = whole("save_animation", "dpi", dpi, 1, 600)
    fps = in_range("save_animation", "fps", fps, 0, 100, open_low=True)
    if len(run.recordings()) < 2:
        raise RunError(f"{run.directory}: must have two recordings of activity to be animated, has one")
    program = _ffmpeg() if suffix == ".mp4" else None
    made = animate(run, layer=layer, fps=fps)
    out.parent.mkdir(parents=True, exist_ok=True)
    with _whole_file(out) as part, matplotlib.rc_context({"animation.ffmpeg_path": program} if program else {}):
        made.save(part, PillowWriter(fps) if program is None else FFMpegWriter(fps), dpi=dpi)
    return out


def _ffmpeg() -> str:
    """Return the program ffmpeg: the system's, or that of imageio-ffmpeg.

    Raises
    ------
    SpikefaError
        If there is none.
    """
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg
    except ModuleNotFoundError:
        raise SpikefaError(
            'save_animation: needs ffmpeg for .mp4, which is not installed; run: pip install "spikefa[animation]", or '
            "write a .gif"
        ) from None
    return imageio_ffmpeg.get_ffmpeg_exe()


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, of the same suffix, that takes the place of another once it is whole."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        part = Path(folder) / path.name
        yield part
        os.replace(part, path)
