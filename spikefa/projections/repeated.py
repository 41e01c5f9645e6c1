"""What a projection computed last, which need not be computed again while nothing has changed."""

from __future__ import annotations

import numpy as np

from spikefa.core.changes import runs_other_code
from spikefa.core.network import Network
from spikefa.engine.kernels.dense import equal_bits
from spikefa.engine.weights import Weights
from spikefa.presentation.stimulus import Stimulus


class RepeatedProduct:
    """The product of a presentation's first step, for those after it in which input and weights are still the same.

    An image that stays is multiplied once in its presentation, not in each step. What is kept is of one presentation:
    it is made in the first step, and given up at the first change.

    Parameters
    ----------
    stimulus : Stimulus
    weights : Weights
    activity : ndarray (n_pre, streams)
        What is multiplied; it holds another value in each step.
    current : ndarray (n_post, streams)
        Where the product is written.
    """

    def __init__(self, stimulus: Stimulus, weights: Weights, activity: np.ndarray, current: np.ndarray):
        self.stimulus, self.weights, self.activity = stimulus, weights, activity
        self._bits = activity.reshape(-1).view(f"u{activity.itemsize}")
        self._kept, self._product = np.empty_like(self._bits), np.empty_like(current)
        self._changes: int | None = None  # those of the weights at which the product was kept; None without one

    @classmethod
    def where_it_pays(
        cls, network: Network, weights: Weights, activity: np.ndarray, current: np.ndarray
    ) -> RepeatedProduct | None:
        """Return one if presentations last several steps and nothing unknown may write weights; else None."""
        stimulus = network.stimulus
        if stimulus is None or stimulus.steps_per_presentation == 1 or runs_other_code(network.objects):
            return None
        return cls(stimulus, weights, activity, current)

    @property
    def holds(self) -> bool:
        """Whether the product is still that of this step."""
        changed = self.stimulus.first_step or self._changes != self.weights.changes
        if changed or not equal_bits(self._bits, self._kept):
            self._changes = None
        return self._changes is not None

    def keep(self, current: np.ndarray) -> None:
        """Keep the product if this is a presentation's first step."""
        if self.stimulus.first_step:
            self._kept[...], self._product[...] = self._bits, current
            self._changes = self.weights.changes

    def write(self, current: np.ndarray) -> None:
        """Write what was kept."""
        current[...] = self._product
