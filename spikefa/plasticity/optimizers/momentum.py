"""Momentum: weights move by a velocity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikefa._checks import in_range
from spikefa.engine.kernels.dense import add_in_place
from spikefa.plasticity.optimizers import Optimizer, optimizers


@optimizers.register("momentum")
@dataclass(frozen=True)
class Momentum(Optimizer):
    """Move weights by a velocity that carries a part of itself on from step to step.

    ``v = momentum * v + lr * dW; W += v`` (Polyak 1964, doi:10.1016/0041-5553(64)90137-5).

    Parameters
    ----------
    momentum : float
        In [0, 1).

    Raises
    ------
    ArgumentError
        If the momentum is out of range.

    Examples
    --------
    >>> import spikefa as fa
    >>> rule = fa.Plasticity("dW = -1e-3 * delta_post * s_pre", optimizer=fa.Momentum(0.9))
    """

    momentum: float = 0.9

    def __post_init__(self):
        in_range("Momentum", "momentum", self.momentum, 0, 1, open_high=True)

    @property
    def carried(self) -> float:
        """The momentum: the gathered change is the velocity."""
        return self.momentum

    def move(
        self,
        weights: np.ndarray,
        change: np.ndarray,
        memories: tuple[np.ndarray, ...],
        counters: np.ndarray,
        lr: float,
    ) -> None:
        """``W += v``."""
        add_in_place(weights, change)

    def brian2_code(self, weight: str, update: str, names: dict[str, str], lr: float) -> str:
        """Return the step as statements of Brian2."""
        velocity = names["change"]
        return f"{velocity} = {self.momentum} * {velocity} + {update}\n{weight} = {weight} + {velocity}"
