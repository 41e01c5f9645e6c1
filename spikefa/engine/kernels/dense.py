"""Projection and plasticity kernels. They take arrays, draw nothing and know nothing of Brian2.

Two layouts of the same weights:

* *batched* (many streams): weights ``(n_post, n_pre)``, activities ``(units, streams)``, BLAS products;
* *event-driven* (one or few streams): weights ``(n_pre, n_post)``; only the rows of presynaptic units that
  are not silent are read, and only those are written.

Spikes of many streams have kernels of their own, `spike_kernels`. Rows of weights may be longer than they have
weights: what follows is not used.

Sums run in an order fixed by the shapes, so results do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.blas import N, T, call_gemm
from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.tasks import share

#: Blocks of presynaptic rows in the event-driven kernels; a constant, so that sums do not depend on the threads.
ROW_BLOCKS = 8
#: Numbers that one thread sums for biases sooner than it wakes another.
ALONE = 8192


@compiled(nogil=True)
def _propagate_batched_block(block, gemm, weights, activity, bias, current, add, blocks):
    n_post, streams = current.shape
    n_pre, width = activity.shape[0], weights.shape[1]
    one = weights.dtype.type(1)
    mode = flush_denormals()
    low, high = block * n_post // blocks, (block + 1) * n_post // blocks
    for j in range(low, high):
        for k in range(streams):
            current[j, k] = current[j, k] + bias[j] if add else bias[j]
    # Column-major reading of the same memory: current(streams, post) += activity(streams, pre) @ ...
    call_gemm(
        gemm,
        N,
        N,
        np.int32(streams),
        np.int32(high - low),
        np.int32(n_pre),
        one,
        activity.ctypes.data,
        np.int32(streams),
        weights[low:].ctypes.data,
        np.int32(width),
        one,
        current[low:].ctypes.data,
        np.int32(streams),
    )
    restore(mode)


@compiled(nogil=True)
def propagate_batched(gemm, weights, activity, bias, current, add, blocks):
    """Compute ``current = weights @ activity + bias``, or ``current +=`` the same if `add`.

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
    share(_propagate_batched_block, blocks, (gemm, weights, activity, bias, current, add, blocks))


@compiled(nogil=True)
def _propagate_transposed_block(block, gemm, weights, activity, bias, current, add, blocks):
    n_post, streams = current.shape
    n_pre, width = weights.shape
    one = weights.dtype.type(1)
    mode = flush_denormals()
    low, high = block * n_post // blocks, (block + 1) * n_post // blocks
    for j in range(low, high):
        for k in range(streams):
            current[j, k] = current[j, k] + bias[j] if add else bias[j]
    call_gemm(
        gemm,
        N,
        T,
        np.int32(streams),
        np.int32(high - low),
        np.int32(n_pre),
        one,
        activity.ctypes.data,
        np.int32(streams),
        weights[0, low:].ctypes.data,
        np.int32(width),
        one,
        current[low:].ctypes.data,
        np.int32(streams),
    )
    restore(mode)


@compiled(nogil=True)
def propagate_transposed(gemm, weights, activity, bias, current, add, blocks):
    """Compute ``current = weights.T @ activity + bias``, or ``current +=`` the same if `add`; as `propagate_batched`.

    Parameters
    ----------
    gemm : int
    weights : ndarray (n_pre, n_post)
    activity : ndarray (n_pre, streams)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    blocks : int
    """
    share(_propagate_transposed_block, blocks, (gemm, weights, activity, bias, current, add, blocks))


@compiled(nogil=True)
def _update_batched_block(block, gemm, weights, pre, post, scale, factor, blocks):
    n_pre, streams = pre.shape
    n_post, width = weights.shape
    number = weights.dtype.type
    mode = flush_denormals()
    low, high = block * n_post // blocks, (block + 1) * n_post // blocks
    call_gemm(
        gemm,
        T,
        N,
        np.int32(n_pre),
        np.int32(high - low),
        np.int32(streams),
        number(scale),
        pre.ctypes.data,
        np.int32(streams),
        post[low:].ctypes.data,
        np.int32(streams),
        number(factor),
        weights[low:].ctypes.data,
        np.int32(width),
    )
    restore(mode)


@compiled(nogil=True)
def update_batched(gemm, weights, pre, post, scale, factor, blocks):
    """``weights = factor * weights + scale * post @ pre.T``, accumulated in place.

    Parameters
    ----------
    gemm : int
    weights : ndarray (n_post, n_pre)
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale, factor : float
    blocks : int
    """
    share(_update_batched_block, blocks, (gemm, weights, pre, post, scale, factor, blocks))


@compiled(nogil=True)
def _sum_events(block, weights, activity, k, sums):
    """Sum a block's rows for stream `k`, in fours."""
    n_pre = weights.shape[0]
    columns = np.uint64(sums.shape[1])  # a signed count would keep LLVM from vectorising
    mode = flush_denormals()
    low, high = block * n_pre // ROW_BLOCKS, (block + 1) * n_pre // ROW_BLOCKS
    total = sums[block]
    for j in range(columns):
        total[j] = 0
    active = np.empty(high - low + 1, np.int64)
    count = 0
    for i in range(low, high):
        active[count] = i
        count += activity[i, k] != 0
    eights, fours = count - count % 8, count - count % 4
    for m in range(0, eights, 8):  # two fours in one pass over the sums: less to store, and more on its way from memory
        i0, i1, i2, i3 = active[m], active[m + 1], active[m + 2], active[m + 3]
        i4, i5, i6, i7 = active[m + 4], active[m + 5], active[m + 6], active[m + 7]
        s0, s1, s2, s3 = activity[i0, k], activity[i1, k], activity[i2, k], activity[i3, k]
        s4, s5, s6, s7 = activity[i4, k], activity[i5, k], activity[i6, k], activity[i7, k]
        r0, r1, r2, r3 = weights[i0], weights[i1], weights[i2], weights[i3]
        r4, r5, r6, r7 = weights[i4], weights[i5], weights[i6], weights[i7]
        for j in range(columns):
            sum4 = total[j] + ((s0 * r0[j] + s1 * r1[j]) + (s2 * r2[j] + s3 * r3[j]))
            total[j] = sum4 + ((s4 * r4[j] + s5 * r5[j]) + (s6 * r6[j] + s7 * r7[j]))
    if eights < fours:
        _add_four_rows(total, weights, activity, active[eights:], k)
    for m in range(fours, count):
        s, row = activity[active[m], k], weights[active[m]]
        for j in range(columns):
            total[j] += s * row[j]
    restore(mode)


@compiled(nogil=True)
def propagate_events(weights, activity, bias, current, add):
    """As `propagate_batched`, reading only the rows of units whose activity is not zero.

    A block of rows is summed by one thread, in fours of rows, and the blocks' sums are added in order. (Whole
    rows stream from memory twice as fast as pieces of rows do.)

    Parameters
    ----------
    weights : ndarray (n_pre, n_post)
    activity : ndarray (n_pre, streams)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    n_post = current.shape[0]
    columns = np.uint64(n_post)
    sums = np.empty((ROW_BLOCKS, n_post), weights.dtype)
    for k in range(activity.shape[1]):
        share(_sum_events, ROW_BLOCKS, (weights, activity, k, sums))
        total = sums[0]
        for block in range(1, ROW_BLOCKS):
            more = sums[block]
            for j in range(columns):
                total[j] += more[j]
        for j in range(n_post):
            current[j, k] = total[j] + (current[j, k] + bias[j] if add else bias[j])


@compiled(nogil=True)
def _update_events_block(block, weights, pre, factor):
    n_pre, streams = pre.shape
    columns = np.uint64(factor.shape[1])
    mode = flush_denormals()
    for i in range(block * n_pre // ROW_BLOCKS, (block + 1) * n_pre // ROW_BLOCKS):
        row = weights[i]
        for k in range(streams):
            s = pre[i, k]
            if s != 0:
                g = factor[k]
                for j in range(columns):
                    row[j] += s * g[j]
    restore(mode)


@compiled(nogil=True)
def update_events(weights, pre, post, scale):
    """``weights += scale * pre @ post.T``, touching only the rows of units whose `pre` is not zero.

    Parameters
    ----------
    weights : ndarray (n_pre, n_post)
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale : float
    """
    n_post, streams = post.shape
    number = weights.dtype.type
    factor = np.empty((streams, n_post), weights.dtype)
    for k in range(streams):
        for j in range(n_post):
            factor[k, j] = number(scale) * post[j, k]
    share(_update_events_block, ROW_BLOCKS, (weights, pre, factor))


@compiled(nogil=True)
def _update_and_sum_events(block, weights, pre, factor, activity, sums):
    n_pre, streams = pre.shape
    columns = np.uint64(factor.shape[1])
    mode = flush_denormals()
    low, high = block * n_pre // ROW_BLOCKS, (block + 1) * n_pre // ROW_BLOCKS
    active = np.empty(high - low + 1, np.int64)
    for k in range(streams):
        total = sums[block, k]
        for j in range(columns):
            total[j] = 0
        count = 0
        for i in range(low, high):
            if k == 0:  # four rows wait in the first cache for their sum
                row = weights[i]
                for m in range(streams):
                    s = pre[i, m]
                    if s != 0:
                        g = factor[m]
                        for j in range(columns):
                            row[j] += s * g[j]
            active[count] = i
            count += activity[i, k] != 0
            if count == 4:
                count = 0
                _add_four_rows(total, weights, activity, active, k)
        for m in range(count):
            s, row = activity[active[m], k], weights[active[m]]
            for j in range(columns):
                total[j] += s * row[j]
    restore(mode)


@compiled(nogil=True)
def update_and_propagate_events(weights, pre, post, scale, activity, bias, current, add):
    """`update_events` and then `propagate_events`, in one pass over the rows: the same numbers to the last bit.

    A row that both of them touch comes from memory once.

    Parameters
    ----------
    weights : ndarray (n_pre, n_post)
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale : float
    activity : ndarray (n_pre, streams)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    n_post, streams = post.shape
    number = weights.dtype.type
    columns = np.uint64(n_post)
    factor = np.empty((streams, n_post), weights.dtype)
    for k in range(streams):
        for j in range(n_post):
            factor[k, j] = number(scale) * post[j, k]
    sums = np.empty((ROW_BLOCKS, streams, n_post), weights.dtype)
    share(_update_and_sum_events, ROW_BLOCKS, (weights, pre, factor, activity, sums))
    for k in range(streams):
        total = sums[0, k]
        for block in range(1, ROW_BLOCKS):
            more = sums[block, k]
            for j in range(columns):
                total[j] += more[j]
        for j in range(n_post):
            current[j, k] = total[j] + (current[j, k] + bias[j] if add else bias[j])


@compiled(nogil=True)
def _add_four_rows(total, weights, activity, active, k):
    i0, i1, i2, i3 = active[0], active[1], active[2], active[3]
    s0, s1, s2, s3 = activity[i0, k], activity[i1, k], activity[i2, k], activity[i3, k]
    r0, r1, r2, r3 = weights[i0], weights[i1], weights[i2], weights[i3]
    for j in range(np.uint64(total.size)):
        total[j] += (s0 * r0[j] + s1 * r1[j]) + (s2 * r2[j] + s3 * r3[j])


@compiled(nogil=True)
def update_bias(bias, post, scale, factor):
    """``bias = factor * bias + scale * post.sum(axis=1)``: a unit that always spikes.

    Parameters
    ----------
    bias : ndarray (n_post,)
    post : ndarray (n_post, streams)
    scale, factor : float
    """
    fours = -(-bias.size // 4)
    if post.size <= ALONE:
        for four in range(fours):
            _update_four(four, bias, post, scale, factor)
    else:
        share(_update_four, fours, (bias, post, scale, factor))


@compiled(nogil=True)
def _update_four(four, bias, post, scale, factor):
    # Four sums side by side, so that none waits for its own last addition.
    number, first, last = bias.dtype.type, 4 * four, bias.size - 1
    a, b, c, d = post[first], post[min(first + 1, last)], post[min(first + 2, last)], post[min(first + 3, last)]
    sums = (number(0), number(0), number(0), number(0))
    for k in range(post.shape[1]):
        sums = (sums[0] + a[k], sums[1] + b[k], sums[2] + c[k], sums[3] + d[k])
    for r in range(min(4, bias.size - first)):
        bias[first + r] = number(factor) * bias[first + r] + number(scale) * sums[r]


@compiled(nogil=True)
def all_zero(values):
    """Whether nothing but zeros is in a two-dimensional array; the first other value ends the search."""
    for j in range(values.shape[0]):
        for k in range(values.shape[1]):
            if values[j, k] != 0:
                return False
    return True


@compiled(nogil=True)
def equal_bits(left, right):
    """Whether two one-dimensional arrays of integers are equal; the first difference ends the search."""
    for k in range(left.shape[0]):  # noqa: SIM110  numba has no all()
        if left[k] != right[k]:
            return False
    return True


@compiled(nogil=True)
def _scale_row(j, weights, factor):
    for i in range(weights.shape[1]):
        weights[j, i] *= factor


@compiled(nogil=True)
def scale_in_place(weights, factor):
    """``weights *= factor`` for a two-dimensional array."""
    share(_scale_row, weights.shape[0], (weights, factor))


@compiled(nogil=True)
def _clip_row(j, weights, low, high):
    for i in range(weights.shape[1]):
        w = weights[j, i]
        weights[j, i] = low if w < low else high if w > high else w


@compiled(nogil=True)
def clip_in_place(weights, low, high):
    """``weights = min(max(weights, low), high)`` for a two-dimensional array; NaN stays."""
    share(_clip_row, weights.shape[0], (weights, low, high))


@compiled(nogil=True)
def _add_row(j, weights, change):
    for i in range(weights.shape[1]):
        weights[j, i] += change[j, i]


@compiled(nogil=True)
def add_in_place(weights, change):
    """``weights += change`` for two two-dimensional arrays of one shape."""
    share(_add_row, weights.shape[0], (weights, change))


@compiled(nogil=True, error_model="numpy")
def _add_normalised_row(j, weights, change, square, decay, lr):
    number = weights.dtype.type
    mode = flush_denormals()  # squares of small changes
    for i in range(weights.shape[1]):
        square[j, i] = number(decay) * square[j, i] + number(1 - decay) * change[j, i] ** 2
        weights[j, i] += number(lr) * change[j, i] / (np.sqrt(square[j, i]) + number(1e-8))
    restore(mode)


@compiled(nogil=True)
def add_normalised(weights, change, square, decay, lr):
    """``weights += lr * change / root of its mean square``, a running mean that carries a fraction of itself.

    Parameters
    ----------
    weights, change, square : ndarray (n, m)
        `square` is the mean, brought up to date here.
    decay, lr : float
    """
    share(_add_normalised_row, weights.shape[0], (weights, change, square, decay, lr))


@compiled(nogil=True, error_model="numpy")
def _add_adam_row(j, weights, change, first, second, beta1, beta2, correction1, correction2, epsilon, lr):
    number = weights.dtype.type
    mode = flush_denormals()  # squares of small changes
    for i in range(weights.shape[1]):
        moved = change[j, i]
        first[j, i] = number(beta1) * first[j, i] + number(1 - beta1) * moved
        second[j, i] = number(beta2) * second[j, i] + number(1 - beta2) * moved * moved
        root = np.sqrt(second[j, i] / number(correction2))
        weights[j, i] += number(lr) * (first[j, i] / number(correction1)) / (root + number(epsilon))
    restore(mode)


@compiled(nogil=True)
def add_adam(weights, change, first, second, beta1, beta2, correction1, correction2, epsilon, lr):
    """``weights += lr * (first / correction1) / (sqrt(second / correction2) + epsilon)``, means of the change.

    Parameters
    ----------
    weights, change, first, second : ndarray (n, m)
        ``first = beta1 * first + (1 - beta1) * change`` and ``second = beta2 * second + (1 - beta2) * change**2`` are
        brought up to date here.
    beta1, beta2, correction1, correction2, epsilon, lr : float
    """
    given = (weights, change, first, second, beta1, beta2, correction1, correction2, epsilon, lr)
    share(_add_adam_row, weights.shape[0], given)
