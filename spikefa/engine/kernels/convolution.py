"""Convolutions as matrix products: the windows of some places are laid out as columns, which BLAS multiplies.

Activities lie as ``(maps, height, width * streams)``, weights as ``(maps in * field * field, maps out)``. A block of
places is laid out at a time, so that its columns stay in the cache. Blocks follow from the shapes alone; so results do
not depend on the number of threads.

A `geometry` is ``(field, padding, step, divide, sign)``: place q of the output receives from position k of its window,
in each of both directions, what lies at ``(q * step + sign * (k - padding)) / divide``, or 0 where that is not whole or
outside. A convolution has ``(stride, 1, 1)``, its transpose ``(1, stride, -1)``.
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.blas import N, T, call_gemm
from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.tasks import share

#: Numbers in the columns of a block: a megabyte in float32.
BLOCK_NUMBERS = 1 << 18
#: Parts of the places whose updates are summed on their own; a constant, so that sums do not depend on the threads.
UPDATE_PARTS = 8


def place_blocks(places: int, each: int, numbers: int = BLOCK_NUMBERS) -> int:
    """Return how many blocks of places there are, if the columns of a place have `each` numbers, those of a block few.

    Parameters
    ----------
    places, each : int
    numbers : int
        That a block may have.
    """
    return min(places, max(2, -(-places * each // numbers)))


@compiled(nogil=True)
def _clear(row, begin, end):
    """``row[begin:end] = 0``; numba takes much longer to compile that, at each place where it is written."""
    for k in range(np.uint64(begin), np.uint64(end)):  # a signed count would keep LLVM from vectorising
        row[k] = 0


@compiled(nogil=True)
def _copy(row, begin, end, line, first):
    """Fill ``row[begin:end]`` with what `line` has from `first` on."""
    for k in range(np.uint64(end - begin)):
        row[np.uint64(begin) + k] = line[np.uint64(first) + k]


@compiled(nogil=True)
def lay_out(source, columns, low, high, width, streams, geometry):
    """Fill `columns` with the windows of the places from `low` to `high`.

    Parameters
    ----------
    source : ndarray (maps, height, width * streams)
    columns : ndarray (maps * field * field, (high - low) * streams)
    low, high : int
        Places of the output, ``y * width + x``.
    width : int
        Of the output.
    streams : int
    geometry : tuple of int
        See the module.
    """
    field, padding, step, divide, sign = geometry
    maps, source_height = source.shape[:2]
    source_width = source.shape[2] // streams
    for row in range(maps * field * field):
        to = columns[row]
        ky, kx = row // field % field, row % field
        above, beside = sign * (ky - padding), sign * (kx - padding)
        for y in range(low // width, (high - 1) // width + 1):
            first, last = max(low, y * width), min(high, (y + 1) * width)
            at = y * step + above
            if at % divide != 0 or at < 0 or at // divide >= source_height:
                _clear(to, (first - low) * streams, (last - low) * streams)
                continue
            line = source[row // (field * field), at // divide]
            if step == divide:  # both 1: neighbours of the output receive from neighbours
                shift = beside - y * width
                begin = min(max(first, -shift), last)
                end = max(min(last, source_width - shift), begin)
                _clear(to, (first - low) * streams, (begin - low) * streams)
                _copy(to, (begin - low) * streams, (end - low) * streams, line, (begin + shift) * streams)
                _clear(to, (end - low) * streams, (last - low) * streams)
                continue
            for place in range(first, last):
                here = (place - low) * streams
                along = (place - y * width) * step + beside
                if along % divide != 0 or along < 0 or along // divide >= source_width:
                    _clear(to, here, here + streams)
                else:
                    _copy(to, here, here + streams, line, along // divide * streams)


@compiled(nogil=True)
def _convolve_block(block, gemm, weights, source, bias, current, add, width, streams, geometry, blocks):
    rows, maps = weights.shape
    places = current.shape[1] // streams
    one = weights.dtype.type(1)
    mode = flush_denormals()
    low, high = block * places // blocks, (block + 1) * places // blocks
    length = (high - low) * streams
    columns = np.empty((rows, length), weights.dtype)
    lay_out(source, columns, low, high, width, streams, geometry)
    for j in range(maps):
        for place in range(low, high):
            b = bias[j, place % bias.shape[1]]
            for k in range(place * streams, (place + 1) * streams):
                current[j, k] = current[j, k] + b if add else b
    call_gemm(
        gemm,
        N,
        T,
        np.int32(length),
        np.int32(maps),
        np.int32(rows),
        one,
        columns.ctypes.data,
        np.int32(length),
        weights.ctypes.data,
        np.int32(maps),
        one,
        current[0, low * streams :].ctypes.data,
        np.int32(places * streams),
    )
    columns[0, 0] = 0  # BLAS has an address only: without a later use numba would free them before the call
    restore(mode)


@compiled(nogil=True)
def convolve(gemm, weights, source, bias, current, add, width, streams, geometry, blocks):
    """Compute ``current = weights.T @ windows of source + bias``, or ``current +=`` the same if `add`.

    Parameters
    ----------
    gemm : int
        Address of the Fortran gemm for the arrays' type.
    weights : ndarray (maps in * field * field, maps out)
    source : ndarray (maps in, height, width * streams)
    bias : ndarray (maps out, 1 or places)
    current : ndarray (maps out, places * streams)
    add : bool
    width : int
        Of the output.
    streams : int
    geometry : tuple of int
    blocks : int
        How many blocks of places.
    """
    share(_convolve_block, blocks, (gemm, weights, source, bias, current, add, width, streams, geometry, blocks))


@compiled(nogil=True)
def _sum_part(part, gemm, sums, pre, post, width, streams, geometry, blocks):
    parts, rows, maps = sums.shape
    places = post.shape[1] // streams
    number = sums.dtype.type
    mode = flush_denormals()
    for block in range(part * blocks // parts, (part + 1) * blocks // parts):
        low, high = block * places // blocks, (block + 1) * places // blocks
        length = (high - low) * streams
        columns = np.empty((rows, length), sums.dtype)
        lay_out(pre, columns, low, high, width, streams, geometry)
        call_gemm(
            gemm,
            T,
            N,
            np.int32(maps),
            np.int32(rows),
            np.int32(length),
            number(1),
            post[0, low * streams :].ctypes.data,
            np.int32(places * streams),
            columns.ctypes.data,
            np.int32(length),
            number(1),
            sums[part].ctypes.data,
            np.int32(maps),
        )
        columns[0, 0] = 0  # see `_convolve_block`
    restore(mode)


@compiled(nogil=True)
def _update_row(row, weights, sums, scale, factor):
    parts, _, maps = sums.shape
    number = weights.dtype.type
    for j in range(maps):
        total = number(0)
        for part in range(parts):
            total += sums[part, row, j]
        weights[row, j] = number(factor) * weights[row, j] + number(scale) * total


@compiled(nogil=True)
def update_shared(gemm, weights, pre, post, scale, factor, width, streams, geometry, blocks):
    """``weights = factor * weights + scale * windows of pre @ post.T``, summed over the places and streams.

    Parameters
    ----------
    gemm : int
    weights : ndarray (maps in * field * field, maps out)
    pre : ndarray (maps in, height, width * streams)
    post : ndarray (maps out, places * streams)
    scale, factor : float
    width, streams, geometry, blocks
        As in `convolve`.
    """
    rows, maps = weights.shape
    parts = min(UPDATE_PARTS, blocks)
    sums = np.zeros((parts, rows, maps), weights.dtype)
    share(_sum_part, parts, (gemm, sums, pre, post, width, streams, geometry, blocks))
    share(_update_row, rows, (weights, sums, scale, factor))
