"""Projections: weights, shared by all streams, from one population to another; dense, masked or sparse."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from brian2 import BrianObject
from numpy.typing import ArrayLike

from spikefa.core.network import Network
from spikefa.core.part import PROJECT, Part
from spikefa.engine.kernels.blas import blocks_of, gemm_address
from spikefa.engine.kernels.dense import (
    propagate_batched,
    propagate_events,
    propagate_transposed,
    scale_in_place,
    update_and_propagate_events,
    update_batched,
    update_events,
)
from spikefa.engine.kernels.sparse import SparseWeights, clear_absent
from spikefa.engine.kernels.spikes import choices_of_streams, choices_of_units, propagate_spikes, update_spikes
from spikefa.errors import ArgumentError
from spikefa.plasticity.rule import Plasticity
from spikefa.plasticity.updater import PlasticityUpdater
from spikefa.populations.population import Population
from spikefa.projections.connectivity import Mask
from spikefa.projections.initializers import Initial

#: Up to this many streams the event-driven kernels are used, where the presynaptic units spike, or their output is
#: graded and the projection learns or does not. Medians of propagation and update, 1500 x 1500, float32, Intel Xeon at
#: 2.5 GHz, 2 processors with other work beside, events and batched in ms: spikes 0.59 and 1.44 for one stream, 0.89 and
#: 1.30 for two, 1.63 and 1.62 for three; graded and fixed 0.65 and 0.50 for one (`spikefa bench --only g`); graded and
#: learning about 1.8 and 1.7 for one (the shared pass, not in these, saves a third of the bytes), 1.9 and 1.5 for two.
EVENT_STREAMS = {"spikes": 2, "graded, learns": 1, "graded": 0}

#: From this many streams on, products with the output of units that spike are looked up in tables rather than left to
#: BLAS (see `engine.spike_kernels`). Medians of propagation and update, 1500 x 1500, float32, half of the units active,
#: AMD EPYC (Zen 4) with 2 cores, many matrices in turn, BLAS and tables in ms: 10 streams 1.15 and 1.54, 20 streams
#: 1.65 and 1.85, 25 streams 2.05 and 2.23, 32 streams 2.13 and 2.07, 50 streams 3.17 and 2.46, 100 streams 5.61 and
#: 3.20 (the crossover of `spikefa bench --only g`).
TABLE_STREAMS = 32

#: Below this fraction of synapses that exist, only those are stored. Medians of propagation and update called in turn,
#: 1500 x 1500, float32, 2 shared cores, weights in the cache. Batched, 100 streams: 5.2 ms dense and 0.3 to clear what
#: is absent, sparse 18 ms x fraction: equal at 0.31 (30 streams: 0.22, 10 streams: 0.15). Events, one stream, half the
#: units active: 0.085 ms dense and 0.05 to clear, sparse 1.15 ms x fraction: equal at 0.12 (2 streams: 0.10). Spikes of
#: 100 streams are dense and by tables faster down to 0.12, but take the memory of all.
SPARSE_BELOW = {"batched": 0.25, "events": 0.11}

class Projection(Part, BrianObject):
    """Weights from population `pre` to population `post`, and a bias for each post-synaptic unit.

    In every step, ``post.current = pre.output @ W + b`` for each stream; a second projection to the same
    population adds to the first.

    Parameters
    ----------
    network : Network
    pre, post : Population or str
    W : array_like (n_pre, n_post), or a function of (rng, shape)
        The initial weights; a function such as ``uniform(0.05)`` draws them from the network's seed and the
        projection's name.
    bias : array_like (n_post,), optional
        Zeros by default.
    mask : array_like of bool (n_pre, n_post), or a function of (rng, shape), optional
        The synapses that exist; all by default. The others are 0 and stay 0. A function such as
        ``random_connectivity(0.1)`` draws them from the network's seed and the projection's name. Where few exist, only
        those take memory and time.
    plasticity : Plasticity, optional
        The rule by which the weights learn. Without it they are fixed.
    learn_bias : bool
        Whether the bias learns too, as from a unit that always spikes.

    Raises
    ------
    ArgumentError
        If shapes do not fit, values are not finite, or an array of weights is not 0 where there is no synapse;
        the message names the projection.
    """

    roles = ("projection",)
    reads_events = False
    runs_in_evaluation = True

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        W: Initial,
        *,
        bias: ArrayLike | None = None,
        mask: Mask | None = None,
        plasticity: Plasticity | None = None,
        learn_bias: bool = True,
    ):
        self._join(network, pre, post)
        activity = "spikes" if self.pre.thresholder else "graded" if plasticity is None else "graded, learns"
        self.event_driven = network.streams <= EVENT_STREAMS[activity]
        self.by_tables = activity == "spikes" and network.streams >= TABLE_STREAMS  # where it is 0 or 1 indeed
        if mask is not None:
            mask = self._checked_mask(_drawn(mask, network.seed, f"{self.name} mask", self.shape))
        drawn = callable(W)
        W = self._checked("weights", _drawn(W, network.seed, self.name, self.shape), self.shape)
        if mask is not None:
            W = W * mask if drawn else self._checked_absent(W, mask)
        if mask is not None and mask.mean() < SPARSE_BELOW["events" if self.event_driven else "batched"]:
            self.by_tables = False
            self._sparse = SparseWeights(W, mask, self.event_driven, network.dtype)
            self._weights = self._sparse.values
        else:
            self._weights = np.array(W if self.pre_major else W.T, dtype=network.dtype, order="C")
            if mask is not None:
                self._present = np.array(mask if self.pre_major else mask.T, order="C")
                self._all_rows = np.arange(self._present.shape[0])
        if plasticity is not None:
            if not isinstance(plasticity, Plasticity):
                raise ArgumentError(f"{self.title}: plasticity must be a Plasticity, got {plasticity!r}")
            plasticity.check_names(self.title, self.pre, self.post)
        b = self._checked("bias", np.zeros(self.post.units) if bias is None else bias, self.shape[1:])
        self._bias = np.array(b, dtype=network.dtype)
        network.join(self)
        if plasticity is not None:
            self.learning = PlasticityUpdater(network, self, plasticity, learn_bias)
            network.join(self.learning)

    def __repr__(self) -> str:
        synapses = f", {self.mask.mean():.1%} of the synapses" if self.masked else ""
        rule = "fixed" if self.learning is None else f"learns by {self.learning.plasticity.rule!r}"
        return f"<{self.title}: {self.shape[0]} x {self.shape[1]}{synapses}, {rule}>"

    def _population(self, network: Network, side: str, of: Population | str) -> Population:
        names = [population.name for population in network.populations]
        if isinstance(of, str) and of in names:
            return network[of]
        if not isinstance(of, str) and any(of is population for population in network.populations):
            return of
        got = repr(of) if isinstance(of, str) else f"{type(of).__name__} {getattr(of, 'name', '')!r}"
        raise ArgumentError(f"{type(self).__name__}: {side} must be one of the network's populations {names}, got {got}")

    def _join(self, network: Network, pre: Population | str, post: Population | str) -> None:
        """Take a place between two populations, after the projections that `post` has."""
        self.pre, self.post = (self._population(network, side, of) for side, of in (("pre", pre), ("post", post)))
        self.title = f"{type(self).__name__} '{self.pre.name}->{self.post.name}'"
        name = f"{self.pre.name}_to_{self.post.name}"
        network.check_new(name, self.title)
        if self.post.current_variable not in self.post.variables:
            raise ArgumentError(
                f"{self.title}: the equations of {self.post.name!r} must have the parameter "
                f"{self.post.current_variable!r}, which projections write"
            )
        self.pre.check_array(self.pre.output_variable, f"{self.title}: the output")
        self.post.check_array(self.post.current_variable, f"{self.title}: the current")
        before = sum(other.post is self.post for other in network.projections)
        # Brian2 sorts objects of equal order by name, and the first has to overwrite what the others add to.
        order = self.post.place + PROJECT + before / (1 + before)
        super().__init__(clock=network.clock, when=self.post.slot, order=order, name=name)
        self.shape = (self.pre.units, self.post.units)
        self._sparse: SparseWeights | None = None
        self._present: np.ndarray | None = None
        self._gemm = gemm_address(str(network.dtype))
        self._blocks = blocks_of(self.post.units)
        self._add = before > 0
        self._due: tuple[np.ndarray, np.ndarray, float] | None = None  # an update that waits for the next pass
        self.learning: PlasticityUpdater | None = None

    def _checked(self, what: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
        values = np.asarray(values)
        if values.shape != shape:
            raise ArgumentError(f"{self.title}: {what} must be {shape}, got {values.shape}")
        if values.dtype.kind not in "fiu":
            raise ArgumentError(f"{self.title}: {what} must be numbers, got {values.dtype}")
        if not np.isfinite(values).all():
            raise ArgumentError(f"{self.title}: {what} must be finite, got {np.sum(~np.isfinite(values))} that are not")
        return values

    def _checked_mask(self, mask: ArrayLike) -> np.ndarray:
        mask = np.asarray(mask)
        if mask.dtype != bool:
            raise ArgumentError(f"{self.title}: mask must be bool, got {mask.dtype}")
        if mask.shape != self.shape:
            raise ArgumentError(f"{self.title}: mask must be {self.shape}, got {mask.shape}")
        return mask

    def _checked_absent(self, W: np.ndarray, mask: np.ndarray) -> np.ndarray:
        wrong = W[~mask & (W != 0)]
        if wrong.size:
            raise ArgumentError(
                f"{self.title}: weights must be 0 where the mask is False, got {wrong[0]} (and {wrong.size - 1} more)"
            )
        return W

    @property
    def W(self) -> np.ndarray:
        """The weights as an array ``(n_pre, n_post)``.

        Without a mask it shares the projection's memory. With one it is read-only, 0 where there is no synapse,
        and a copy where only the existing synapses are stored: to change weights, set the whole, as in
        ``projection.W = W``, or use `stored`.
        """
        if not self.masked:
            return self.unpacked()
        W = self.unpacked().view()
        W.flags.writeable = False
        return W

    @W.setter
    def W(self, values: ArrayLike) -> None:
        W = self._checked("weights", values, self.shape)
        if self.masked:
            self._checked_absent(W, self.mask)
        self.pack(W)

    def unpacked(self) -> np.ndarray:
        """Return the weights ``(n_pre, n_post)`` to be changed and given back to `pack`: a copy if sparse."""
        if self._sparse is not None:
            return self._sparse.dense()
        return self.stored if self.pre_major else self._weights.T

    def pack(self, W: np.ndarray) -> None:
        """Take the weights of the synapses that exist from an array ``(n_pre, n_post)``; ignore the others."""
        if self._sparse is not None:
            self._weights[...] = W[self._sparse.synapses()]
            return
        self.unpacked()[...] = W
        if self._present is not None:
            clear_absent(self._weights, self._present, self._all_rows)

    @property
    def masked(self) -> bool:
        """Whether the projection has a mask."""
        return self._sparse is not None or self._present is not None

    @property
    def mask(self) -> np.ndarray | None:
        """The mask ``(n_pre, n_post)`` as a new array; None without one."""
        if not self.masked:
            return None
        mask = np.zeros(self.shape, bool)
        mask[self.synapses()] = True
        return mask

    @property
    def sparse(self) -> bool:
        """Whether only the synapses that exist are stored."""
        return self._sparse is not None

    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Presynaptic and post-synaptic unit of each synapse; if sparse, in the order of `stored`."""
        if self._sparse is not None:
            return self._sparse.synapses()
        if self._present is None:
            return tuple(np.indices(self.shape).reshape(2, -1))
        return np.nonzero(self._present if self.pre_major else self._present.T)

    @property
    def b(self) -> np.ndarray:
        """The biases, ``(n_post,)``."""
        return self._bias

    @b.setter
    def b(self, values: ArrayLike) -> None:
        self._bias[...] = self._checked("bias", values, self.shape[1:])

    @property
    def stored(self) -> np.ndarray:
        """The weights as they lie in memory: pre-major or post-major, see `pre_major`; one-dimensional if sparse."""
        self.catch_up()
        return self._weights

    @property
    def pre_major(self) -> bool:
        """Whether the weights lie in memory as ``(n_pre, n_post)``, unless sparse."""
        return self.event_driven or self.by_tables

    @property
    def may_wait(self) -> bool:
        """Whether updates may wait for the next propagation, to share its pass over the rows."""
        return self.event_driven and not self.masked

    def update_later(self, pre: np.ndarray, post: np.ndarray, scale: float) -> None:
        """``weights += scale * pre @ post.T``, done with the next propagation, or when the weights are asked for."""
        self.catch_up()
        self._due = pre.copy(), post.copy(), scale

    def catch_up(self) -> None:
        """Do the update that waits, if one does."""
        if self._due is not None:
            due, self._due = self._due, None
            update_events(self._weights, *due)

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views of both populations once a run."""
        super().before_run(run_namespace)
        self._activity = self.pre.view(self.pre.output_variable)
        self._current = self.post.view(self.post.current_variable)

    def run(self) -> None:
        """Propagate this step's presynaptic output."""
        if self._sparse is not None:
            self._sparse.propagate(self._activity, self._bias, self._current, self._add)
        elif self._due is not None:
            due, self._due = self._due, None
            update_and_propagate_events(self._weights, *due, self._activity, self._bias, self._current, self._add)
        else:
            self._propagate(self._weights, self._activity, self._bias, self._current, self._add)

    def _propagate(self, weights: np.ndarray, activity: np.ndarray, bias: np.ndarray, *current_and_add) -> None:
        """Propagate through dense weights that lie as this projection's do."""
        if self.event_driven:
            propagate_events(weights, activity, bias, *current_and_add)
        elif self.by_tables and (choices := choices_of_units(activity)).size:
            propagate_spikes(weights, choices, bias, *current_and_add)
        else:
            by_blas = propagate_transposed if self.pre_major else propagate_batched
            by_blas(self._gemm, weights, activity, bias, *current_and_add, self._blocks)

    def update(self, weights: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, keep: float) -> None:
        """``weights = keep * weights + scale * pre @ post.T`` at the synapses that exist.

        Parameters
        ----------
        weights : ndarray
            What `stored` returns, or another array that lies as it does and is 0 where there is no synapse.
        pre : ndarray (n_pre, streams)
        post : ndarray (n_post, streams)
        scale, keep : float
        """
        if self._sparse is not None:
            self._sparse.update(weights, pre, post, scale, keep)
        elif self.event_driven:
            if keep != 1:
                scale_in_place(weights, weights.dtype.type(keep))
            update_events(weights, pre, post, scale)
            if self._present is not None:
                clear_absent(weights, self._present, np.flatnonzero(pre.any(axis=1)))
        else:
            if self.by_tables and (choices := choices_of_streams(pre)).size:
                if keep != 1:
                    scale_in_place(weights, weights.dtype.type(keep))
                update_spikes(weights, choices, post, scale)
            else:
                rows, columns = (pre, post) if self.pre_major else (post, pre)
                update_batched(self._gemm, weights, columns, rows, scale, keep, blocks_of(len(rows)))
            if self._present is not None:
                clear_absent(weights, self._present, self._all_rows)

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return what is saved and written back, not copies; W is `stored` if sparse, else ``(n_pre, n_post)``."""
        return {"W": self._weights if self.sparse else self.unpacked(), "b": self._bias}

def _drawn(values, seed: int, name: str, shape: tuple[int, int]):
    """Draw from a function of (rng, shape) by numbers of its own; anything else is returned as it is."""
    return values(np.random.default_rng([seed, crc32(name.encode())]), shape) if callable(values) else values
