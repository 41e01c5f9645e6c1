"""Weights: how the synapses of a projection lie in memory, and the kernels that compute with them.

All kinds compute the same products: ``current = W.T @ activity + bias``, and ``W += scale * pre @ post.T``. Which kind
is fastest depends on the number of streams, on whether units spike, and on how many synapses exist: a
`spikefa.engine.weight_policy.WeightPolicy` chooses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from spikefa.engine.aligned import whole_rows
from spikefa.engine.kernels import dense


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
