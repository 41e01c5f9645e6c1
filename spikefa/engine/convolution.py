"""Weights of convolutions, which synapses at all places share."""

from __future__ import annotations

import math

import numpy as np

from spikefa.engine.kernels.blas import gemm_address
from spikefa.engine.kernels.convolution import BLOCK_NUMBERS, convolve, place_blocks, update_shared
from spikefa.engine.kernels.direct_convolution import convolve_rows, pays, update_places
from spikefa.engine.memory import require_memory
from spikefa.engine.weights import Weights
from spikefa.engine.window import Window


class ConvolutionalWeights(Weights):
    """Weights ``(maps in, field, field, maps out)`` of a window that every place of the maps has.

    Parameters
    ----------
    W : ndarray (maps in, field, field, maps out)
    window : Window
    dtype : dtype
    block_numbers : int
        How many numbers are laid out at a time.
    """

    pre_major, shared = True, True

    def __init__(self, W: np.ndarray, window: Window, dtype: np.dtype, block_numbers: int = BLOCK_NUMBERS):
        self.window, self.shape = window, (math.prod(window.pre), math.prod(window.post))
        self._values = np.array(W, dtype=dtype, order="C").reshape(-1, window.post[0])
        self._block_numbers = block_numbers
        self._gemm = gemm_address(str(np.dtype(dtype)))

    @property
    def values(self) -> np.ndarray:
        """The weights ``(maps in * field * field, maps out)``; not a copy."""
        return self._values

    def stated(self, values: np.ndarray) -> np.ndarray:
        """Return an array that lies as `values` does, as ``(maps in, field, field, maps out)``; not a copy."""
        return values.reshape(self.window.weights_shape)

    def as_stated(self) -> np.ndarray:
        """Return the weights ``(maps in, field, field, maps out)``; not a copy."""
        return self.stated(self._values)

    def assign(self, W: np.ndarray) -> None:
        """Take the weights from an array ``(maps in, field, field, maps out)``."""
        self.as_stated()[...] = W

    def dense(self) -> np.ndarray:
        """Return the weights of all synapses ``(n_pre, n_post)`` in a new array, 0 where there is none."""
        require_memory("Convolution", f"its weights as an array {self.shape}", math.prod(self.shape) * 8)
        pre, post, place = self.window.synapses()
        W = np.zeros(self.shape, self._values.dtype)
        W[pre, post] = self._values.ravel()[place]
        return W

    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Return presynaptic and post-synaptic unit of each synapse."""
        return self.window.synapses()[:2]

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`; a bias a map, or a unit."""
        self._convolve(self.window, self._values, activity, bias, current, add)

    def propagate_transposed(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W @ activity + bias``, or ``current +=`` the same if `add`; a bias a map, or a unit."""
        values = np.ascontiguousarray(self.as_stated().swapaxes(0, 3)).reshape(-1, self.window.pre[0])
        self._convolve(self.window.reversed, values, activity, bias, current, add)

    def _convolve(
        self, window: Window, values: np.ndarray, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool
    ) -> None:
        maps, height, width = window.post
        streams, bias = activity.shape[1], bias.reshape(maps, -1)
        source = self._maps(window, activity)
        if self._is_direct(streams):
            along = streams, window.field, window.padding, window.geometry[-1]
            out = current.reshape(maps, height, -1)
            convolve_rows(self._gemm, values.reshape(window.weights_shape), source, bias, out, add, *along)
        else:
            along = width, streams, window.geometry, self._blocks(window, streams)
            convolve(self._gemm, values, source, bias, current.reshape(maps, -1), add, *along)

    def update(self, values: np.ndarray, pre: np.ndarray, post: np.ndarray, scale: float, factor: float) -> None:
        """Update ``values = factor * values + scale * pre @ post.T``, summed over the synapses that share a weight."""
        window, streams = self.window, pre.shape[1]
        maps, height, width = window.post
        source = self._maps(window, pre)
        if self._is_direct(streams):
            post = post.reshape(maps, height, -1)
            along = streams, window.padding, window.geometry[-1]
            update_places(self._gemm, self.stated(values), source, post, scale, factor, *along)
        else:
            along = width, streams, window.geometry, self._blocks(window, streams)
            update_shared(self._gemm, values, source, post.reshape(maps, -1), scale, factor, *along)

    def _is_direct(self, streams: int) -> bool:
        window = self.window
        return pays(window.pre[0], window.post[0], window.stride, window.post[2] * streams)

    @staticmethod
    def _maps(window: Window, activity: np.ndarray) -> np.ndarray:
        return activity.reshape(*window.pre[:2], -1)

    def _blocks(self, window: Window, streams: int) -> int:
        rows = math.prod(window.weights_shape[:3])
        return place_blocks(math.prod(window.post[1:]), rows * streams, self._block_numbers)
