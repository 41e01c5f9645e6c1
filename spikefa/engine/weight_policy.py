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
        and the projection learns or does not. Fixed weights of one stream, all units active, medians of 7 turns in ms,
        1500 x 1500, many matrices in turn, an AMD EPYC (Zen 5) with 2 cores: events 0.15, few streams 0.23.
    few_streams_learning, few_streams_fixed : int
        Up to this many streams, what is not event-driven is multiplied in tiles whose weights are read once for all
        streams (see `spikefa.engine.kernels.few_streams`), and an update shares the next propagation's pass. With more
        streams, a tile has streams side by side (see `spikefa.engine.kernels.many_streams`).

        Medians of 11 turns in ms, 1500 x 1500, float32, an AMD EPYC (Zen 3) with 2 cores, these two and BLAS:
        propagation with 2 streams 0.26, 0.40, 0.63; 4 streams 0.35, 0.48, 0.77; 8 streams 0.52, 0.44, 0.75; 16 streams
        1.07, 0.69, 1.07; 100 streams -, 3.2, 3.7. Propagation and update with 4 streams 0.49, 0.69, 0.78; 8 streams
        0.90, 0.88, 1.20; 12 streams 1.13, 1.15, 1.53; 16 streams 1.50, 1.31, 1.68; 100 streams -, 6.8, 7.7.
    tiled_synapses, tiled_units : int
        Only where a projection has at least this many synapses, and so many units on either side. Other matrices are
        left to BLAS: small ones stay in caches, and narrow ones are too few tasks. Propagation, then update with 100
        streams, tiles and BLAS in ms: 300 x 100 units 0.107 and 0.083; 784 x 300 units 0.35 and 0.38; 2500 x 200 units
        0.99 and 0.92, 0.97 and 0.94; 2500 x 100 units 0.65 and 0.55, 0.76 and 0.58; 30000 x 10 units 3.8 and 2.4, 5.4
        and 2.8.
    table_streams : int
        From this many streams on, products with the output of units that spike are looked up in tables (see
        `spikefa.engine.kernels.spikes`).

        Medians of propagation and update (in one pass where the kernels can), 1500 x 1500, half of the units active,
        many matrices in turn. Events, few streams and tables in ms: 1 stream 0.30, 0.55, -; 2 streams 0.53, 0.62, -; 3
        streams 0.77, 0.73, -; 8 streams -, 0.95, 1.66; 16 streams -, 1.44, 1.61; 32 streams -, 2.69, 1.95.
        (`spikefa bench --only scaling` measures all these limits anew.)
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
    event_streams_fixed: int = 1
    few_streams_learning: int = 12
    few_streams_fixed: int = 3
    tiled_synapses: int = 250_000
    tiled_units: int = 250
    table_streams: int = 24
    dot_products: bool | None = None
    sparse_below_batched: float = 0.25
    sparse_below_events: float = 0.11

    def __post_init__(self) -> None:
        for name in (
            "event_streams_spikes",
            "event_streams_learning",
            "event_streams_fixed",
            "few_streams_learning",
            "few_streams_fixed",
            "tiled_synapses",
            "tiled_units",
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
        tiled = W.size >= self.tiled_synapses and min(W.shape) >= self.tiled_units
        if tiled and streams <= (self.few_streams_learning if learns else self.few_streams_fixed):
            return FewStreamsWeights(W, mask, dtype, tiled)
        if spikes and streams >= self.table_streams:
            return LookupTableWeights(W, mask, dtype, tiled)
        return DenseWeights(W, mask, dtype, tiled)
