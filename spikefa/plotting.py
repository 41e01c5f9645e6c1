"""Figures: functions that take arrays and an axes, and change neither them nor any setting of matplotlib.

Where no axes is given the function draws in a new `matplotlib.figure.Figure`, which pyplot does not track:
nothing has to be closed, no display is needed, and ``ax.figure.savefig("x.pdf")`` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator, MultipleLocator, NullFormatter
from numpy.typing import ArrayLike

from .recording import Display

__all__ = [
    "figure4",
    "plot_angles",
    "plot_fields",
    "plot_learning",
    "plot_psp",
    "plot_raster",
    "psp_figure",
    "raster_figure",
]

# The colours of Okabe and Ito, which colour-blind readers tell apart.
_BLUE, _VERMILLION, _GREEN, _ORANGE, _SKY, _PURPLE = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7",
)  # fmt: skip
_INK, _RULE = "#1a1a1a", "#9a9a9a"
_STYLE = {
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.titlesize": 8.0,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.linewidth": 0.5,
    "axes.grid": False,
    "lines.linewidth": 1.0,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "text.color": _INK,
}
# Ticks are made when first drawn, after the style above is gone: they are told themselves.
_TICKS: dict[str, Any] = {"labelsize": 6.5, "width": 0.5, "length": 2.0, "pad": 2.0, "color": _INK}


def plot_raster(
    i: ArrayLike,
    t: ArrayLike,
    *,
    ax: Axes | None = None,
    n_units: int | None = None,
    duration: float | None = None,
    groups: ArrayLike | None = None,
    boundaries: ArrayLike | None = None,
    **lines: Any,
) -> Axes:
    """Raster of spikes: one short vertical stroke a spike.

    Parameters
    ----------
    i : array_like of int
        Unit of each spike, from 0.
    t : array_like
        Time of each spike, in ms or as a Brian2 quantity: ``plot_raster(monitor.i, monitor.t)``.
    ax : Axes, optional
        Where to draw; by default in a new figure.
    n_units : int, optional
        Height of the raster; by default up to the last unit that spiked, or the length of `groups`.
    duration : float, optional
        Length of the time axis in ms; by default up to the last spike.
    groups : array_like, optional
        Group of each unit (n_units,), equal ones side by side: each is named, with a line between neighbours.
    boundaries : array_like, optional
        Times of vertical lines (image switches), in ms or as a Brian2 quantity.
    **lines
        Passed to `matplotlib.axes.Axes.vlines`, such as ``colors`` or ``linewidths``.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If `i` and `t` do not pair up, or a unit is outside the raster.
    """
    unit, time = np.asarray(i), _ms("plot_raster", "t", t)
    if unit.ndim != 1 or unit.shape != time.shape:
        raise ValueError(
            f"plot_raster: i and t must be vectors of one entry a spike, "
            f"got shapes {unit.shape} and {time.shape}"
        )
    if unit.size and unit.dtype.kind not in "iu":
        raise ValueError(f"plot_raster: i must hold whole numbers, got dtype {unit.dtype}")
    if groups is not None:
        groups = np.asarray(groups)
        if n_units is None:
            n_units = len(groups)
        elif len(groups) != n_units:
            raise ValueError(f"plot_raster: groups must have one entry a unit ({n_units}), got {len(groups)}")
    if n_units is None:
        n_units = int(unit.max()) + 1 if unit.size else 1
    if unit.size and not (unit.min() >= 0 and unit.max() < n_units):
        raise ValueError(f"plot_raster: i must lie in 0..{n_units - 1}, got {unit.min()} .. {unit.max()}")
    limits = (0.0, duration)
    if duration is None:
        last = float(time.max()) if time.size and time.max() > 0 else 1.0
        limits = (-0.005 * last, 1.005 * last)  # the first and the last spike whole

    with _styled(ax is None):
        ax = _new_axes(5.0, 2.6) if ax is None else ax
        lines = {"colors": _INK, "linewidths": 0.6} | lines
        ax.vlines(time, unit - 0.42, unit + 0.42, **lines)
        if boundaries is not None:
            for at in np.atleast_1d(_ms("plot_raster", "boundaries", boundaries)):
                ax.axvline(at, color=_RULE, linewidth=0.5, zorder=0.9)
        if groups is not None:
            starts = np.r_[0, np.flatnonzero(groups[1:] != groups[:-1]) + 1, n_units]
            for at in starts[1:-1]:
                ax.axhline(at - 0.5, color=_RULE, linewidth=0.3, zorder=0.9)
            ax.set_yticks((starts[:-1] + starts[1:] - 1) / 2, [str(groups[k]) for k in starts[:-1]])
            ax.tick_params(axis="y", length=0)
            ax.set_ylabel("Group")
        else:
            ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            ax.set_ylabel("Unit")
        ax.set_xlim(*limits)
        ax.set_ylim(-0.5, n_units - 0.5)
        ax.set_xlabel("Time (ms)")
    return ax


def plot_psp(
    t: ArrayLike,
    v: ArrayLike,
    delta: ArrayLike,
    *,
    ax: Axes | None = None,
    boundaries: ArrayLike | None = None,
) -> tuple[Axes, Axes]:
    """One neuron's PSP with its own modulatory signal on the same time axis.

    Parameters
    ----------
    t : array_like (steps,)
        Times in ms or as a Brian2 quantity.
    v, delta : array_like (steps,)
        The potential, read on the left, and the modulatory signal, read on the right from -1 to 1 (further if
        it goes further).
    ax : Axes, optional
        Where to draw; by default in a new figure.
    boundaries : array_like, optional
        Times of vertical lines (image switches).

    Returns
    -------
    ax, twin : Axes
        The axes of the PSP, and the one over it of the modulatory signal.

    Raises
    ------
    ValueError
        If `t`, `v` and `delta` are not vectors of the same length.
    """
    time, v, delta = _ms("plot_psp", "t", t), _real("plot_psp", "v", v), _real("plot_psp", "delta", delta)
    if not (time.ndim == 1 and time.shape == v.shape == delta.shape):
        raise ValueError(
            f"plot_psp: t, v and delta must be vectors of the same length, "
            f"got shapes {time.shape}, {v.shape} and {delta.shape}"
        )
    own = ax is None
    with _styled(own):
        ax = _new_axes(5.0, 1.8) if own else ax
        twin = ax.twinx()
        # The PSP is the figure's subject: it lies over its modulatory signal, not under it.
        ax.set_zorder(twin.get_zorder() + 1)
        ax.patch.set_visible(False)
        if boundaries is not None:
            for at in np.atleast_1d(_ms("plot_psp", "boundaries", boundaries)):
                twin.axvline(at, color=_RULE, linewidth=0.5, zorder=0.9)
        twin.axhline(0, color=_VERMILLION, linewidth=0.4, zorder=0.95)
        twin.fill_between(time, delta, 0, color=_VERMILLION, alpha=0.25, linewidth=0)
        twin.plot(time, delta, color=_VERMILLION, linewidth=0.7)
        ax.plot(time, v, color=_BLUE, linewidth=0.8)
        finite = delta[np.isfinite(delta)]
        reach = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
        twin.set_ylim(-1.08 * reach, 1.08 * reach)
        if reach == 1.0:
            twin.set_yticks([-1, 0, 1])
        if time.size > 1:
            ax.set_xlim(time[0], time[-1] + (time[1] - time[0]))
        ax.set_xlabel("Time (ms)")
        ax.set_ylabel("PSP (a.u.)", color=_BLUE)
        twin.set_ylabel("Modulatory\nsignal δ", color=_VERMILLION)
        ax.tick_params(axis="y", labelcolor=_BLUE)
        twin.tick_params(axis="y", labelcolor=_VERMILLION)
        if own:
            twin.spines["top"].set_visible(False)
            twin.tick_params(**_TICKS)
            twin.tick_params(axis="y", labelcolor=_VERMILLION)
    return ax, twin


def plot_learning(
    metrics: Mapping[str, ArrayLike], *, ax: Axes | None = None, log: bool | None = None
) -> Axes:
    """Errors in per cent against the images seen.

    Parameters
    ----------
    metrics : mapping
        Columns of a table of metrics, as `spikefa.recording.read_metrics` gives it: ``images_seen`` and any
        of ``test_error``, ``validation_error``, ``train_error`` (fractions, NaN where not measured).
    ax : Axes, optional
        Where to draw; by default in a new figure.
    log : bool, optional
        Logarithmic errors; by default where they span more than a factor of 8 and none is zero.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If a column is missing, is of another length, or nothing was measured.
    """
    columns = (("test_error", _BLUE, "o"), ("validation_error", _GREEN, "s"), ("train_error", _ORANGE, "^"))
    curves = []
    for name, colour, marker in columns:
        if name in metrics:
            seen, error = _curve("plot_learning", metrics, name)
            if seen.size:
                curves.append((name.replace("_error", ""), seen, 100 * error, colour, marker))
    if not curves:
        raise ValueError(
            f"plot_learning: metrics must have a test, validation or train error that was measured, "
            f"got the columns {list(metrics)}"
        )
    values = np.concatenate([error for _, _, error, _, _ in curves])
    if log is None:
        log = bool(values.min() > 0 and values.max() > 8 * values.min())
    with _styled(ax is None):
        ax = _new_axes(3.5, 2.5) if ax is None else ax
        for label, seen, error, colour, marker in curves:
            ax.plot(
                seen, error, color=colour, marker=marker, markersize=3, linewidth=1.0,
                label=f"{label} ({error[-1]:.2f} % at the end)",
            )  # fmt: skip
        _, seen, error, colour, _ = curves[0]
        ax.annotate(
            f"{error[-1]:.2f} %", (seen[-1], error[-1]), xytext=(5, 0), textcoords="offset points",
            color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
        if log:
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
            ax.yaxis.set_minor_formatter(NullFormatter())
        else:
            ax.set_ylim(bottom=0)
        _images_axis(ax)
        ax.set_ylabel("Error (%)")
        ax.legend()
    return ax


def plot_angles(metrics: Mapping[str, ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Angle between each layer's forward weights and its feedback, against the images seen.

    Parameters
    ----------
    metrics : mapping
        Columns of a table of metrics: ``images_seen`` and every column named ``angle_deg_LAYER`` (degrees).
    ax : Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is no such column, or one is of another length.
    """
    names = [name for name in metrics if name.startswith("angle_deg_")]
    if not names:
        raise ValueError(
            f"plot_angles: metrics must have columns named angle_deg_LAYER, got the columns {list(metrics)}"
        )
    colours = (_BLUE, _VERMILLION, _GREEN, _PURPLE, _ORANGE, _SKY)
    curves = [(name.removeprefix("angle_deg_"), *_curve("plot_angles", metrics, name)) for name in names]
    with _styled(ax is None):
        ax = _new_axes(3.5, 2.5) if ax is None else ax
        ax.axhline(90, color=_RULE, linewidth=0.8, linestyle=(0, (4, 3)))
        for k, (label, seen, angle) in enumerate(curves):
            ax.plot(
                seen, angle, color=colours[k % 6], marker="os^Dv<"[k % 6], markersize=3, linewidth=1.0,
                linestyle="-" if k < 6 else "--", label=label,
            )  # fmt: skip
        top = np.nanmax([0.0, *(angle.max() for _, _, angle in curves if angle.size)])
        ax.set_ylim(0, 100 if top < 95 else 180)
        ax.yaxis.set_major_locator(MultipleLocator(30))
        _images_axis(ax)
        ax.set_ylabel("Angle between weights\nand feedback (degrees)")
        ax.annotate(
            "orthogonal", (1, 90), xycoords=("axes fraction", "data"), ha="right",
            xytext=(-2, 2), textcoords="offset points", va="bottom", color="#6a6a6a",
        )  # fmt: skip
        ax.legend(title="layer", ncols=1 + (len(names) - 1) // 5, loc="lower left")
    return ax


def plot_fields(
    weights: ArrayLike, shape: tuple[int, int], *, n: int = 36, ax: Axes | None = None, label: str = "Weight"
) -> Axes:
    """Receptive fields: the incoming weights of `n` evenly chosen units, each as an image.

    Parameters
    ----------
    weights : array_like (pixels, units)
        Weights of the first layer.
    shape : (height, width)
        Shape of the images, height * width = pixels.
    n : int
        Units to show; all of them where there are fewer.
    ax : Axes, optional
        Where to draw; by default in a new figure. A colour bar is put beside it.
    label : str
        Title of the colour bar.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the shapes do not fit, or `n` is not at least 1.
    """
    w = _real("plot_fields", "weights", weights)
    height, width = shape
    if w.ndim != 2 or w.shape[0] != height * width or w.size == 0:
        raise ValueError(
            f"plot_fields: weights must have shape (pixels, units) with {height} x {width} pixels, "
            f"got {w.shape}"
        )
    if n < 1:
        raise ValueError(f"plot_fields: n must be at least 1, got {n!r}")
    chosen = np.linspace(0, w.shape[1] - 1, min(n, w.shape[1])).round().astype(int)
    columns = int(np.ceil(np.sqrt(len(chosen))))
    rows = -(-len(chosen) // columns)
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for k, unit in enumerate(chosen):
        y, x = (k // columns) * (height + 1), (k % columns) * (width + 1)
        mosaic[y : y + height, x : x + width] = w[:, unit].reshape(height, width)
    shown = np.abs(w[:, chosen])
    reach = float(np.nanmax(shown, initial=0.0, where=np.isfinite(shown))) or 1.0
    own = ax is None
    with _styled(own):
        ax = _new_axes(3.5, 2.95) if own else ax
        image = ax.imshow(mosaic, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03)
        bar.set_label(label)
        bar.outline.set_linewidth(0.5)
        if own:
            bar.ax.tick_params(**_TICKS)
    return ax


def figure4(stages: Sequence[Display], *, layer: str | None = None) -> Figure:
    """Activity at several stages of learning, side by side [Lillicrap et al. 2016, Fig. 4].

    One column a stage: the images shown, the rasters of the hidden layers and of the output with the units of
    the right class shaded, and one neuron's PSP with its own modulatory signal, all on one time axis.

    Parameters
    ----------
    stages : sequence of Display
        One or more recordings of the same network, early to late.
    layer : str, optional
        The hidden layer whose neuron is shown; by default the last.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there is no stage, the stages have other layers, or there is no such hidden layer.
    """
    first = _same_network("figure4", stages)
    if layer is not None and layer not in first.hidden:
        raise ValueError(f"figure4: layer must be a hidden layer, one of {list(first.hidden)}, got {layer!r}")
    neurons = (layer,) if layer is not None else first.hidden[-1:]
    return _figure(stages, tuple(first.spikes), neurons)


def raster_figure(display: Display) -> Figure:
    """Draw the images shown and the rasters of all layers, at one stage."""
    _same_network("raster_figure", [display])
    return _figure([display], tuple(display.spikes), ())


def psp_figure(display: Display) -> Figure:
    """Draw the images shown, and PSP and modulatory signal of one neuron of every hidden layer, at one stage.

    Raises
    ------
    ValueError
        If the recording has no hidden layer.
    """
    _same_network("psp_figure", [display])
    if not display.hidden:
        raise ValueError(f"psp_figure: the recording must have a hidden layer, got only {display.output!r}")
    return _figure([display], (), display.hidden)


def _figure(stages: Sequence[Display], rasters: tuple[str, ...], neurons: tuple[str, ...]) -> Figure:
    """Draw columns of stages and rows of panels, laid out in inches so that no number of them overlaps."""
    first, n = stages[0], len(stages)
    left, right, top, bottom, gap, row_gap = 0.56, 0.5 if neurons else 0.12, 0.26, 0.36, 0.2, 0.075
    column = {1: 3.3, 2: 2.6}.get(n, 1.92)
    tall, wide = np.max([d.images.shape[1:] for d in stages], axis=0)
    side = min(0.6, 0.94 * column / max(len(d.images) for d in stages))  # width of an image
    heights = [side * tall / wide]
    for name in rasters:
        units = min(60, max(36, first.spikes[name].shape[1]))
        heights.append((0.023 if name == first.output else 0.017) * units)
    heights += [0.8] * len(neurons)
    width = left + n * column + (n - 1) * gap + right
    height = top + sum(heights) + row_gap * (len(heights) - 1) + bottom

    with matplotlib.rc_context(_STYLE):
        fig = Figure(figsize=(width, height))
        for c, d in enumerate(stages):
            x = left + c * (column + gap)
            y = height - top
            axes = []
            for h in heights:
                y -= h
                axes.append(fig.add_axes((x / width, y / height, column / width, h / height)))
                axes[-1].tick_params(**_TICKS)
                y -= row_gap
            _draw_images(axes[0], d, side / column, d.label or f"{d.images_seen:,} images")
            switches = np.arange(1, len(d.images)) * d.steps_per_image * d.dt
            points = 72 * column / d.steps
            for ax, name in zip(axes[1:], rasters, strict=False):
                _draw_layer(ax, d, name, switches, min(0.9, 0.65 * points))
            for ax, name in zip(axes[1 + len(rasters) :], neurons, strict=True):
                _draw_neuron(ax, stages, d, name, switches, c == n - 1)
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
    return fig


def _draw_images(ax: Axes, d: Display, fill: float, title: str) -> None:
    shown = d.steps_per_image * d.dt
    half = fill * d.duration / 2
    for k, image in enumerate(d.images):
        middle = (k + 0.5) * shown
        start, end = middle - half, middle + half
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(start, end, 0, 1), aspect="auto")
        frame = Rectangle(
            (start, 0), end - start, 1, fill=False, edgecolor=_RULE, linewidth=0.5, clip_on=False
        )
        ax.add_patch(frame)
    ax.set_xlim(0, d.duration)
    ax.set_ylim(0, 1)
    ax.set_axis_off()
    ax.set_title(title, pad=5)


def _draw_layer(ax: Axes, d: Display, name: str, switches: np.ndarray, linewidth: float) -> None:
    spikes = d.spikes[name]
    step, unit = np.nonzero(spikes)
    is_output = name == d.output
    plot_raster(
        # The middle of its step, so that a spike in an image's last step lies left of the switch.
        unit, (step + 0.5) * d.dt, ax=ax, n_units=spikes.shape[1], duration=d.duration, boundaries=switches,
        groups=d.output_classes if is_output else None, linewidths=linewidth,
    )  # fmt: skip
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
                    (start, units[0] - 0.5), d.steps_per_image * d.dt, len(units),
                    facecolor=_ORANGE, alpha=0.4, linewidth=0, zorder=0.5,
                )
            )  # fmt: skip


def _draw_neuron(
    ax: Axes, stages: Sequence[Display], d: Display, name: str, switches: np.ndarray, last: bool
) -> None:
    # The middle of each step, as in the rasters.
    ax, twin = plot_psp(d.t + d.dt / 2, d.v[name], d.delta[name], ax=ax, boundaries=switches)
    # One scale for all stages: what grows with learning is seen to grow.
    v = np.concatenate([s.v[name] for s in stages])
    v = v[np.isfinite(v)]
    low, high = (v.min(), v.max()) if v.size else (0.0, 0.0)
    pad = 0.06 * (high - low) or 1.0
    ax.set_ylim(low - pad, high + pad)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=2))
    ax.set_ylabel(f"PSP (a.u.)\none {name} unit", color=_BLUE)
    deltas = np.concatenate([s.delta[name] for s in stages])
    reach = max(1.0, float(np.nanmax(np.abs(deltas), initial=0.0, where=np.isfinite(deltas))))
    twin.set_ylim(-1.08 * reach, 1.08 * reach)
    twin.tick_params(**_TICKS)
    if not last:
        twin.set_ylabel("")
        twin.tick_params(axis="y", labelright=False, length=0)


def _time_ticks(ax: Axes, d: Display) -> None:
    if len(d.images) <= 6:
        ax.set_xticks(np.arange(len(d.images) + 1) * d.steps_per_image * d.dt)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def _same_network(owner: str, stages: Sequence[Display]) -> Display:
    if isinstance(stages, Display) or not all(isinstance(d, Display) for d in stages):
        raise TypeError(f"{owner}: must be given recordings (Display), got {type(stages).__name__}")
    if not len(stages):
        raise ValueError(f"{owner}: must be given at least one stage, got none")
    first = stages[0]
    for d in stages[1:]:
        if list(d.spikes) != list(first.spikes):
            raise ValueError(
                f"{owner}: stages must have the same layers, got {list(first.spikes)} and {list(d.spikes)}"
            )
    return first


def _styled(own: bool) -> Any:
    """Our style for a figure of our own; whoever brings an axes brings the style."""
    return matplotlib.rc_context(_STYLE if own else {})


def _new_axes(width: float, height: float) -> Axes:
    ax = Figure(figsize=(width, height), dpi=150, layout="constrained").add_subplot()
    ax.tick_params(**_TICKS)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _images_axis(ax: Axes) -> None:
    ax.set_xlim(left=0)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 3, 5, 6, 10]))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.set_xlabel("Images seen")


def _curve(owner: str, metrics: Mapping[str, ArrayLike], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images seen and values of a column, where both were measured."""
    if "images_seen" not in metrics:
        raise ValueError(f"{owner}: metrics must have the column images_seen, got {list(metrics)}")
    seen, values = _real(owner, "images_seen", metrics["images_seen"]), _real(owner, name, metrics[name])
    if seen.ndim != 1 or seen.shape != values.shape:
        raise ValueError(
            f"{owner}: {name} must be a vector as long as images_seen, "
            f"got shapes {values.shape} and {seen.shape}"
        )
    measured = np.isfinite(seen) & np.isfinite(values)
    return seen[measured], values[measured]


def _real(owner: str, name: str, x: ArrayLike) -> np.ndarray:
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{owner}: {name} must hold real numbers, got dtype {x.dtype}")
    return x.astype(float)


def _ms(owner: str, name: str, t: Any) -> np.ndarray:
    """Return times in ms: plain numbers are, a Brian2 quantity (told by its ``dim``) is in seconds."""
    dim = getattr(t, "dim", None)
    values = _real(owner, name, t[:] if dim is not None and np.ndim(t) else t)
    if dim is None or dim.is_dimensionless:
        return values
    if str(dim) != "s":
        raise ValueError(f"{owner}: {name} must be times, got a quantity in {dim}")
    return values * 1e3
