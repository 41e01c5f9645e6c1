"""Distributions: histograms of firing rates and of weights, a line each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from spikefa._checks import positive_int, real_array, refuse, text
from spikefa.errors import ArgumentError
from spikefa.plotting.style import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, check_axes, new_axes, styled

_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)


def plot_distributions(
    values: Mapping[str, ArrayLike], *, label: str = "Value", bins: int = 40, ax: Axes | None = None
) -> Axes:
    """Draw histograms over one another, in per cent of each one's values.

    Parameters
    ----------
    values : mapping of str to array_like
        Such as the mean rates of the units of each layer, or the weights of each projection, by name.
    label : str
        Of the axis of values.
    bins : int
    ax : Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If there is nothing finite to draw, or `bins` is no positive whole number.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> ax = fa.plotting.plot_distributions({"W": np.random.default_rng(0).normal(size=500)}, label="Weight")
    """
    check_axes("plot_distributions", ax)
    text("plot_distributions", "label", label)
    bins = positive_int("plot_distributions", "bins", bins)
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        refuse("plot_distributions", "values", "be a mapping of names to arrays", values)
    arrays = {}
    for name, own in values.items():
        flat = real_array("plot_distributions", f"values[{name!r}]", own, float).ravel()
        arrays[name] = flat[np.isfinite(flat)]
    arrays = {name: own for name, own in arrays.items() if own.size}
    if not arrays:
        raise ArgumentError("plot_distributions: values must hold at least one finite number, got none")
    low, high = min(own.min() for own in arrays.values()), max(own.max() for own in arrays.values())
    edges = np.linspace(low, high, bins + 1) if high > low else np.linspace(low - 0.5, high + 0.5, bins + 1)
    with styled(ax is None):
        ax = new_axes(3.5, 2.4) if ax is None else ax
        for k, (name, own) in enumerate(arrays.items()):
            counts = 100 * np.histogram(own, edges)[0] / own.size
            style = "-" if k < len(_COLOURS) else "--"
            ax.stairs(counts, edges, color=_COLOURS[k % len(_COLOURS)], linewidth=1.0, linestyle=style, label=name)
        ax.set_ylim(bottom=0)
        ax.set_xlabel(label)
        ax.set_ylabel("Share (%)")
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax
