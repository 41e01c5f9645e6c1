"""The raster of spikes: one short stroke a spike."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from spikefa._checks import array, in_range, positive_int, refuse, whole
from spikefa.errors import ArgumentError
from spikefa.plotting.style import INK, RULE, check_axes, milliseconds, new_axes, styled

#: A recording is late if it takes less than this part of the time that has passed when it ends.
LATE = 10


def plot_raster(
    i: ArrayLike | Any,
    t: ArrayLike | None = None,
    *,
    stream: int | None = None,
    ax: Axes | None = None,
    n_units: int | None = None,
    duration: float | None = None,
    start: float | None = None,
    groups: ArrayLike | None = None,
    boundaries: ArrayLike | None = None,
    **lines: Any,
) -> Axes:
    """Draw a raster of spikes: one short vertical stroke a spike.

    Parameters
    ----------
    i : array_like of int, or SpikeMonitor
        Unit of each spike, from 0; or a monitor of a population: ``plot_raster(monitor, stream=3)``.
    t : array_like, optional
        Time of each spike, in ms or as a Brian2 quantity; left out with a monitor.
    stream : int, optional
        The stream of a monitored population that is shown, with its units from 0; 0 by default.
    ax : Axes, optional
        Where to draw; by default in a new figure.
    n_units : int, optional
        Height of the raster; by default up to the last unit that spiked, or the length of `groups`.
    duration : float, optional
        Length of the time axis in ms; by default up to the last spike.
    start : float, optional
        Begin of the time axis in ms; by default 0, or the first spike or boundary if it is earlier, or if from 0 all of
        them would be a line at the right.
    groups : array_like, optional
        Group of each unit (n_units,), equal ones side by side: each is named, with a line between neighbours.
    boundaries : array_like, optional
        Times of vertical lines (image switches), in ms or as a Brian2 quantity.
    **lines
        Passed to `matplotlib.collections.LineCollection`, such as ``colors`` or ``linewidths``.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If `i` and `t` do not pair up, a unit is outside the raster, or there is no such stream.

    Examples
    --------
    >>> import spikefa as fa
    >>> ax = fa.plotting.plot_raster([0, 1, 1], [2.0, 3.5, 8.0], n_units=2, duration=10, boundaries=[5])
    >>> ax.figure.savefig("raster.pdf")
    """
    check_axes("plot_raster", ax)
    if hasattr(i, "source") or stream is not None:
        i, t, units = _of_stream(i, t, 0 if stream is None else stream)
        n_units = units if n_units is None and groups is None else n_units
    unit, time = array("plot_raster", "i", i), milliseconds("plot_raster", "t", t)
    if n_units is not None:
        positive_int("plot_raster", "n_units", n_units)
    if duration is not None:
        duration = in_range("plot_raster", "duration", duration, 0, open_low=True)
    if unit.ndim != 1 or unit.shape != time.shape:
        raise ArgumentError(
            f"plot_raster: i and t must be vectors of one entry a spike, got shapes {unit.shape} and {time.shape}"
        )
    if unit.size and unit.dtype.kind not in "iu":
        raise ArgumentError(f"plot_raster: i must hold whole numbers, got dtype {unit.dtype}")
    if groups is not None:
        groups = array("plot_raster", "groups", groups)
        if groups.ndim != 1:
            raise ArgumentError(f"plot_raster: groups must be a vector of one entry a unit, got shape {groups.shape}")
        if n_units is None:
            n_units = len(groups)
        elif len(groups) != n_units:
            raise ArgumentError(f"plot_raster: groups must have one entry a unit ({n_units}), got {len(groups)}")
    if n_units is None:
        n_units = int(unit.max()) + 1 if unit.size else 1
    if unit.size and not (unit.min() >= 0 and unit.max() < n_units):
        raise ArgumentError(f"plot_raster: i must lie in 0..{n_units - 1}, got {unit.min()} .. {unit.max()}")
    switches = milliseconds("plot_raster", "boundaries", [] if boundaries is None else boundaries)
    if isinstance(boundaries, bool) or switches.ndim > 1 or not np.isfinite(switches).all():
        refuse("plot_raster", "boundaries", "be a vector of finite times", boundaries)
    switches = switches.reshape(-1)
    start = _start(np.r_[time, switches]) if start is None else in_range("plot_raster", "start", start)
    if duration is not None:
        limits = (start, start + duration)
    else:
        width = float(time.max()) - start if time.size and time.max() > start else 1.0
        limits = (start - 0.005 * width, start + 1.005 * width)  # the first and the last spike whole

    with styled(ax is None):
        ax = new_axes(5.0, 2.6) if ax is None else ax
        lines = {"colors": INK, "linewidths": 0.6} | lines
        ends = np.stack([np.broadcast_to(time, (2, len(time))), [unit - 0.42, unit + 0.42]], axis=2).swapaxes(0, 1)
        ax.add_collection(LineCollection(ends, **lines), autolim=False)  # `vlines` takes three times as long
        for at in switches:
            ax.axvline(at, color=RULE, linewidth=0.5, zorder=0.9)
        if groups is not None:
            starts = np.r_[0, np.flatnonzero(groups[1:] != groups[:-1]) + 1, n_units]
            for at in starts[1:-1]:
                ax.axhline(at - 0.5, color=RULE, linewidth=0.3, zorder=0.9)
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


def _start(times: np.ndarray) -> float:
    """Return where a time axis begins: at 0, or at the first of the times if they are negative, or late."""
    times = times[np.isfinite(times)]
    if not times.size:
        return 0.0
    first, last = float(times.min()), float(times.max())
    return first if first < 0 or 0 < last - first < last / LATE else 0.0


def _of_stream(monitor: Any, t: Any, stream: int) -> tuple[Any, Any, int]:
    """Return units and times of the spikes of one stream, and how many units there are."""
    population = getattr(monitor, "source", None)
    if t is not None or not hasattr(population, "streams"):
        refuse("plot_raster", "i", "be a SpikeMonitor of a population, without t, to have streams", monitor)
    whole("plot_raster", "stream", stream, 0, population.streams - 1)
    neurons = np.asarray(monitor.i[:])
    chosen = neurons % population.streams == stream
    return neurons[chosen] // population.streams, monitor.t[:][chosen], population.units
