"""Projection and plasticity kernels. They take arrays, draw nothing and know nothing of Brian2.

Two layouts of the same weights:

* *batched* (many streams): weights ``(n_post, n_pre)``, activities ``(units, streams)``, BLAS products;
* *event-driven* (one or few streams): weights ``(n_pre, n_post)``; only the rows of presynaptic units that
  are not silent are read, and only those are written.

Sums run in an order fixed by the shapes, so results do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from .blas import N, T, call_gemm
from .denormals import flush_denormals, restore

#: Columns of a row that one task of an event-driven kernel handles (4 to 8 kB of weights).
COLUMNS = 512


@njit(parallel=True, nogil=True, cache=True)
def propagate_batched(gemm, weights, activity, bias, current, add, blocks):
    """``current = weights @ activity + bias``, or ``current +=`` the same where `add`.

    Parameters
    ----------
    gemm : int
        Address of the Fortran gemm for the arrays' type.
    weights : ndarray (n_post, n_pre)
    activity : ndarray (n_pre, streams)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    blocks : int
        How many blocks of post-synaptic units.
    """
    n_post, n_pre = weights.shape
    streams = activity.shape[1]
    one = weights.dtype.type(1)
    for block in prange(blocks):
        mode = flush_denormals()
        low, high = block * n_post // blocks, (block + 1) * n_post // blocks
        for j in range(low, high):
            for k in range(streams):
                current[j, k] = current[j, k] * add + bias[j]
        # Column-major reading of the same memory: current(streams, post) += activity(streams, pre) @ ...
        call_gemm(
            gemm, N, N, np.int32(streams), np.int32(high - low), np.int32(n_pre),
            one, activity.ctypes.data, np.int32(streams), weights[low:].ctypes.data, np.int32(n_pre),
            one, current[low:].ctypes.data, np.int32(streams),
        )  # fmt: skip
        restore(mode)


@njit(parallel=True, nogil=True, cache=True)
def update_batched(gemm, weights, pre, post, scale, keep, blocks):
    """``weights = keep * weights + scale * post @ pre.T``, accumulated in place.

    Parameters
    ----------
    gemm : int
    weights : ndarray (n_post, n_pre)
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale, keep : float
    blocks : int
    """
    n_post, n_pre = weights.shape
    streams = pre.shape[1]
    number = weights.dtype.type
    for block in prange(blocks):
        mode = flush_denormals()
        low, high = block * n_post // blocks, (block + 1) * n_post // blocks
        call_gemm(
            gemm, T, N, np.int32(n_pre), np.int32(high - low), np.int32(streams),
            number(scale), pre.ctypes.data, np.int32(streams), post[low:].ctypes.data, np.int32(streams),
            number(keep), weights[low:].ctypes.data, np.int32(n_pre),
        )  # fmt: skip
        restore(mode)


@njit(parallel=True, nogil=True, cache=True)
def propagate_events(weights, activity, bias, current, add):
    """As `propagate_batched`, reading only the rows of units whose activity is not zero.

    Parameters
    ----------
    weights : ndarray (n_pre, n_post)
    activity : ndarray (n_pre, streams)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    n_pre, n_post = weights.shape
    streams = activity.shape[1]
    tasks = (n_post + COLUMNS - 1) // COLUMNS
    for task in prange(tasks):
        mode = flush_denormals()
        low, high = task * COLUMNS, min((task + 1) * COLUMNS, n_post)
        total = np.empty((streams, high - low), weights.dtype)
        for k in range(streams):
            for j in range(low, high):
                total[k, j - low] = current[j, k] * add + bias[j]
        for i in range(n_pre):
            row = weights[i, low:high]
            for k in range(streams):
                s = activity[i, k]
                if s != 0:
                    to = total[k]
                    for j in range(high - low):
                        to[j] += s * row[j]
        for k in range(streams):
            for j in range(low, high):
                current[j, k] = total[k, j - low]
        restore(mode)


@njit(parallel=True, nogil=True, cache=True)
def update_events(weights, pre, post, scale):
    """``weights += scale * pre @ post.T``, touching only the rows of units whose `pre` is not zero.

    Parameters
    ----------
    weights : ndarray (n_pre, n_post)
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale : float
    """
    n_pre, n_post = weights.shape
    streams = pre.shape[1]
    number = weights.dtype.type
    tasks = (n_post + COLUMNS - 1) // COLUMNS
    for task in prange(tasks):
        mode = flush_denormals()
        low, high = task * COLUMNS, min((task + 1) * COLUMNS, n_post)
        factor = np.empty((streams, high - low), weights.dtype)
        for k in range(streams):
            for j in range(low, high):
                factor[k, j - low] = number(scale) * post[j, k]
        for i in range(n_pre):
            row = weights[i, low:high]
            for k in range(streams):
                s = pre[i, k]
                if s != 0:
                    g = factor[k]
                    for j in range(high - low):
                        row[j] += s * g[j]
        restore(mode)


@njit(nogil=True, cache=True)
def update_bias(bias, post, scale, keep):
    """``bias = keep * bias + scale * post.sum(axis=1)``: a unit that always spikes.

    Parameters
    ----------
    bias : ndarray (n_post,)
    post : ndarray (n_post, streams)
    scale, keep : float
    """
    number = bias.dtype.type
    for j in range(bias.size):
        total = number(0)
        for k in range(post.shape[1]):
            total += post[j, k]
        bias[j] = number(keep) * bias[j] + number(scale) * total


@njit(parallel=True, nogil=True, cache=True)
def scale_in_place(weights, keep):
    """``weights *= keep`` for a two-dimensional array."""
    for j in prange(weights.shape[0]):
        for i in range(weights.shape[1]):
            weights[j, i] *= keep


@njit(parallel=True, nogil=True, cache=True)
def add_in_place(weights, change):
    """``weights += change`` for two two-dimensional arrays of one shape."""
    for j in prange(weights.shape[0]):
        for i in range(weights.shape[1]):
            weights[j, i] += change[j, i]
