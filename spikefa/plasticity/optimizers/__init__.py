"""Optimizers: how weights move by the updates that rules make. One short file each.

A rule's update of a step, dW, is summed over the streams. An optimizer adds it to the weights at once (`SGD`), or
gathers it in an array of its own and moves the weights by that.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from spikefa._registry import Registry


class Optimizer:
    """How weights move by updates. Subclasses are frozen dataclasses with numbers as fields.

    The change that is gathered is ``change = carried * change + dW - decay * W``. With `scales_move`, dW is without the
    learning rate, and `move` gets it; otherwise dW has it, and `move` gets 1.

    Examples
    --------
    >>> import spikefa as fa
    >>> isinstance(fa.Adam(), fa.Optimizer)
    True
    """

    #: Whether updates are gathered; if not, they are added to the weights at once, and nothing else is asked for.
    gathers: ClassVar[bool] = True
    #: Whether the learning rate is a factor of the move, not of the rule's terms.
    scales_move: ClassVar[bool] = False
    #: Names of the arrays, each as large as the weights, that it remembers from step to step; zero at first.
    memories: ClassVar[tuple[str, ...]] = ()
    #: Names of numbers that it remembers from step to step; zero at first.
    counters: ClassVar[tuple[str, ...]] = ()

    @property
    def carried(self) -> float:
        """Fraction of the gathered change that is kept to the next step."""
        return 0.0

    def move(
        self,
        weights: np.ndarray,
        change: np.ndarray,
        memories: tuple[np.ndarray, ...],
        counters: np.ndarray,
        lr: float,
    ) -> None:
        """Move the weights by the change that was gathered, in place.

        Parameters
        ----------
        weights, change : ndarray (n, m)
            As they lie in memory; the biases are ``(1, n_post)``.
        memories : tuple of ndarray (n, m)
            One for each name in `memories`, brought up to date here.
        counters : ndarray of float64 (number of `counters`,)
            Brought up to date here, once for the weights and once, in an array of their own, for the biases.
        lr : float
        """
        raise NotImplementedError

    def brian2_code(self, weight: str, update: str, names: dict[str, str], lr: float) -> str:
        """Return the same as statements of Brian2, which the reference runs.

        Parameters
        ----------
        weight : str
            Name of the weight.
        update : str
            Expression of the update dW, with the learning rate unless `scales_move`.
        names : dict
            What `memories`, `counters` and, where `carried` is not 0, ``change`` are called there.
        lr : float
        """
        raise NotImplementedError


#: Optimizer classes by name.
optimizers: Registry[type[Optimizer]] = Registry(
    "optimizer", "spikefa.plasticity.optimizers", group="spikefa.optimizers"
)
