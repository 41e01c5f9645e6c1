"""Weights of which only the synapses that exist are stored, and their kernels. They know nothing of Brian2.

Two orders of the same synapses:

* *batched* (many streams): by post-synaptic unit, then presynaptic unit. ``start[j]`` to ``start[j + 1]`` are the
  synapses of unit j, and ``index`` their presynaptic units;
* *event-driven* (one or few streams): by block of `COLUMNS` post-synaptic units, then presynaptic unit, then
  post-synaptic unit. ``start[block, i]`` to ``start[block, i + 1]`` are the synapses of unit i to the block,
  and ``index`` their post-synaptic units counted from the block's first.

Each value is written by one thread, and each sum runs in the order of the synapses, so results do not depend
on the number of threads.
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.tasks import share

#: Post-synaptic units that one task of an event-driven kernel handles; 16 bits number them.
COLUMNS = 512
#: Tasks of a batched kernel; each has about the same number of synapses.
TASKS = 16


class SparseMatrix:
    """Weights ``(n_pre, n_post)`` where a mask is True, and nothing where it is not.

    Parameters
    ----------
    W : ndarray (n_pre, n_post)
    mask : ndarray of bool (n_pre, n_post)
    event_driven : bool
        The order of the synapses; see the module.
    dtype : dtype

    Attributes
    ----------
    values : ndarray (synapses,)
        The weights.
    """

    def __init__(self, W: np.ndarray, mask: np.ndarray, event_driven: bool, dtype: np.dtype):
        pre, post = np.nonzero(mask)
        self._arrange(W[pre, post].astype(dtype), pre, post, mask.shape, event_driven)

    @classmethod
    def of_synapses(
        cls, values: np.ndarray, pre: np.ndarray, post: np.ndarray, shape: tuple[int, int], event_driven: bool
    ) -> SparseMatrix:
        """Return the matrix of weights that are given one by one, with the units that each connects."""
        matrix = cls.__new__(cls)
        matrix._arrange(values, pre, post, shape, event_driven)
        return matrix

    def _arrange(
        self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, shape: tuple[int, int], event_driven: bool
    ) -> None:
        self.shape, self.event_driven = shape, event_driven
        n_pre, n_post = shape
        order = np.lexsort((post, pre, post // COLUMNS) if event_driven else (pre, post))
        pre, post, self.values = pre[order], post[order], values[order]
        if event_driven:
            blocks = -(-n_post // COLUMNS)
            ends = np.searchsorted(post // COLUMNS * n_pre + pre, np.arange(blocks * n_pre + 1))
            self.start = np.stack([ends[b * n_pre : (b + 1) * n_pre + 1] for b in range(blocks)])
            self.index = (post % COLUMNS).astype(np.uint16)
        else:
            self.start = np.searchsorted(post, np.arange(n_post + 1))
            self.index = pre.astype(np.uint32)
            tasks = min(TASKS, n_post)
            self.edges = np.searchsorted(self.start, np.arange(tasks + 1) * pre.size // tasks)
            self.edges[-1] = n_post  # units without synapses too

    @property
    def nbytes(self) -> int:
        """Memory of the weights and of what says where they belong."""
        return self.values.nbytes + self.index.nbytes + self.start.nbytes

    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Presynaptic and post-synaptic unit of each value."""
        if not self.event_driven:
            return self.index.astype(np.int64), np.repeat(np.arange(self.shape[1]), np.diff(self.start))
        counts = np.diff(self.start)
        block, pre = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), self.shape[0])
        return pre, block * COLUMNS + self.index

    def dense(self) -> np.ndarray:
        """Return the weights ``(n_pre, n_post)`` in a new array, 0 where there is no synapse."""
        W = np.zeros(self.shape, self.values.dtype)
        W[self.synapses()] = self.values
        return W

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`."""
        if self.event_driven:
            propagate_events(self.start, self.index, self.values, activity, bias, current, add)
        else:
            propagate_batched(self.edges, self.start, self.index, self.values, activity, bias, current, add)

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * (pre @ post.T)`` at every synapse; `values` lie as ours do."""
        number = values.dtype.type
        if self.event_driven:
            if factor != 1:
                values *= number(factor)
            update_events(self.start, self.index, values, pre, post, number(scale))
        else:
            update_batched(self.edges, self.start, self.index, values, pre, post, number(scale), number(factor))


@compiled(nogil=True)
def _propagate_task(task, edges, start, index, values, activity, bias, current, add):
    streams = activity.shape[1]
    mode = flush_denormals()
    for j in range(edges[task], edges[task + 1]):
        to = current[j]
        for k in range(streams):
            to[k] = to[k] + bias[j] if add else bias[j]
        n, end = start[j], start[j + 1]
        while n + 4 <= end:  # four at a time: a quarter of the passes over `to`
            a, b, c, d = activity[index[n]], activity[index[n + 1]], activity[index[n + 2]], activity[index[n + 3]]
            wa, wb, wc, wd = values[n], values[n + 1], values[n + 2], values[n + 3]
            for k in range(streams):
                to[k] += (wa * a[k] + wb * b[k]) + (wc * c[k] + wd * d[k])
            n += 4
        while n < end:
            a, wa = activity[index[n]], values[n]
            for k in range(streams):
                to[k] += wa * a[k]
            n += 1
    restore(mode)


@compiled(nogil=True)
def propagate_batched(edges, start, index, values, activity, bias, current, add):
    """``current[j] = sum of values * activity[index] + bias[j]``, added to what is there where `add`.

    Parameters
    ----------
    edges : ndarray of int (tasks + 1,)
        First post-synaptic unit of each task, and the number of units.
    start : ndarray of int (n_post + 1,)
    index : ndarray of uint (synapses,)
    values : ndarray (synapses,)
    activity : ndarray (n_pre, streams)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    share(_propagate_task, edges.size - 1, (edges, start, index, values, activity, bias, current, add))


@compiled(nogil=True, fastmath={"reassoc", "contract"})
def _update_task(task, edges, start, index, values, pre, post, scale, factor):
    streams = pre.shape[1]
    number = values.dtype.type
    mode = flush_denormals()
    for j in range(edges[task], edges[task + 1]):
        g = post[j]
        n, end = start[j], start[j + 1]
        while n + 4 <= end:  # four at a time: a quarter of the reads of `g`
            a, b, c, d = pre[index[n]], pre[index[n + 1]], pre[index[n + 2]], pre[index[n + 3]]
            ta, tb, tc, td = number(0), number(0), number(0), number(0)
            for k in range(streams):
                ta += a[k] * g[k]
                tb += b[k] * g[k]
                tc += c[k] * g[k]
                td += d[k] * g[k]
            values[n] = factor * values[n] + scale * ta
            values[n + 1] = factor * values[n + 1] + scale * tb
            values[n + 2] = factor * values[n + 2] + scale * tc
            values[n + 3] = factor * values[n + 3] + scale * td
            n += 4
        while n < end:
            a, ta = pre[index[n]], number(0)
            for k in range(streams):
                ta += a[k] * g[k]
            values[n] = factor * values[n] + scale * ta
            n += 1
    restore(mode)


@compiled(nogil=True)
def update_batched(edges, start, index, values, pre, post, scale, factor):
    """Update ``values = factor * values + scale * dot(pre[index], post[j])``, the sum running over the streams.

    Parameters
    ----------
    edges, start, index, values
        As for `propagate_batched`.
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale, factor : float
    """
    share(_update_task, edges.size - 1, (edges, start, index, values, pre, post, scale, factor))


@compiled(nogil=True)
def _propagate_events_block(block, start, index, values, activity, bias, current, add):
    n_pre, streams = activity.shape
    mode = flush_denormals()
    low = block * COLUMNS
    size = min(COLUMNS, current.shape[0] - low)
    total = np.empty((streams, size), values.dtype)
    for k in range(streams):
        for j in range(size):
            total[k, j] = current[low + j, k] + bias[low + j] if add else bias[low + j]
    for i in range(n_pre):
        for k in range(streams):
            s, to = activity[i, k], total[k]
            if s != 0:
                for n in range(start[block, i], start[block, i + 1]):
                    to[index[n]] += s * values[n]
    for k in range(streams):
        for j in range(size):
            current[low + j, k] = total[k, j]
    restore(mode)


@compiled(nogil=True)
def propagate_events(start, index, values, activity, bias, current, add):
    """As `propagate_batched`, reading only the synapses of units whose activity is not zero.

    Parameters
    ----------
    start : ndarray of int (blocks, n_pre + 1)
    index : ndarray of uint (synapses,)
    values, activity, bias, current, add
        As for `propagate_batched`.
    """
    share(_propagate_events_block, start.shape[0], (start, index, values, activity, bias, current, add))


@compiled(nogil=True)
def _update_events_block(block, start, index, values, pre, post, scale):
    n_pre, streams = pre.shape
    mode = flush_denormals()
    low = block * COLUMNS
    size = min(COLUMNS, post.shape[0] - low)
    factor = np.empty((streams, size), values.dtype)
    for k in range(streams):
        for j in range(size):
            factor[k, j] = scale * post[low + j, k]
    for i in range(n_pre):
        for k in range(streams):
            s, g = pre[i, k], factor[k]
            if s != 0:
                for n in range(start[block, i], start[block, i + 1]):
                    values[n] += s * g[index[n]]
    restore(mode)


@compiled(nogil=True)
def update_events(start, index, values, pre, post, scale):
    """``values += scale * pre * post``, touching only the synapses of units whose `pre` is not zero.

    Parameters
    ----------
    start, index, values
        As for `propagate_events`.
    pre : ndarray (n_pre, streams)
    post : ndarray (n_post, streams)
    scale : float
    """
    share(_update_events_block, start.shape[0], (start, index, values, pre, post, scale))


@compiled(nogil=True)
def _clear_row(r, weights, mask, rows):
    columns = np.uint64(weights.shape[1])  # a signed count would keep LLVM from vectorising
    row, present = weights[rows[r]], mask[rows[r]]
    for j in range(columns):
        row[j] = row[j] if present[j] else 0


@compiled(nogil=True)
def clear_absent(weights, mask, rows):
    """Set the weights to 0 where the mask is False, in some rows of a dense array.

    Parameters
    ----------
    weights : ndarray (n, m)
    mask : ndarray of bool (n, m)
    rows : ndarray of int (chosen,)
    """
    share(_clear_row, rows.size, (weights, mask, rows))
