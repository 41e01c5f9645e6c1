"""Figures of activity recordings: images, rasters and neurons on one time axis, one column a stage."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from spikefa._checks import refuse, text
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import ArgumentError
from spikefa.experiments.run import Run
from spikefa.plotting.panels import plot_psp
from spikefa.plotting.raster import plot_raster
from spikefa.plotting.run_title import run_title
from spikefa.plotting.style import BLUE, ORANGE, RULE, STYLE, TICKS

#: How far an axis goes beyond zero on its shorter side, as a part of the longer one.
_LEAST_SIDE = 0.3


def activity_figure(
    stages: Run | Sequence[ActivityRecording], *, layer: str | None = None, title: str | None = None
) -> Figure:
    """Draw the activity at several stages of learning, side by side [Lillicrap et al. 2016, Fig. 4].

    One column a stage: the images shown, the rasters of the hidden layers and of the output with the units of
    the right class shaded, and one neuron's PSP with its own modulatory signal, all on one time axis.

    Parameters
    ----------
    stages : Run, or sequence of ActivityRecording
        One or more recordings of the same network, early to late; of a run before learning, early in the first epoch,
        and the last.
    layer : str, optional
        The hidden layer whose neuron is shown; by default the last.
    title : str, optional
        Above all columns; by default that of the run.

    Returns
    -------
    Figure

    Raises
    ------
    ArgumentError
        If there is no stage, the stages have other layers, or there is no such hidden layer.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> figure = fa.plotting.activity_figure(run, layer="h1")
    >>> figure.savefig("activity.png")
    """
    if isinstance(stages, Run):
        run, stages = stages, stages.recordings()
        stages = stages if len(stages) <= 3 else [*stages[:2], stages[-1]]
        title = run_title(run) if title is None else title
    first = same_network("activity_figure", stages)
    return _figure(stages, tuple(first.spikes), neurons_of("activity_figure", first, layer), title)


def raster_figure(recording: ActivityRecording, *, title: str | None = None) -> Figure:
    """Draw the images shown and the rasters of all layers, at one stage; `title` is above it.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> figure = fa.plotting.raster_figure(run.recordings()[-1], title="after learning")
    """
    same_network("raster_figure", [recording])
    return _figure([recording], tuple(recording.spikes), (), title)


def psp_figure(recording: ActivityRecording, *, title: str | None = None) -> Figure:
    """Draw the images shown, and PSP and modulatory signal of one neuron of every hidden layer, at one stage.

    `title` is above it.

    Raises
    ------
    ArgumentError
        If the recording has no hidden layer.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> figure = fa.plotting.psp_figure(run.recordings()[-1])
    """
    same_network("psp_figure", [recording])
    if not recording.hidden:
        raise ArgumentError(f"psp_figure: the recording must have a hidden layer, got only {recording.output!r}")
    return _figure([recording], (), recording.hidden, title)


def neurons_of(owner: str, recording: ActivityRecording, layer: str | None) -> tuple[str, ...]:
    """Return the hidden layer whose neuron is shown, the last one by default; none without hidden layers.

    Raises
    ------
    ArgumentError
        If there is no such hidden layer.
    """
    if layer is None:
        return recording.hidden[-1:]
    if not (isinstance(layer, str) and layer in recording.hidden):
        refuse(owner, "layer", f"be a hidden layer, one of {list(recording.hidden)}", layer)
    return (layer,)


def _figure(
    stages: Sequence[ActivityRecording], rasters: tuple[str, ...], neurons: tuple[str, ...], title: str | None
) -> Figure:
    """Draw columns of stages and rows of panels in a new figure."""
    fig = Figure()
    draw_stages(fig, stages, rasters, neurons, title, scale=stages)
    return fig


def draw_stages(
    fig: Figure,
    stages: Sequence[ActivityRecording],
    rasters: tuple[str, ...],
    neurons: tuple[str, ...],
    title: str | None,
    *,
    scale: Sequence[ActivityRecording],
    below: float = 0.0,
) -> None:
    """Draw columns of stages and rows of panels, laid out in inches so that no number of them overlaps.

    Parameters
    ----------
    fig : Figure
        Empty; it gets the size that it needs.
    stages : sequence of ActivityRecording
        Of the same network.
    rasters, neurons : tuple of str
        Layers whose rasters, and whose neuron's PSP, are drawn.
    title : str or None
    scale : sequence of ActivityRecording
        All recordings that share the scale of PSP and signal.
    below : float
        Inches that stay free at the bottom.
    """
    first, n = stages[0], len(stages)
    left, right, top, bottom, gap, row_gap = 0.56, 0.5 if neurons else 0.12, 0.26, 0.36 + below, 0.2, 0.075
    if title is not None:
        top += 0.2 * len(text("activity figure", "title", title).splitlines())
    column = {1: 3.3, 2: 2.6}.get(n, 1.92)
    tall, wide = np.max([d.images.shape[1:] for d in stages], axis=0)
    side = min(0.6, 0.8 * column / max(len(d.images) for d in stages))  # width of an image, beside it its class
    heights = [side * tall / wide]
    for name in rasters:
        units = min(60, max(36, first.spikes[name].shape[1]))
        heights.append((0.023 if name == first.output else 0.017) * units)
    heights += [0.8] * len(neurons)
    width = left + n * column + (n - 1) * gap + right
    height = top + sum(heights) + row_gap * (len(heights) - 1) + bottom

    with matplotlib.rc_context(STYLE):
        fig.set_size_inches(width, height)
        if title is not None:
            fig.text(left / width, 1 - 0.07 / height, title, va="top", fontsize=7.5)
        for c, d in enumerate(stages):
            x = left + c * (column + gap)
            y = height - top
            axes = []
            for h in heights:
                y -= h
                axes.append(fig.add_axes((x / width, y / height, column / width, h / height)))
                axes[-1].tick_params(**TICKS)
                y -= row_gap
            _draw_images(axes[0], d, side / column, d.label or f"{d.images_seen:,} images")
            switches = np.arange(1, len(d.images)) * d.steps_per_image * d.dt
            points = 72 * column / d.steps
            for ax, name in zip(axes[1:], rasters, strict=False):
                _draw_layer(ax, d, name, switches, min(0.9, max(0.35, 0.65 * points)))
            for ax, name in zip(axes[1 + len(rasters) :], neurons, strict=True):
                _draw_neuron(ax, scale, d, name, switches, c == n - 1)
            for ax in axes[1:]:
                ax.set_xlim(0, d.duration)
                _time_ticks(ax, d)
                if ax is not axes[-1]:
                    ax.set_xlabel("")
                    ax.tick_params(axis="x", labelbottom=False, length=0)
                if c > 0:
                    ax.set_ylabel("")
                    ax.tick_params(axis="y", labelleft=False, length=0)
                elif ax.get_ylabel():
                    # One place for all, whatever the width of the tick labels.
                    ax.yaxis.set_label_coords(-0.25 / column, 0.5)


def _draw_images(ax: Axes, d: ActivityRecording, fill: float, title: str) -> None:
    shown = d.steps_per_image * d.dt
    half = fill * d.duration / 2
    for k, image in enumerate(d.images):
        middle = (k + 0.5) * shown
        start, end = middle - half, middle + half
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(start, end, 0, 1), aspect="auto")
        frame = Rectangle((start, 0), end - start, 1, fill=False, edgecolor=RULE, linewidth=0.5, clip_on=False)
        ax.add_patch(frame)
        ax.annotate(
            str(d.labels[k]),
            (end, 1),
            xytext=(1.5, 0),
            textcoords="offset points",
            va="top",
            fontsize=6,
            color="#6a6a6a",
            annotation_clip=False,
        )
    ax.set_xlim(0, d.duration)
    ax.set_ylim(0, 1)
    ax.set_axis_off()
    ax.set_title(title, pad=5)


def _draw_layer(ax: Axes, d: ActivityRecording, name: str, switches: np.ndarray, linewidth: float) -> None:
    spikes = d.spikes[name]
    step, unit = np.nonzero(spikes)
    is_output = name == d.output
    plot_raster(
        # The middle of its step, so that a spike in an image's last step lies left of the switch.
        unit,
        (step + 0.5) * d.dt,
        ax=ax,
        n_units=spikes.shape[1],
        duration=d.duration,
        boundaries=switches,
        groups=d.output_classes if is_output else None,
        linewidths=linewidth,
    )
    if not is_output:
        ax.set_yticks([])
        ax.set_ylabel(f"{name}\n({spikes.shape[1]} units)")
        return
    ax.set_ylabel(f"{name}\n(class)")
    for k, label in enumerate(d.labels):
        units = np.flatnonzero(d.output_classes == label)
        if units.size:
            start = k * d.steps_per_image * d.dt
            ax.add_patch(
                Rectangle(
                    (start, units[0] - 0.5),
                    d.steps_per_image * d.dt,
                    len(units),
                    facecolor=ORANGE,
                    alpha=0.4,
                    linewidth=0,
                    zorder=0.5,
                )
            )


def _draw_neuron(
    ax: Axes, scale: Sequence[ActivityRecording], d: ActivityRecording, name: str, switches: np.ndarray, last: bool
) -> None:
    # The middle of each step, as in the rasters.
    ax, right = plot_psp(d.t + d.dt / 2, d.v[name], d.delta[name], ax=ax, boundaries=switches)
    # One scale for all stages: what grows with learning is seen to grow; and one line for zero of both.
    v = np.concatenate([s.v[name] for s in scale])
    v = v[np.isfinite(v)]
    low, high = (min(v.min(), 0.0), max(v.max(), 0.0)) if v.size else (0.0, 0.0)
    pad = 0.06 * (high - low) or 1.0
    low, high = low - pad, high + pad
    low, high = min(low, -_LEAST_SIDE * high), max(high, -_LEAST_SIDE * low)
    ax.set_ylim(low, high)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=2))
    unit = d.units.get(name)
    traced = {s.traced_units.get(name) for s in scale}  # the label of the first column is that of all
    number = traced.pop() if len(traced) == 1 else None
    of = f"one unit of {name}" if number is None else f"of unit {number} of {name}"
    ax.set_ylabel(f"{f'Potential ({unit})' if unit else 'PSP (a.u.)'}\n{of}", color=BLUE)
    deltas = np.concatenate([s.delta[name] for s in scale])
    reach = max(1.0, float(np.nanmax(np.abs(deltas), initial=0.0, where=np.isfinite(deltas))))
    ratio = 1.08 * reach / min(-low, high)
    right.set_ylim(low * ratio, high * ratio)
    right.set_yticks([-reach, 0, reach] if reach == 1.0 else [0, reach])
    right.tick_params(**TICKS)
    if not last:
        right.set_ylabel("")
        right.tick_params(axis="y", labelright=False, length=0)


def _time_ticks(ax: Axes, d: ActivityRecording) -> None:
    if len(d.images) <= 6:
        ax.set_xticks(np.arange(len(d.images) + 1) * d.steps_per_image * d.dt)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def same_network(owner: str, stages: Sequence[ActivityRecording]) -> ActivityRecording:
    """Return the first of some recordings, once they are of networks with the same layers.

    Raises
    ------
    ArgumentError
        If there is none, or the layers differ.
    """
    listed = isinstance(stages, Sequence) and not isinstance(stages, str | bytes)
    if not listed or not all(isinstance(d, ActivityRecording) for d in stages):
        raise ArgumentError(f"{owner}: must be given recordings (ActivityRecording), got {type(stages).__name__}")
    if not len(stages):
        raise ArgumentError(f"{owner}: must be given at least one stage, got none")
    first = stages[0]
    for d in stages[1:]:
        if list(d.spikes) != list(first.spikes):
            raise ArgumentError(
                f"{owner}: stages must have the same layers, got {list(first.spikes)} and {list(d.spikes)}"
            )
    return first
