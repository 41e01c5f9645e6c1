"""Products with few streams, which read each weight once and copy none. Weights are post-major, ``(n_post, n_pre)``.

Activities are transposed first, so that a stream's numbers lie side by side as those of a row do. Each row is read and
written by one thread, and its sums run in an order fixed by the shapes: results do not depend on the number of threads.
Updates are also those of many streams.
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.register_tiles import (
    DOT_ROWS,
    MOST_STREAMS,
    OUTER_ROWS,
    PANEL,
    VECTOR,
    add_dots,
    add_outer_products,
)
from spikefa.engine.kernels.tasks import share

#: Rows of a task, a multiple of all tiles' rows.
ROWS = 12
#: Panels of a row that are multiplied with all streams before the next: those of a task fit in the first cache.
PANELS = 47
#: Numbers that one thread puts into panels sooner than it wakes another.
ALONE = 8192


@compiled(nogil=True)
def _aligned(size, number):
    """Room for so many numbers, at the beginning of a cache line."""
    room = np.empty(size + PANEL // number.itemsize, number.dtype)
    skip = (-room.ctypes.data % PANEL) // number.itemsize
    return room[skip : skip + size]


@compiled(nogil=True)
def _fill_panel(p, activity, first, wide, own):
    """Write a panel of some streams, ``own[p][stream, unit of the panel]``; units that lack are 0."""
    to = own[p]
    lanes = to.size // wide
    for v in range(lanes):
        i = p * lanes + v
        for k in range(wide):
            to[k * lanes + v] = activity[i, first + k] if i < len(activity) else to.dtype.type(0)


@compiled(nogil=True)
def panels_of(activity, most, like):
    """Return activities in panels: the numbers of a stream's neighbouring units, then those of the next stream's.

    Parameters
    ----------
    activity : ndarray (units, streams)
    most : int
        Streams of a tile, at most. First come all panels of the first tile's streams, then those of the next.
    like : ndarray
        Of the type that the numbers get.

    Returns
    -------
    ndarray (panels, streams * numbers of a panel)
    """
    units, streams = activity.shape
    lanes = PANEL // like.itemsize
    count, tiles = -(-units // lanes), -(-streams // most)
    found = _aligned(count * streams * lanes, like)
    for tile in range(tiles):
        first, wide = _tile(tile, streams, most)
        own = found[first * count * lanes : (first + wide) * count * lanes].reshape(count, wide * lanes)
        if own.size <= ALONE:
            for p in range(count):
                _fill_panel(p, activity, first, wide, own)
        else:
            share(_fill_panel, count, (activity, first, wide, own))
    return found.reshape(count, streams * lanes)


@compiled(nogil=True)
def _tile(tile, streams, most):
    """Return the first stream of a tile, and how many it has: as equal as can be."""
    tiles = -(-streams // most)
    first = tile * streams // tiles
    return first, (tile + 1) * streams // tiles - first


@compiled(nogil=True)
def _copied(weights, n_pre, top, rows, column, tail):
    """Copy what rows have from a column on, and zeros, into a panel each."""
    for r in range(rows):
        for v in range(tail.shape[1]):
            tail[r, v] = weights[top + r, column + v] if column + v < n_pre else tail.dtype.type(0)


@compiled(nogil=True)
def _sum_of(lanes):
    """Return the sum of a vector's numbers, by halves."""
    if lanes.size == 8:
        return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])


@compiled(nogil=True)
def _add_tiles(a, row_bytes, tiled, streams, first_panel, count, rows, sums, ahead):
    """Add the dot products of so many rows with all streams, over some panels, to sums ``(streams * rows, lanes)``."""
    number = tiled.dtype.type(0)
    for tile in range(-(-streams // MOST_STREAMS)):
        first, wide = _tile(tile, streams, MOST_STREAMS)
        start = tiled.ctypes.data + (first * len(tiled) + first_panel * wide) * PANEL
        done = 0
        while done < rows:
            high = DOT_ROWS[wide] if done + DOT_ROWS[wide] <= rows else 1
            to = sums.ctypes.data + (first * rows + done * wide) * VECTOR
            soon = ahead if tile == 0 and streams > 1 else 0  # with one stream the processor itself is as soon
            add_dots(a + done * row_bytes, row_bytes, start, wide * PANEL, count, to, soon, high, wide, number)
            done += high


@compiled(nogil=True)
def _propagate_rows(weights, n_pre, begin, end, tiled, bias, current, add, sums, tail):
    lanes, size = PANEL // weights.itemsize, weights.itemsize
    streams, rows = current.shape[1], end - begin
    row_bytes = weights.shape[1] * size
    whole = n_pre // lanes
    sums[:] = 0
    for first in range(0, whole, PANELS):
        a = weights.ctypes.data + begin * row_bytes + first * PANEL
        ahead = PANELS * PANEL if first + PANELS < whole else rows * row_bytes - first * PANEL
        _add_tiles(a, row_bytes, tiled, streams, first, min(PANELS, whole - first), rows, sums, ahead)
    if whole < len(tiled):
        _copied(weights, n_pre, begin, rows, whole * lanes, tail)
        _add_tiles(tail.ctypes.data, PANEL, tiled, streams, whole, 1, rows, sums, 0)
    for tile in range(-(-streams // MOST_STREAMS)):
        first, wide = _tile(tile, streams, MOST_STREAMS)
        for r in range(rows):
            j = begin + r
            for k in range(wide):
                value = _sum_of(sums[first * rows + r * wide + k])
                current[j, first + k] = value + (current[j, first + k] + bias[j] if add else bias[j])


@compiled(nogil=True)
def _update_rows(weights, n_pre, begin, end, panels, post, scale, factors, tail):
    lanes, size = PANEL // weights.itemsize, weights.itemsize
    streams = post.shape[1]
    row_bytes, panel_bytes = weights.shape[1] * size, streams * PANEL
    number = weights.dtype.type
    whole = n_pre // lanes
    top = begin
    while top < end:
        rows = OUTER_ROWS if top + OUTER_ROWS <= end else 1
        for r in range(rows):
            for k in range(streams):
                factors[k, r] = number(scale) * post[top + r, k]
        a, f = weights.ctypes.data + top * row_bytes, factors.ctypes.data
        add_outer_products(a, row_bytes, panels.ctypes.data, panel_bytes, whole, f, streams, rows, number(0))
        if whole < len(panels):
            left = whole * lanes
            _copied(weights, n_pre, top, rows, left, tail)
            x = panels.ctypes.data + whole * panel_bytes
            add_outer_products(tail.ctypes.data, PANEL, x, panel_bytes, 1, f, streams, rows, number(0))
            for r in range(rows):
                for i in range(left, n_pre):
                    weights[top + r, i] = tail[r, i - left]
        top += rows


@compiled(nogil=True)
def _room(streams, number):
    """Room of a task: sums, the last panels of rows, and factors."""
    sums = _aligned(ROWS * streams * VECTOR // number.itemsize, number).reshape(
        ROWS * streams, VECTOR // number.itemsize
    )
    tail = _aligned(ROWS * PANEL // number.itemsize, number).reshape(ROWS, PANEL // number.itemsize)
    return sums, tail, np.empty((streams, OUTER_ROWS), number.dtype)


@compiled(nogil=True)
def _propagate_task(task, weights, n_pre, tiled, bias, current, add):
    mode = flush_denormals()
    begin, end = task * ROWS, min((task + 1) * ROWS, len(current))
    sums, tail, _ = _room(current.shape[1], bias)
    _propagate_rows(weights, n_pre, begin, end, tiled, bias, current, add, sums, tail)
    restore(mode)


@compiled(nogil=True)
def propagate(weights, activity, bias, current, add):
    """Compute ``current = weights @ activity + bias``, or ``current +=`` the same if `add`.

    Parameters
    ----------
    weights : ndarray (n_post, n_pre or more)
    activity : ndarray (n_pre, streams)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    tiled = panels_of(activity, MOST_STREAMS, bias)
    share(_propagate_task, -(-len(current) // ROWS), (weights, len(activity), tiled, bias, current, add))


@compiled(nogil=True)
def _update_task(task, weights, n_pre, panels, post, scale):
    mode = flush_denormals()
    begin, end = task * ROWS, min((task + 1) * ROWS, len(post))
    _, tail, factors = _room(post.shape[1], post)
    _update_rows(weights, n_pre, begin, end, panels, post, scale, factors, tail)
    restore(mode)


@compiled(nogil=True)
def update(weights, pre, post, scale):
    """``weights += scale * post @ pre.T``.

    Parameters
    ----------
    weights : ndarray (n_post, n_pre or more)
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale : float
    """
    panels = panels_of(pre, pre.shape[1], post)
    share(_update_task, -(-len(post) // ROWS), (weights, len(pre), panels, post, scale))


@compiled(nogil=True)
def _update_and_propagate_task(task, weights, n_pre, panels, post, scale, tiled, bias, current, add):
    mode = flush_denormals()
    begin, end = task * ROWS, min((task + 1) * ROWS, len(post))
    sums, tail, factors = _room(post.shape[1], bias)
    _update_rows(weights, n_pre, begin, end, panels, post, scale, factors, tail)
    _propagate_rows(weights, n_pre, begin, end, tiled, bias, current, add, sums, tail)
    restore(mode)


@compiled(nogil=True)
def update_and_propagate(weights, pre, post, scale, activity, bias, current, add):
    """`update` and then `propagate`, in one pass over the rows: the same numbers to the last bit.

    Parameters
    ----------
    weights : ndarray (n_post, n_pre or more)
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale : float
    activity : ndarray (n_pre, streams)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    panels, tiled = panels_of(pre, pre.shape[1], post), panels_of(activity, MOST_STREAMS, bias)
    given = weights, len(pre), panels, post, scale, tiled, bias, current, add
    share(_update_and_propagate_task, -(-len(post) // ROWS), given)
