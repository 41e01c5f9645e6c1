"""Panels: one quantity on one axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullFormatter
from numpy.typing import ArrayLike

from spikefa._checks import in_range, is_whole, positive_int, real_array, refuse, true_or_false
from spikefa._checks import text as checked_text
from spikefa.errors import ArgumentError
from spikefa.plotting.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RULE,
    SKY,
    TICKS,
    VERMILLION,
    check_axes,
    in_shown_unit,
    milliseconds,
    new_axes,
    styled,
)


def plot_psp(
    t: ArrayLike,
    v: ArrayLike,
    delta: ArrayLike,
    *,
    ax: Axes | None = None,
    boundaries: ArrayLike | None = None,
) -> tuple[Axes, Axes]:
    """Draw one neuron's PSP with its own modulatory signal on the same time axis.

    Parameters
    ----------
    t : array_like (steps,)
        Times in ms or as a Brian2 quantity.
    v, delta : array_like (steps,)
        The potential, read on the left, in mV if it is a Brian2 quantity in volts, and the modulatory signal, read on
        the right from -1 to 1 (further if it goes further).
    ax : Axes, optional
        Where to draw; by default in a new figure.
    boundaries : array_like, optional
        Times of vertical lines (image switches).

    Returns
    -------
    ax, right : Axes
        The axes of the PSP, and the one over it of the modulatory signal.

    Raises
    ------
    ArgumentError
        If `t`, `v` and `delta` are not vectors of the same length.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> t = np.arange(50.0)
    >>> ax, right = fa.plotting.plot_psp(t, np.sin(t / 5), 0.3 * np.cos(t / 9), boundaries=[25])
    """
    check_axes("plot_psp", ax)
    time = milliseconds("plot_psp", "t", t)
    v, unit = in_shown_unit("plot_psp", "v", v)
    delta = real_array("plot_psp", "delta", delta, float)
    if not (time.ndim == 1 and time.shape == v.shape == delta.shape):
        raise ArgumentError(
            f"plot_psp: t, v and delta must be vectors of the same length, "
            f"got shapes {time.shape}, {v.shape} and {delta.shape}"
        )
    own = ax is None
    with styled(own):
        ax = new_axes(5.0, 1.8) if own else ax
        right = ax.twinx()
        # The PSP is the figure's subject: it lies over its modulatory signal, not under it.
        ax.set_zorder(right.get_zorder() + 1)
        ax.patch.set_visible(False)
        if boundaries is not None:
            for at in _boundaries("plot_psp", boundaries):
                right.axvline(at, color=RULE, linewidth=0.5, zorder=0.9)
        right.axhline(0, color=VERMILLION, linewidth=0.4, zorder=0.95)
        right.fill_between(time, delta, 0, color=VERMILLION, alpha=0.25, linewidth=0)
        right.plot(time, delta, color=VERMILLION, linewidth=0.7)
        ax.plot(time, v, color=BLUE, linewidth=0.8)
        finite = delta[np.isfinite(delta)]
        reach = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
        right.set_ylim(-1.08 * reach, 1.08 * reach)
        if reach == 1.0:
            right.set_yticks([-1, 0, 1])
        if time.size > 1:
            ax.set_xlim(time[0], time[-1] + (time[1] - time[0]))
        ax.set_xlabel("Time (ms)")
        ax.set_ylabel(f"Potential ({unit})" if unit else "PSP (a.u.)", color=BLUE)
        right.set_ylabel("Modulatory\nsignal δ", color=VERMILLION)
        ax.tick_params(axis="y", labelcolor=BLUE)
        right.tick_params(axis="y", labelcolor=VERMILLION)
        if own:
            right.spines["top"].set_visible(False)
            right.tick_params(**TICKS)
            right.tick_params(axis="y", labelcolor=VERMILLION)
    return ax, right


def plot_learning(
    metrics: Mapping[str, ArrayLike],
    *,
    ax: Axes | None = None,
    log: bool | None = None,
    classes: bool = True,
    chance: float | None = None,
) -> Axes:
    """Draw errors against the images seen.

    Parameters
    ----------
    metrics : mapping
        Columns of a table of metrics, as `read_metrics` gives it: ``images_seen`` and any
        of ``test_error``, ``validation_error``, ``train_error`` (fractions, NaN where not measured).
    ax : Axes, optional
        Where to draw; by default in a new figure.
    log : bool, optional
        Logarithmic errors; by default if they span more than a factor of 8 and none is zero.
    classes : bool
        Whether errors are fractions of wrong classes, shown in per cent; else they are normalised squared errors.
    chance : float, optional
        The error of a network that guesses, as a fraction, where a line is drawn.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If a column is missing, is of another length, or nothing was measured.

    Examples
    --------
    >>> import spikefa as fa
    >>> metrics = {"images_seen": [0, 1000, 2000], "test_error": [0.9, 0.2, 0.1]}
    >>> ax = fa.plotting.plot_learning(metrics, chance=0.9)
    """
    check_axes("plot_learning", ax)
    _check_metrics("plot_learning", metrics)
    true_or_false("plot_learning", "classes", classes)
    if log is not None:
        true_or_false("plot_learning", "log", log)
    if chance is not None:
        chance = in_range("plot_learning", "chance", chance, 0, open_low=True)
    scale, text = (100, "{:.2f} %") if classes else (1, "{:.3g}")
    columns = (("test_error", BLUE, "o"), ("validation_error", GREEN, "s"), ("train_error", ORANGE, "^"))
    curves = []
    for name, colour, marker in columns:
        if name in metrics:
            seen, error = _curve("plot_learning", metrics, name)
            if seen.size:
                curves.append((name.replace("_error", ""), seen, scale * error, colour, marker))
    if not curves:
        raise ArgumentError(
            f"plot_learning: metrics must have a test, validation or train error that was measured, "
            f"got the columns {list(metrics)}"
        )
    values = np.concatenate([error for _, _, error, _, _ in curves])
    if log is None:
        log = bool(values.min() > 0 and values.max() > 8 * values.min())
    with styled(ax is None):
        ax = new_axes(3.5, 2.5) if ax is None else ax
        for label, seen, error, colour, marker in curves:
            ax.plot(
                seen,
                error,
                color=colour,
                marker=marker,
                markersize=3,
                linewidth=1.0,
                label=f"{label} ({text.format(error[-1])} at the end)",
            )
        _, seen, error, colour, _ = curves[0]
        ax.spines[["top", "right"]].set_visible(False)  # the right one would cross the number
        ax.annotate(
            text.format(error[-1]),
            (seen[-1], error[-1]),
            xytext=(5, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )
        if log:
            ax.set_yscale("log")
            positive = values[values > 0]
            # Beyond three decades there is no room for 2 and 5, and where it skips decades matplotlib drops all subs.
            wide = positive.size > 0 and positive.max() > 1e3 * positive.min()
            ax.yaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
            if wide:
                ax.minorticks_off()
            ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
            ax.yaxis.set_minor_formatter(NullFormatter())
        else:
            ax.update_datalim([(0, 0)], updatex=False)  # else the margin is too small for the topmost marker
            ax.set_ylim(bottom=0)
        if chance is not None:
            ax.axhline(scale * chance, color=RULE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0.5)
            ax.annotate(
                "chance",
                (1, scale * chance),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                xytext=(-2, 1.5),
                textcoords="offset points",
                color="#6a6a6a",
            )
        _images_axis(ax)
        ax.set_ylabel("Error (%)" if classes else "Normalised squared error")
        ax.legend()
    return ax


def plot_angles(metrics: Mapping[str, ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Draw the angle between each layer's forward weights and its feedback, against the images seen.

    Parameters
    ----------
    metrics : mapping
        Columns of a table of metrics: ``images_seen`` and every column named ``weight_angle_deg_LAYER`` (degrees).
        Those without any angle, of layers that receive no feedback, are left out.
    ax : Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If there is no such column with an angle in it, or one is of another length.

    Examples
    --------
    >>> import spikefa as fa
    >>> metrics = {"images_seen": [0, 1000, 2000], "weight_angle_deg_h1": [90.0, 70.0, 60.0]}
    >>> ax = fa.plotting.plot_angles(metrics)
    """
    check_axes("plot_angles", ax)
    curves = angle_curves(metrics)
    if not curves:
        raise ArgumentError(
            f"plot_angles: metrics must have columns named weight_angle_deg_LAYER with angles that were measured, "
            f"got the columns {list(metrics)}"
        )
    colours = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
    with styled(ax is None):
        ax = new_axes(3.5, 2.5) if ax is None else ax
        ax.axhline(90, color=RULE, linewidth=0.8, linestyle=(0, (4, 3)))
        for k, label, seen, angle in curves:
            ax.plot(
                seen,
                angle,
                color=colours[k % 6],
                marker="os^Dv<"[k % 6],
                markersize=3,
                linewidth=1.0,
                linestyle="-" if k < 6 else "--",
                label=label,
                clip_on=False,
            )
        every = np.concatenate([[60.0], *(angle for *_, angle in curves)])
        ax.set_ylim(0, 100 if np.nanmax(every) < 95 else 180)
        ax.yaxis.set_major_locator(MultipleLocator(30))
        _images_axis(ax)
        ax.set_ylabel("Angle between weights\nand feedback (degrees)")
        ax.annotate(
            "orthogonal",
            (1, 90),
            xycoords=("axes fraction", "data"),
            ha="right",
            xytext=(-2, 2),
            textcoords="offset points",
            va="bottom",
            color="#6a6a6a",
        )
        ax.legend(title="layer", ncols=1 + (len(curves) - 1) // 5)
    return ax


def plot_receptive_fields(
    weights: ArrayLike, shape: tuple[int, int], *, n: int = 36, ax: Axes | None = None, label: str = "Weight"
) -> Axes:
    """Draw receptive fields: the incoming weights of `n` evenly chosen units, each as an image.

    Parameters
    ----------
    weights : array_like (pixels, units)
        Weights of the first layer.
    shape : (height, width)
        Shape of the images, height * width = pixels.
    n : int
        Units to show; all of them if there are fewer.
    ax : Axes, optional
        Where to draw; by default in a new figure. A colour bar is put beside it.
    label : str
        Title of the colour bar.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If the shapes do not fit, or `n` is not at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> W = np.random.default_rng(0).normal(size=(64, 20))
    >>> ax = fa.plotting.plot_receptive_fields(W, (8, 8), n=9)
    """
    w = real_array("plot_receptive_fields", "weights", weights, float)
    check_axes("plot_receptive_fields", ax)
    checked_text("plot_receptive_fields", "label", label)
    if not (isinstance(shape, tuple | list) and len(shape) == 2 and all(map(is_whole, shape)) and min(shape) > 0):
        refuse("plot_receptive_fields", "shape", "be (height, width)", shape)
    height, width = shape
    if w.ndim != 2 or w.shape[0] != height * width or w.size == 0:
        raise ArgumentError(
            f"plot_receptive_fields: weights must have shape (pixels, units) with {height} x {width} pixels, "
            f"got {w.shape}"
        )
    n = positive_int("plot_receptive_fields", "n", n, "units")
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
    with styled(own):
        ax = new_axes(3.5, 2.95) if own else ax
        image = ax.imshow(mosaic, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03)
        bar.set_label(label)
        bar.outline.set_linewidth(0.5)
        if own:
            bar.ax.tick_params(**TICKS)
    return ax


def angle_curves(metrics: Mapping[str, ArrayLike]) -> list[tuple[int, str, np.ndarray, np.ndarray]]:
    """Return the number, name, images seen and angles of each layer whose angles were measured."""
    _check_metrics("plot_angles", metrics)
    prefix = "weight_angle_deg_"
    names = [name for name in metrics if name.startswith(prefix)]
    # Counted with those left out, so that a layer has the same colour in every run. An empty curve that is not
    # clipped would collapse the layout.
    curves = [(k, name.removeprefix(prefix), *_curve("plot_angles", metrics, name)) for k, name in enumerate(names)]
    return [curve for curve in curves if curve[2].size]


def _boundaries(owner: str, boundaries: Any) -> np.ndarray:
    times = milliseconds(owner, "boundaries", boundaries)
    if isinstance(boundaries, bool) or times.ndim > 1 or not np.isfinite(times).all():
        refuse(owner, "boundaries", "be a vector of finite times", boundaries)
    return np.atleast_1d(times)


def _check_metrics(owner: str, metrics: Any) -> None:
    if not (isinstance(metrics, Mapping) and all(isinstance(name, str) for name in metrics)):
        refuse(owner, "metrics", "be a mapping of names to columns", metrics)


def _images_axis(ax: Axes) -> None:
    ax.set_xlim(left=0)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 3, 5, 6, 10]))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.set_xlabel("Images seen")


def _curve(owner: str, metrics: Mapping[str, ArrayLike], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images seen and the values of a column, of the rows in which both were measured."""
    if "images_seen" not in metrics:
        raise ArgumentError(f"{owner}: metrics must have the column images_seen, got {list(metrics)}")
    seen, values = (real_array(owner, column, metrics[column], float) for column in ("images_seen", name))
    if seen.ndim != 1 or seen.shape != values.shape:
        raise ArgumentError(
            f"{owner}: {name} must be a vector as long as images_seen, got shapes {values.shape} and {seen.shape}"
        )
    measured = np.isfinite(seen) & np.isfinite(values)
    return seen[measured], values[measured]
