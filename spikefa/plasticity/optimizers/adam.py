"""Adam: each synapse moves by its mean update over the root of their mean square."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikefa._checks import in_range
from spikefa.engine.kernels.dense import add_adam
from spikefa.plasticity.optimizers import Optimizer, optimizers


@optimizers.register("adam")
@dataclass(frozen=True)
class Adam(Optimizer):
    """Move each synapse by its mean update over the root of the mean square.

    ``m = beta1 m + (1 - beta1) dW; v = beta2 v + (1 - beta2) dW**2; W += lr (m / c1) / (sqrt(v / c2) + epsilon)``.

    ``c1 = 1 - beta1**t`` and ``c2 = 1 - beta2**t`` in the t-th step correct for the start from zero; they follow the
    same recursion as m and v, with 1 in the place of dW. dW is without the learning rate (Kingma & Ba 2015,
    arXiv:1412.6980). Decay of the weights counts as part of dW.

    Parameters
    ----------
    beta1, beta2 : float
        Fractions of the two means that are kept from step to step, in [0, 1).
    epsilon : float
        Above 0.

    Raises
    ------
    ArgumentError
        If a number is out of range.

    Examples
    --------
    >>> import spikefa as fa
    >>> rule = fa.Plasticity("dW = -1e-3 * delta_post * s_pre", optimizer=fa.Adam(beta1=0.9))
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    scales_move = True
    memories = ("mean", "mean_square")
    counters = ("correction1", "correction2")

    def __post_init__(self):
        in_range("Adam", "beta1", self.beta1, 0, 1, open_high=True)
        in_range("Adam", "beta2", self.beta2, 0, 1, open_high=True)
        in_range("Adam", "epsilon", self.epsilon, 0, open_low=True)

    def move(
        self,
        weights: np.ndarray,
        change: np.ndarray,
        memories: tuple[np.ndarray, ...],
        counters: np.ndarray,
        lr: float,
    ) -> None:
        """Bring both means and their corrections up to date, and move the weights."""
        counters[0] = self.beta1 * counters[0] + (1 - self.beta1)
        counters[1] = self.beta2 * counters[1] + (1 - self.beta2)
        add_adam(weights, change, *memories, self.beta1, self.beta2, *counters, self.epsilon, lr)

    def brian2_code(self, weight: str, update: str, names: dict[str, str], lr: float) -> str:
        """Return the step as statements of Brian2."""
        mean, square, c1, c2 = (names[name] for name in (*self.memories, *self.counters))
        return "\n".join(
            [
                f"moved = {update}",
                f"{mean} = {self.beta1} * {mean} + {1 - self.beta1} * moved",
                f"{square} = {self.beta2} * {square} + {1 - self.beta2} * moved**2",
                f"{c1} = {self.beta1} * {c1} + {1 - self.beta1}",
                f"{c2} = {self.beta2} * {c2} + {1 - self.beta2}",
                f"{weight} = {weight} + {lr} * ({mean} / {c1}) / (sqrt({square} / {c2}) + {self.epsilon})",
            ]
        )
