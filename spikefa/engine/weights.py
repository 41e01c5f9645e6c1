"""Weights: how the synapses of a projection lie in memory, and the kernels that compute with them.

All kinds compute the same products: ``current = W.T @ activity + bias``, and ``W += scale * pre @ post.T``. Which kind
is fastest depends on the number of streams, on whether units spike, and on how many synapses exist: a `WeightPolicy`
chooses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spikefa._checks import in_range, true_or_false, whole
from spikefa.engine.aligned import aligned_zeros, whole_rows
from spikefa.engine.kernels import dense, few_streams, sparse
from spikefa.engine.kernels.blas import blocks_of, gemm_address
from spikefa.engine.kernels.spikes import choices_of_streams, choices_of_units, propagate_spikes, update_spikes


@dataclass(frozen=True)
class WeightPolicy:
    """Limits by which the kind of weights is chosen; the defaults are measured.

    Parameters
    ----------
    event_streams_spikes, event_streams_learning, event_streams_fixed : int
        Up to this many streams weights are event-driven: where the presynaptic units spike, or their output is graded
        and the projection learns or does not.
    few_streams : int
        Up to this many streams, what is not event-driven is multiplied in tiles that stay in registers (see
        `spikefa.engine.kernels.few_streams`) rather than by tables or BLAS.
    few_streams_synapses : int
        Only where a projection has at least this many synapses; smaller matrices stay in caches, and BLAS begins
        sooner. Propagation and update in us, these and BLAS, 3 streams: 60 units 18 and 10, 400 units 76 and 79, 800
        units 210 and 326.
    table_streams : int
        From this many streams on, products with the output of units that spike are looked up in tables rather than left
        to BLAS (see `spikefa.engine.kernels.spikes`).

        All these limits: medians of propagation and update (in one pass where the kernels can), 1500 x 1500, float32,
        half of the units active, AMD EPYC (Zen 3) with 2 cores, many matrices in turn. Events, few streams, BLAS and
        tables in ms: 1 stream 0.30, 0.55, 1.28; 2 streams 0.53, 0.62, 1.39; 3 streams 0.77, 0.73, 1.63; 8 streams 0.95,
        1.52 and 1.66 without events; 16 streams 1.44, 2.03, 1.61; 24 streams 2.14, 2.73, 2.10; 32 streams 2.69, 3.16,
        1.95. Propagation of graded signals, few streams and BLAS: 1 stream 0.36 and 0.74, 8 streams 0.78 and 0.85, 16
        streams 1.04 and 1.12, 24 streams 1.53 and 1.47. (`spikefa bench --only scaling` measures them anew.)
    dot_products : bool, optional
        Whether weights of fewer bits are multiplied by the processor's own instructions, if it has them. By default
        only if it is fast at them (see `spikefa.engine.packed`).
    sparse_below_batched, sparse_below_events : float
        Below this fraction of synapses that exist, only those are stored. Medians of propagation and update called in
        turn, 1500 x 1500, float32, 2 shared cores, weights in the cache. Batched, 100 streams: 5.2 ms dense and 0.3 to
        clear what is absent, sparse 18 ms x fraction: equal at 0.31 (30 streams: 0.22, 10 streams: 0.15). Events, one
        stream, half the units active: 0.085 ms dense and 0.05 to clear, sparse 1.15 ms x fraction: equal at 0.12 (2
        streams: 0.10). Spikes of 100 streams are dense and by tables faster down to 0.12, but take the memory of all.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(weight_policy=fa.WeightPolicy(table_streams=64), target="numpy")
    """

    event_streams_spikes: int = 2
    event_streams_learning: int = 1
    event_streams_fixed: int = 0
    few_streams: int = 23
    few_streams_synapses: int = 250_000
    table_streams: int = 24
    dot_products: bool | None = None
    sparse_below_batched: float = 0.25
    sparse_below_events: float = 0.11

    def __post_init__(self) -> None:
        for name in (
            "event_streams_spikes",
            "event_streams_learning",
            "event_streams_fixed",
            "few_streams",
            "few_streams_synapses",
            "table_streams",
        ):
            whole("WeightPolicy", name, getattr(self, name))
        for name in ("sparse_below_batched", "sparse_below_events"):
            in_range("WeightPolicy", name, getattr(self, name), 0)
        if self.dot_products is not None:
            true_or_false("WeightPolicy", "dot_products", self.dot_products)

    def make(
        self,
        W: np.ndarray,
        mask: np.ndarray | None,
        dtype: np.dtype,
        streams: int,
        spikes: bool,
        learns: bool,
        rows: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Weights:
        """Return weights of the kind that is chosen.

        Parameters
        ----------
        W : ndarray (n_pre, n_post)
        mask : ndarray of bool (n_pre, n_post) or None
            The synapses that exist; W is 0 where it is False.
        dtype : dtype
        streams : int
        spikes : bool
            Whether the presynaptic output is 0 or 1.
        learns : bool
            Whether the weights learn.
        rows : (ndarray, ndarray), optional
            Where synapses have delays of their own: `units` and `row_of` of `DelayedWeights`.
        """
        fewest = self.event_streams_learning if learns else self.event_streams_fixed
        event_driven = streams <= (self.event_streams_spikes if spikes else fewest)
        if rows is not None:
            return DelayedWeights(W, mask, dtype, event_driven, *rows)
        sparse_below = self.sparse_below_events if event_driven else self.sparse_below_batched
        if mask is not None and mask.mean() < sparse_below:
            return SparseWeights(W, mask, dtype, event_driven)
        if event_driven:
            return EventDrivenWeights(W, mask, dtype)
        if streams <= self.few_streams and W.size >= self.few_streams_synapses:
            return FewStreamsWeights(W, mask, dtype)
        if spikes and streams >= self.table_streams:
            return LookupTableWeights(W, mask, dtype)
        return DenseWeights(W, mask, dtype)


class Weights(ABC):
    """Weights of one projection; see the module.

    Attributes
    ----------
    shape : (int, int)
        Presynaptic and post-synaptic units.
    pre_major : bool
        Whether `values` lie as ``(n_pre, n_post)``, or post-major, unless sparse.
    sparse : bool
        Whether only the synapses that exist are stored, one-dimensional.
    present : ndarray of bool or None
        The mask of dense weights, as they lie; None without one.
    changes : int
        How often rules have changed the weights, or the biases of their projection.
    """

    shape: tuple[int, int]
    pre_major = False
    sparse = False
    present: np.ndarray | None = None
    #: Whether an update may wait for the next propagation, to share its pass over the rows.
    may_wait = False
    #: Whether synapses at many places share each weight.
    shared = False
    changes = 0
    #: In how many bits they are multiplied, if in fewer than a float has.
    precision: str | None = None

    @property
    @abstractmethod
    def values(self) -> np.ndarray:
        """The weights as they lie in memory, up to date; not a copy."""

    @property
    def masked(self) -> bool:
        """Whether there is a mask."""
        return self.sparse or self.present is not None

    @abstractmethod
    def dense(self) -> np.ndarray:
        """Return the weights ``(n_pre, n_post)``: their own memory, or a copy if they are sparse."""

    def assign(self, W: np.ndarray) -> None:
        """Take the weights of the synapses that exist from an array ``(n_pre, n_post)``; ignore the others."""
        raise NotImplementedError

    @abstractmethod
    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Return presynaptic and post-synaptic unit of each synapse; if sparse, in the order of `values`."""

    @abstractmethod
    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`.

        Parameters
        ----------
        activity : ndarray (n_pre, streams)
        bias : ndarray (n_post,)
        current : ndarray (n_post, streams)
        add : bool
        """

    @abstractmethod
    def propagate_transposed(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W @ activity + bias``, or ``current +=`` the same if `add`.

        Parameters
        ----------
        activity : ndarray (n_post, streams)
        bias : ndarray (n_pre,)
        current : ndarray (n_pre, streams)
        add : bool
        """

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * pre @ post.T`` at the synapses that exist.

        Parameters
        ----------
        values : ndarray
            What `values` returns, or another array that lies as it does and is 0 where there is no synapse.
        pre : ndarray (n_pre, streams)
        post : ndarray (n_post, streams)
        scale, factor : float
        """
        raise NotImplementedError

    def clip(self, low: float, high: float) -> None:
        """Keep the synapses that exist from `low` to `high`; infinite is no limit."""
        values = self.values
        number = values.dtype.type
        dense.clip_in_place(whole_rows(values), number(low), number(high))

    def update_later(self, pre: np.ndarray, post: np.ndarray, scale: float) -> None:
        """Add ``W += scale * pre @ post.T`` with the next propagation, or when the weights are asked for."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """Do the update that waits, if one does."""
        return  # most kinds let none wait

    def begin_run(self) -> None:
        """Take in what was written into the arrays since the last run."""
        return  # most kinds compute with those

    def as_stated(self) -> np.ndarray:
        """Return the weights in the shape in which a projection states them, as `dense` unless they are shared."""
        return self.dense()

    def stated(self, values: np.ndarray) -> np.ndarray:
        """Return an array that lies as `values` does, as it is saved, not a copy: as it is if sparse."""
        return values if self.sparse or self.pre_major else values.T

    def as_saved(self) -> np.ndarray:
        """Return what is saved and written back, not a copy: `values` if sparse, else as `as_stated`."""
        return self.stated(self.values)


class DenseWeights(Weights):
    """All synapses in one array, multiplied by BLAS; a mask clears those that do not exist after each update.

    Parameters
    ----------
    W : ndarray (n_pre, n_post)
    mask : ndarray of bool (n_pre, n_post) or None
    dtype : dtype

    Attributes
    ----------
    gemm : int
        Address of the BLAS function.
    """

    def __init__(self, W: np.ndarray, mask: np.ndarray | None, dtype: np.dtype):
        self.shape = W.shape
        rows = W if self.pre_major else W.T
        self._values = aligned_zeros(*rows.shape, dtype)
        self._values[...] = rows
        self._rows = whole_rows(self._values)
        if mask is not None:
            self.present = np.array(mask if self.pre_major else mask.T, order="C")
            self._all_rows = np.arange(len(self.present))
        self.gemm = gemm_address(str(np.dtype(dtype)))
        self._blocks = {units: blocks_of(units) for units in self.shape}

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
        by_blas = dense.propagate_transposed if self.pre_major else dense.propagate_batched
        by_blas(self.gemm, self._rows, activity, bias, current, add, self._blocks[self.shape[1]])

    def propagate_transposed(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W @ activity + bias``, or ``current +=`` the same if `add`."""
        by_blas = dense.propagate_batched if self.pre_major else dense.propagate_transposed
        self.catch_up()
        by_blas(self.gemm, self._rows, activity, bias, current, add, self._blocks[self.shape[0]])

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * pre @ post.T`` at the synapses that exist."""
        rows, columns = (pre, post) if self.pre_major else (post, pre)
        dense.update_batched(self.gemm, whole_rows(values), columns, rows, scale, factor, self._blocks[len(rows)])
        self._clear_absent(values)

    def clip(self, low: float, high: float) -> None:
        """Keep the synapses that exist from `low` to `high`; infinite is no limit."""
        super().clip(low, high)
        if not low <= 0 <= high:
            self._clear_absent(self._values)

    def _clear_absent(self, values: np.ndarray) -> None:
        if self.present is not None:
            sparse.clear_absent(values, self.present, self._all_rows)


class LookupTableWeights(DenseWeights):
    """Dense weights of many streams of spikes: sums of a few rows are looked up in tables; else as by BLAS."""

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
                dense.scale_in_place(whole_rows(values), values.dtype.type(factor))
            update_spikes(whole_rows(values), choices, post, scale)
            self._clear_absent(values)
        else:
            super().update(values, pre, post, scale, factor)


class WaitingWeights(DenseWeights):
    """Dense weights whose updates can wait for the next propagation, to share its pass over the rows."""

    #: Kernels on whole rows that lie as the weights do: of an update, a propagation, and both in one pass.
    _add: Callable[..., None]
    _propagate: Callable[..., None]
    _add_and_propagate: Callable[..., None]

    def __init__(self, W: np.ndarray, mask: np.ndarray | None, dtype: np.dtype):
        super().__init__(W, mask, dtype)
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
            dense.scale_in_place(whole_rows(values), values.dtype.type(factor))
        self._add(whole_rows(values), pre, post, scale)
        if self.present is not None:
            sparse.clear_absent(values, self.present, np.flatnonzero(pre.any(axis=1)))


class FewStreamsWeights(WaitingWeights):
    """Dense weights of few streams: each is read once for all of them."""

    _add = staticmethod(few_streams.update)
    _propagate = staticmethod(few_streams.propagate)
    _add_and_propagate = staticmethod(few_streams.update_and_propagate)

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * pre @ post.T`` at the synapses that exist."""
        if factor != 1:
            super().update(values, pre, post, scale, factor)  # BLAS scales in the same pass
        else:
            self._add(whole_rows(values), pre, post, scale)
            self._clear_absent(values)


class SparseWeights(Weights):
    """Only the synapses that exist, in the order that suits few streams (event-driven) or many (batched).

    Parameters
    ----------
    W : ndarray (n_pre, n_post)
    mask : ndarray of bool (n_pre, n_post)
    dtype : dtype
    event_driven : bool
    """

    sparse = True

    def __init__(self, W: np.ndarray, mask: np.ndarray, dtype: np.dtype, event_driven: bool):
        self.shape, self.pre_major = W.shape, event_driven
        self.matrix = sparse.SparseMatrix(W, mask, event_driven, dtype)

    @property
    def values(self) -> np.ndarray:
        """The weights ``(synapses,)``; not a copy."""
        return self.matrix.values

    def dense(self) -> np.ndarray:
        """Return the weights ``(n_pre, n_post)`` in a new array, 0 where there is no synapse."""
        return self.matrix.dense()

    def assign(self, W: np.ndarray) -> None:
        """Take the weights of the synapses that exist from an array ``(n_pre, n_post)``; ignore the others."""
        self.matrix.values[...] = W[self.synapses()]

    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Return presynaptic and post-synaptic unit of each synapse, in the order of `values`."""
        return self.matrix.synapses()

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`."""
        self.matrix.propagate(activity, bias, current, add)

    def propagate_transposed(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W @ activity + bias``, or ``current +=`` the same if `add`."""
        if not hasattr(self, "_coordinates"):
            from scipy.sparse import coo_array  # few networks need it

            self._coordinates = coo_array((self.values, self.synapses()), self.shape)
        product = self._coordinates @ activity + (current if add else 0)
        current[...] = product + bias[:, None] if bias.any() else product

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * pre @ post.T`` at the synapses that exist."""
        self.matrix.update(values, pre, post, scale, factor)


class DelayedWeights(SparseWeights):
    """Synapses with delays of their own: a presynaptic unit counts as several rows of what arrives, one a delay.

    Activities are those of the rows, ``(rows, streams)``; else these are weights ``(n_pre, n_post)`` as others are.

    Parameters
    ----------
    W : ndarray (n_pre, n_post)
    mask : ndarray of bool (n_pre, n_post) or None
    dtype : dtype
    event_driven : bool
    units : ndarray of int (rows,)
        The presynaptic unit of each row.
    row_of : ndarray of int (n_pre, n_post)
        The row of each synapse.
    """

    def __init__(
        self,
        W: np.ndarray,
        mask: np.ndarray | None,
        dtype: np.dtype,
        event_driven: bool,
        units: np.ndarray,
        row_of: np.ndarray,
    ):
        self.shape, self.pre_major, self._units = W.shape, event_driven, units
        pre, post = np.nonzero(np.ones(W.shape, bool) if mask is None else mask)
        shape = len(units), W.shape[1]
        values = W[pre, post].astype(dtype)
        self.matrix = sparse.SparseMatrix.of_synapses(values, row_of[pre, post], post, shape, event_driven)

    def dense(self) -> np.ndarray:
        """Return the weights ``(n_pre, n_post)`` in a new array, 0 where there is no synapse."""
        W = np.zeros(self.shape, self.values.dtype)
        W[self.synapses()] = self.values
        return W

    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Return presynaptic and post-synaptic unit of each synapse, in the order of `values`."""
        rows, post = self.matrix.synapses()
        return self._units[rows], post


class TransposedWeights(Weights):
    """The transpose of other weights, in the same memory: what those learn, these have in the same moment.

    Parameters
    ----------
    source : Weights
    """

    def __init__(self, source: Weights):
        self.source, self.shape = source, source.shape[::-1]
        self.pre_major, self.sparse = not source.pre_major, source.sparse
        self.present, self.shared = source.present, source.shared

    @property
    def values(self) -> np.ndarray:
        """The source's weights as they lie in memory."""
        return self.source.values

    def dense(self) -> np.ndarray:
        """Return the weights ``(n_pre, n_post)``: the source's memory, or a copy if they are sparse."""
        return self.source.dense().T

    def as_stated(self) -> np.ndarray:
        """Return the weights as the source states them, with the first and the last dimension exchanged."""
        return self.source.as_stated().swapaxes(0, -1)

    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Return presynaptic and post-synaptic unit of each synapse, in the source's order."""
        return self.source.synapses()[::-1]

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`."""
        self.source.propagate_transposed(activity, bias, current, add)

    def propagate_transposed(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W @ activity + bias``, or ``current +=`` the same if `add`."""
        self.source.catch_up()
        self.source.propagate(activity, bias, current, add)
