"""Weights of all synapses, with and without a mask, for each range of streams."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikefa.engine.aligned import aligned_zeros, whole_rows
from spikefa.engine.kernels import dense, few_streams, many_streams, sparse
from spikefa.engine.kernels.blas import blocks_of, gemm_address
from spikefa.engine.kernels.spikes import choices_of_streams, choices_of_units, propagate_spikes, update_spikes
from spikefa.engine.weights import Weights


class DenseWeights(Weights):
    """All synapses in one array; a mask clears those that do not exist after each update.

    Parameters
    ----------
    W : ndarray (n_pre, n_post)
    mask : ndarray of bool (n_pre, n_post) or None
    dtype : dtype
    tiled : bool
        Whether products are computed in tiles that stay in registers, where the weights lie as those need it. The
        others are left to BLAS.

    Attributes
    ----------
    gemm : int
        Address of the BLAS function.
    """

    def __init__(self, W: np.ndarray, mask: np.ndarray | None, dtype: np.dtype, tiled: bool = False):
        self.shape, self.tiled = W.shape, tiled
        rows = W if self.pre_major else W.T
        self._values = aligned_zeros(*rows.shape, dtype)
        self._values[...] = rows
        self._rows = whole_rows(self._values)
        if mask is not None:
            self.present = np.array(mask if self.pre_major else mask.T, order="C")
            self._all_rows = np.arange(len(self.present))
        self.gemm = gemm_address(str(np.dtype(dtype)))
        self._blocks = {units: blocks_of(units) for units in self.shape}
        self._rooms: dict[tuple[int, ...], np.ndarray] = {}  # shape of activities -> where their panels are written

    @property
    def values(self) -> np.ndarray:
        """The weights as they lie in memory, up to date; not a copy."""
        self.catch_up()
        return self._values

    def dense(self) -> np.ndarray:
        """Return the weights ``(n_pre, n_post)``; not a copy."""
        return self.values if self.pre_major else self.values.T

    def assign(self, W: np.ndarray) -> None:
        """Take the weights of the synapses that exist from an array ``(n_pre, n_post)``; ignore the others."""
        self.dense()[...] = W
        if self.present is not None:
            sparse.clear_absent(self._values, self.present, self._all_rows)

    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Return presynaptic and post-synaptic unit of each synapse."""
        if self.present is None:
            return tuple(np.indices(self.shape).reshape(2, -1))
        return np.nonzero(self.present if self.pre_major else self.present.T)

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`."""
        if self.pre_major:
            self._sum_columns(activity, bias, current, add)
        else:
            self._sum_rows(activity, bias, current, add)

    def propagate_transposed(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W @ activity + bias``, or ``current +=`` the same if `add`."""
        self.catch_up()
        if self.pre_major:
            self._sum_rows(activity, bias, current, add)
        else:
            self._sum_columns(activity, bias, current, add)

    def _sum_rows(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        if self.tiled:
            if activity.shape not in self._rooms:
                self._rooms[activity.shape] = many_streams.room_for_panels(*activity.shape, self._values.dtype)
            many_streams.propagate(self._rows, activity, self._rooms[activity.shape], bias, current, add)
        else:
            dense.propagate_batched(self.gemm, self._rows, activity, bias, current, add, self._blocks[len(bias)])

    def _sum_columns(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        dense.propagate_transposed(self.gemm, self._rows, activity, bias, current, add, self._blocks[len(bias)])

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * pre @ post.T`` at the synapses that exist."""
        rows, columns = (pre, post) if self.pre_major else (post, pre)
        if self.tiled and factor == 1:
            few_streams.update(self._whole(values), columns, rows, scale)
        else:  # BLAS scales in the same pass
            dense.update_batched(self.gemm, self._whole(values), columns, rows, scale, factor, self._blocks[len(rows)])
        self._clear_absent(values)

    def clip(self, low: float, high: float) -> None:
        """Keep the synapses that exist from `low` to `high`; infinite is no limit."""
        super().clip(low, high)
        if not low <= 0 <= high:
            self._clear_absent(self._values)

    def _whole(self, values: np.ndarray) -> np.ndarray:
        """Return the whole rows of an array that lies as the weights do; of their own without making them anew."""
        return self._rows if values is self._values else whole_rows(values)

    def _clear_absent(self, values: np.ndarray) -> None:
        if self.present is not None:
            sparse.clear_absent(values, self.present, self._all_rows)


class LookupTableWeights(DenseWeights):
    """Dense weights of many streams of spikes: sums of a few rows are looked up in tables; else as `DenseWeights`."""

    pre_major = True

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`."""
        if (choices := choices_of_units(activity)).size:
            propagate_spikes(self._rows, choices, bias, current, add)
        else:
            super().propagate(activity, bias, current, add)

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * pre @ post.T`` at the synapses that exist."""
        if (choices := choices_of_streams(pre)).size:
            if factor != 1:
                dense.scale_in_place(self._whole(values), values.dtype.type(factor))
            update_spikes(self._whole(values), choices, post, scale)
            self._clear_absent(values)
        else:
            super().update(values, pre, post, scale, factor)


class WaitingWeights(DenseWeights):
    """Dense weights whose updates can wait for the next propagation, to share its pass over the rows."""

    #: Kernels on whole rows that lie as the weights do: of an update, a propagation, and both in one pass.
    _add: Callable[..., None]
    _propagate: Callable[..., None]
    _add_and_propagate: Callable[..., None]

    def __init__(self, W: np.ndarray, mask: np.ndarray | None, dtype: np.dtype, tiled: bool = False):
        super().__init__(W, mask, dtype, tiled)
        self.may_wait = mask is None
        self._due: tuple[np.ndarray, np.ndarray, float] | None = None  # an update that waits for the next pass

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`; with a waiting update."""
        if self._due is not None:
            due, self._due = self._due, None
            self._add_and_propagate(self._rows, *due, activity, bias, current, add)
        else:
            self._propagate(self._rows, activity, bias, current, add)

    def update_later(self, pre: np.ndarray, post: np.ndarray, scale: float) -> None:
        """Add ``W += scale * pre @ post.T`` with the next propagation, or when the weights are asked for."""
        self.catch_up()
        self._due = pre.copy(), post.copy(), scale

    def catch_up(self) -> None:
        """Do the update that waits, if one does."""
        if self._due is not None:
            due, self._due = self._due, None
            self._add(self._rows, *due)


class EventDrivenWeights(WaitingWeights):
    """Dense weights of one or two streams: only the rows of units that are active are touched."""

    pre_major = True

    _add = staticmethod(dense.update_events)
    _propagate = staticmethod(dense.propagate_events)
    _add_and_propagate = staticmethod(dense.update_and_propagate_events)

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * pre @ post.T`` at the synapses that exist."""
        if factor != 1:
            dense.scale_in_place(self._whole(values), values.dtype.type(factor))
        self._add(self._whole(values), pre, post, scale)
        if self.present is not None:
            sparse.clear_absent(values, self.present, np.flatnonzero(pre.any(axis=1)))


class FewStreamsWeights(WaitingWeights):
    """Dense weights of few streams: each is read once for all of them."""

    _add = staticmethod(few_streams.update)
    _propagate = staticmethod(few_streams.propagate)
    _add_and_propagate = staticmethod(few_streams.update_and_propagate)
