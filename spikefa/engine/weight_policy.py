"""Which kind of weights a projection has, by limits that are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikefa._checks import in_range, true_or_false, whole
from spikefa.engine.dense_weights import DenseWeights, EventDrivenWeights, FewStreamsWeights, LookupTableWeights
from spikefa.engine.sparse_weights import DelayedWeights, SparseWeights
from spikefa.engine.weights import Weights


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
