"""Pooling: the largest or the mean of the places of a window, map by map; and the way back.

Arrays lie as ``(maps, height, width, streams)``. Windows are squares of `field` places, `stride` apart, and within the
map; those that would stick out are left out.
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.tasks import share


@compiled(nogil=True)
def _largest_of_map(m, source, bias, current, winners, add, field, stride):
    _, rows, columns, streams = current.shape
    best = np.empty(streams, source.dtype)
    for place in range(rows * columns):
        y, x = place // columns, place % columns
        won = winners[m, y, x]
        for n in range(streams):
            best[n] = source[m, y * stride, x * stride, n]
            won[n] = 0
        for k in range(1, field * field):
            here = source[m, y * stride + k // field, x * stride + k % field]
            for n in range(streams):
                if here[n] > best[n]:
                    best[n], won[n] = here[n], k
        b = bias[m, place % bias.shape[1]]
        for n in range(streams):
            current[m, y, x, n] = best[n] + (current[m, y, x, n] + b if add else b)


@compiled(nogil=True)
def largest(source, bias, current, winners, add, field, stride):
    """Compute ``current = largest of the window + bias``, or ``current +=`` the same if `add`; the first of equals.

    Parameters
    ----------
    source : ndarray (maps, height, width, streams)
    bias : ndarray (maps, 1 or places)
    current, winners : ndarray (maps, rows, columns, streams)
        A winner is the place in the window, ``y * field + x``.
    add : bool
    field, stride : int
    """
    share(_largest_of_map, len(current), (source, bias, current, winners, add, field, stride))


@compiled(nogil=True)
def _map_to_winners(m, post, bias, current, winners, add, field, stride):
    _, rows, columns, streams = post.shape
    _begin(bias[m], current[m], add)
    for y in range(rows):
        for x in range(columns):
            for n in range(streams):
                k = int(winners[m, y, x, n])
                current[m, y * stride + k // field, x * stride + k % field, n] += post[m, y, x, n]


@compiled(nogil=True)
def to_winners(post, bias, current, winners, add, field, stride):
    """Add to each winner what its window receives: ``current = sum + bias``, or ``current +=`` the same if `add`.

    Parameters
    ----------
    post, winners : ndarray (maps, rows, columns, streams)
    bias : ndarray (maps, 1 or places)
    current : ndarray (maps, height, width, streams)
    add : bool
    field, stride : int
    """
    share(_map_to_winners, len(post), (post, bias, current, winners, add, field, stride))


@compiled(nogil=True)
def _mean_of_map(m, source, bias, current, add, field, stride):
    _, rows, columns, streams = current.shape
    fraction = source.dtype.type(1 / field**2)
    total = np.empty(streams, source.dtype)
    for place in range(rows * columns):
        y, x = place // columns, place % columns
        total[:] = 0
        for k in range(field * field):
            here = source[m, y * stride + k // field, x * stride + k % field]
            for n in range(streams):
                total[n] += here[n]
        b = bias[m, place % bias.shape[1]]
        for n in range(streams):
            current[m, y, x, n] = fraction * total[n] + (current[m, y, x, n] + b if add else b)


@compiled(nogil=True)
def mean(source, bias, current, add, field, stride):
    """Compute ``current = mean of the window + bias``, or ``current +=`` the same if `add`; as `largest`."""
    share(_mean_of_map, len(current), (source, bias, current, add, field, stride))


@compiled(nogil=True)
def _map_to_all(m, post, bias, current, add, field, stride):
    _, rows, columns, streams = post.shape
    fraction = post.dtype.type(1 / field**2)
    _begin(bias[m], current[m], add)
    for y in range(rows):
        for x in range(columns):
            for k in range(field * field):
                there = current[m, y * stride + k // field, x * stride + k % field]
                for n in range(streams):
                    there[n] += fraction * post[m, y, x, n]


@compiled(nogil=True)
def to_all(post, bias, current, add, field, stride):
    """Add to each place its share of what its windows receive; as `to_winners`."""
    share(_map_to_all, len(post), (post, bias, current, add, field, stride))


@compiled(nogil=True)
def _begin(bias, current, add):
    height, width, streams = current.shape
    for place in range(height * width):
        b = bias[place % bias.size]
        for n in range(streams):
            here = current[place // width, place % width]
            here[n] = here[n] + b if add else b
