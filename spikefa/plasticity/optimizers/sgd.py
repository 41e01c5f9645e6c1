"""Plain descent: updates are added to the weights at once."""

from __future__ import annotations

from dataclasses import dataclass

from spikefa.plasticity.optimizers import Optimizer, optimizers


@optimizers.register("sgd")
@dataclass(frozen=True)
class SGD(Optimizer):
    """Add each update to the weights at once: ``W += lr * dW``.

    Examples
    --------
    >>> import spikefa as fa
    >>> rule = fa.Plasticity("dW = -1e-3 * delta_post * s_pre", optimizer=fa.SGD())
    """

    gathers = False

    def brian2_code(self, weight: str, update: str, names: dict[str, str], lr: float) -> str:
        """Return the step as a statement of Brian2."""
        return f"{weight} = {weight} + {update}"
