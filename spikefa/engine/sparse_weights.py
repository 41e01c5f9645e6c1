"""Weights of the synapses that exist alone, and of those that have delays of their own."""

from __future__ import annotations

import numpy as np

from spikefa.engine.kernels import sparse
from spikefa.engine.weights import Weights


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
