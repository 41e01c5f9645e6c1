"""RMSprop: each synapse divides its updates by the root of their mean square."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikefa._checks import in_range
from spikefa.engine.kernels.dense import add_normalised
from spikefa.plasticity.optimizers import Optimizer, optimizers


@optimizers.register("rmsprop")
@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Divide each synapse's updates by the root of their mean square.

    ``m = decay * m + (1 - decay) * dW**2; W += lr * dW / (sqrt(m) + 1e-8)``. dW is without the learning rate, which
    says how far a synapse moves: a factor of the whole rule changes nothing (Tieleman & Hinton 2012, lecture 6.5).

    Parameters
    ----------
    decay : float
        Fraction of the mean square that is kept from step to step, in [0, 1).

    Raises
    ------
    ArgumentError
        If it is out of range.

    Examples
    --------
    >>> import spikefa as fa
    >>> rule = fa.Plasticity("dW = -1e-3 * delta_post * s_pre", optimizer=fa.RMSprop(0.99))
    """

    decay: float = 0.99

    scales_move = True
    memories = ("square",)

    def __post_init__(self):
        in_range("RMSprop", "decay", self.decay, 0, 1, open_high=True)

    def move(
        self,
        weights: np.ndarray,
        change: np.ndarray,
        memories: tuple[np.ndarray, ...],
        counters: np.ndarray,
        lr: float,
    ) -> None:
        """Bring the mean squares up to date, and move the weights."""
        add_normalised(weights, change, *memories, self.decay, lr)

    def brian2_code(self, weight: str, update: str, names: dict[str, str], lr: float) -> str:
        """Return the step as statements of Brian2."""
        square = names["square"]
        mean = f"{square} = {self.decay} * {square} + {1 - self.decay} * moved**2"
        return f"moved = {update}\n{mean}\n{weight} = {weight} + {lr} * moved / (sqrt({square}) + 1e-8)"
