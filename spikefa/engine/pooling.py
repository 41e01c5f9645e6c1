"""Weights of pooling, which nobody sets: to each place goes the largest, or the mean, of a window of the same map."""

from __future__ import annotations

import math
from typing import NoReturn

import numpy as np

from spikefa.engine.kernels import pooling
from spikefa.engine.weights import Weights
from spikefa.engine.window import Window
from spikefa.errors import SpikefaError


class PoolingWeights(Weights):
    """Fixed weights that are no array.

    Parameters
    ----------
    window : Window
        As many maps on both sides.
    winners : ndarray (n_post, streams)
        Where the place in its window is kept that each unit received from last.
    """

    pre_major, shared = True, True

    def __init__(self, window: Window, winners: np.ndarray):
        self.window, self.shape = window, (math.prod(window.pre), math.prod(window.post))
        self.winners, self._along = winners.reshape(*window.post, -1), (window.field, window.stride)

    @property
    def values(self) -> NoReturn:
        """Refused."""
        self._refuse()

    def dense(self) -> NoReturn:
        """Refuse what needs weights."""
        self._refuse()

    def synapses(self) -> NoReturn:
        """Refuse what needs weights."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise SpikefaError("Pooling: has no weights")

    def _maps(self, pre: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return pre.reshape(*self.window.pre, -1), post.reshape(*self.window.post, -1)

    def _a_map(self, bias: np.ndarray) -> np.ndarray:
        return bias.reshape(self.window.pre[0], -1)


class MaxPooling(PoolingWeights):
    """The largest of each window; the way back leads to the one that was it."""

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = largest of the window + bias``, or ``current +=`` the same if `add`."""
        pre, post = self._maps(activity, current)
        pooling.largest(pre, self._a_map(bias), post, self.winners, add, *self._along)

    def propagate_transposed(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Add what each unit has to the winner of its window, of the last propagation."""
        pre, post = self._maps(current, activity)
        pooling.to_winners(post, self._a_map(bias), pre, self.winners, add, *self._along)


class MeanPooling(PoolingWeights):
    """The mean of each window; the way back shares what comes among all of it."""

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = mean of the window + bias``, or ``current +=`` the same if `add`."""
        pre, post = self._maps(activity, current)
        pooling.mean(pre, self._a_map(bias), post, add, *self._along)

    def propagate_transposed(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Add the same share of what each unit has to all of its window."""
        pre, post = self._maps(current, activity)
        pooling.to_all(post, self._a_map(bias), pre, add, *self._along)
