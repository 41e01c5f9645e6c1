"""Convolutions of stride 1 between many maps: BLAS reads maps as they lie, shifted, once for each place of a window.

Arrays are as in `spikefa.engine.kernels.convolution`. Nothing is laid out before: places along a row and streams are
neighbours in memory, so that a row shifted by a place is a matrix, too.
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.blas import N, T, call_gemm
from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.tasks import share

#: Fewest maps on either side, and fewest numbers in a row of places and streams, with which it pays.
FEWEST_MAPS, FEWEST_COLUMNS = 16, 256


def pays(maps_in: int, maps_out: int, stride: int, columns: int) -> bool:
    """Return whether these kernels suit a convolution.

    Parameters
    ----------
    maps_in, maps_out, stride : int
    columns : int
        Places of a row, times streams.
    """
    return stride == 1 and min(maps_in, maps_out) >= FEWEST_MAPS and columns >= FEWEST_COLUMNS


@compiled(nogil=True)
def _convolve_row(y, gemm, weights, source, bias, current, add, streams, field, padding, sign):
    maps_in, _, _, maps = weights.shape
    source_height, source_length = source.shape[1:]
    height, length = current.shape[1:]
    width = length // streams
    one = weights.dtype.type(1)
    mode = flush_denormals()
    for j in range(maps):
        for k in range(length):
            b = bias[j, (y * width + k // streams) % bias.shape[1]]
            current[j, y, k] = current[j, y, k] + b if add else b
    for ky in range(field):
        at = y + sign * (ky - padding)
        if at < 0 or at >= source_height:
            continue
        for kx in range(field):
            shift = sign * (kx - padding) * streams
            begin, end = max(0, -shift), min(length, source_length - shift)
            if begin >= end:
                continue
            call_gemm(
                gemm,
                N,
                T,
                np.int32(end - begin),
                np.int32(maps),
                np.int32(maps_in),
                one,
                source[0, at, begin + shift :].ctypes.data,
                np.int32(source_height * source_length),
                weights[0, ky, kx].ctypes.data,
                np.int32(field * field * maps),
                one,
                current[0, y, begin:].ctypes.data,
                np.int32(height * length),
            )
    restore(mode)


@compiled(nogil=True)
def convolve_rows(gemm, weights, source, bias, current, add, streams, field, padding, sign):
    """Compute ``current = weights.T @ windows of source + bias``, or ``current +=`` the same if `add`.

    Parameters
    ----------
    gemm : int
        Address of the Fortran gemm for the arrays' type.
    weights : ndarray (maps in, field, field, maps out)
    source : ndarray (maps in, height, width * streams)
    bias : ndarray (maps out, 1 or places)
    current : ndarray (maps out, height out, width out * streams)
    add : bool
    streams, field, padding : int
    sign : int
        1; -1 for the transpose.
    """
    share(_convolve_row, current.shape[1], (gemm, weights, source, bias, current, add, streams, field, padding, sign))


@compiled(nogil=True)
def _update_place(place, gemm, weights, pre, post, scale, factor, streams, padding, sign):
    maps_in, field, _, maps = weights.shape
    pre_height, pre_length = pre.shape[1:]
    height, length = post.shape[1:]
    number = weights.dtype.type
    mode = flush_denormals()
    ky, kx = place // field, place % field
    shift = sign * (kx - padding) * streams
    begin, end = max(0, -shift), min(length, pre_length - shift)
    sums = np.zeros((maps_in, maps), weights.dtype)
    for y in range(height):
        at = y + sign * (ky - padding)
        if at < 0 or at >= pre_height or begin >= end:
            continue
        call_gemm(
            gemm,
            T,
            N,
            np.int32(maps),
            np.int32(maps_in),
            np.int32(end - begin),
            number(1),
            post[0, y, begin:].ctypes.data,
            np.int32(height * length),
            pre[0, at, begin + shift :].ctypes.data,
            np.int32(pre_height * pre_length),
            number(1),
            sums.ctypes.data,
            np.int32(maps),
        )
    for i in range(maps_in):
        for j in range(maps):
            weights[i, ky, kx, j] = number(factor) * weights[i, ky, kx, j] + number(scale) * sums[i, j]
    restore(mode)


@compiled(nogil=True)
def update_places(gemm, weights, pre, post, scale, factor, streams, padding, sign):
    """``weights = factor * weights + scale * windows of pre @ post.T``, summed over the places and streams.

    Parameters
    ----------
    gemm : int
    weights : ndarray (maps in, field, field, maps out)
    pre : ndarray (maps in, height, width * streams)
    post : ndarray (maps out, height out, width out * streams)
    scale, factor : float
    streams, padding, sign : int
        As in `convolve_rows`.
    """
    field = weights.shape[1]
    share(_update_place, field * field, (gemm, weights, pre, post, scale, factor, streams, padding, sign))
