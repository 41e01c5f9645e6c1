"""Colours, sizes and small helpers that all figures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikefa._checks import array, instance, real_array, refuse
from spikefa.errors import ArgumentError

# The colours of Okabe and Ito, which colour-blind readers tell apart.
BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
)
INK, RULE = "#1a1a1a", "#9a9a9a"
STYLE = {
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
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
}
#: Text stays text in PDF and SVG, so that a journal's figure can be edited.
EDITABLE = {"pdf.fonttype": 42, "svg.fonttype": "none"}
# Ticks are made when first drawn, after the style above is gone: these are set on each axes.
TICKS: dict[str, Any] = {"labelsize": 6.5, "width": 0.5, "length": 2.0, "pad": 2.0, "color": INK}


def styled(own: bool) -> Any:
    """Return the context of our style for a figure of our own; whoever brings an axes brings the style."""
    return matplotlib.rc_context(STYLE if own else {})


def new_axes(width: float, height: float) -> Axes:
    """Return axes in a new figure of width x height inches."""
    ax = Figure(figsize=(width, height), dpi=150, layout="constrained").add_subplot()
    ax.tick_params(**TICKS)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def check_axes(owner: str, ax: Any) -> None:
    """Refuse what is given for an axes and is none."""
    if ax is not None:
        instance(owner, "ax", ax, Axes, "an Axes of matplotlib, or None")


def check_classes(owner: str, name: str, values: Any) -> np.ndarray:
    """Return classes (n,), whole numbers from 0 to 999, at least one."""
    classes = array(owner, name, values)
    if classes.ndim != 1 or classes.dtype.kind not in "iu" or not classes.size:
        refuse(owner, name, "be a vector of classes from 0", values)
    if classes.min() < 0 or classes.max() > 999:
        refuse(owner, name, "be a vector of classes from 0 to 999", values)
    return classes


def class_colours(count: int) -> list[Any]:
    """Return a colour for each of some classes."""
    return [
        matplotlib.colormaps["tab10"](k) if count <= 10 else matplotlib.colormaps["viridis"](k / count)
        for k in range(count)
    ]


def letter_panels(axes: Sequence[Axes]) -> None:
    """Write a, b, c ... above the left corners of several panels; one alone has none."""
    for number, ax in enumerate(axes if len(axes) > 1 else ()):
        ax.annotate(
            "abcdefghijklmnopqrstuvwxyz"[number % 26],
            (0, 1),
            xycoords="axes fraction",
            xytext=(-22, 6),
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            va="bottom",
        )


def milliseconds(owner: str, name: str, t: Any) -> np.ndarray:
    """Return times in ms: plain numbers are in ms, a Brian2 quantity (recognised by its ``dim``) is in seconds.

    Raises
    ------
    ArgumentError
        If they are not real numbers, or a quantity of another dimension.
    """
    dim = getattr(t, "dim", None)
    values = real_array(owner, name, t[:] if dim is not None and np.ndim(t) else t, float)
    if dim is None or dim.is_dimensionless:
        return values
    if str(dim) != "s":
        raise ArgumentError(f"{owner}: {name} must be times, got a quantity in {dim}")
    return values * 1e3


def in_shown_unit(owner: str, name: str, values: Any) -> tuple[np.ndarray, str]:
    """Return values as figures show them, and their unit: potentials in mV; "" with plain numbers.

    Raises
    ------
    ArgumentError
        If they are not real numbers.
    """
    dim = getattr(values, "dim", None)
    numbers = real_array(owner, name, values[:] if dim is not None and np.ndim(values) else values, float)
    if dim is None or dim.is_dimensionless:
        return numbers, ""
    from spikefa.diagnostics.shown_unit import shown_unit  # of Brian2, which takes a second to import

    unit = shown_unit(dim)
    return numbers / float(unit), str(unit)
