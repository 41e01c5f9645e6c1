"""Projections: dense weights, shared by all streams, from one population to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from brian2 import BrianObject
from numpy.typing import ArrayLike

from .engine.blas import blocks_of, gemm_address
from .engine.kernels import propagate_batched, propagate_events

if TYPE_CHECKING:
    from .layers import Population
    from .network import Network
    from .plasticity import Learning, Plasticity

#: Up to this many streams the event-driven kernels are used (see `spikefa bench`: the measured crossover).
EVENT_STREAMS = 2

Initial = ArrayLike | Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def uniform(limit: float) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    """Weights drawn uniformly from ``[-limit, limit]``."""
    return lambda rng, shape: rng.uniform(-limit, limit, shape)


class Projection(BrianObject):
    """Weights from population `pre` to population `post`, and a bias for each post-synaptic unit.

    In every step, ``post.current = pre.output @ W + b`` for each stream; a second projection to the same
    population adds to the first.

    Parameters
    ----------
    network : Network
    pre, post : Population or str
    W : array_like (n_pre, n_post), or a function of (rng, shape)
        The initial weights; a function such as ``uniform(0.05)`` draws them from the network's seed and the
        projection's name.
    bias : array_like (n_post,), optional
        Zeros by default.
    plasticity : Plasticity, optional
        The rule by which the weights learn. Without it they are fixed.
    learn_bias : bool
        Whether the bias learns too, as from a unit that always spikes.

    Raises
    ------
    ValueError
        If shapes do not fit or values are not finite; the message names the projection.
    """

    add_to_magic_network = False

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        W: Initial,
        *,
        bias: ArrayLike | None = None,
        plasticity: Plasticity | None = None,
        learn_bias: bool = True,
    ):
        self.pre = network[pre] if isinstance(pre, str) else pre
        self.post = network[post] if isinstance(post, str) else post
        self.title = f"Projection '{self.pre.name}->{self.post.name}'"
        name = f"{self.pre.name}_to_{self.post.name}"
        network.check_new(name, self.title)
        super().__init__(clock=network.clock, when=self.post.slot, order=self.post.place, name=name)
        if self.post.current_variable not in self.post.variables:
            raise ValueError(
                f"{self.title}: the equations of {self.post.name!r} must have the parameter "
                f"{self.post.current_variable!r}, which projections write"
            )
        self.shape = (self.pre.units, self.post.units)
        self.event_driven = network.streams <= EVENT_STREAMS
        if callable(W):
            W = W(np.random.default_rng([network.seed, crc32(name.encode())]), self.shape)
        W = self._checked("weights", W, self.shape)
        self._weights = np.array(W if self.event_driven else W.T, dtype=network.dtype, order="C")
        b = self._checked("bias", np.zeros(self.post.units) if bias is None else bias, self.shape[1:])
        self._bias = np.array(b, dtype=network.dtype)
        self._gemm = gemm_address(str(network.dtype))
        self._blocks = blocks_of(self.post.units)
        self._add = any(other.post is self.post for other in network.projections)
        self.learning: Learning | None = None
        network.add_projection(self)
        if plasticity is not None:
            self.learning = plasticity.attach(network, self, learn_bias)

    def _checked(self, what: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
        values = np.asarray(values)
        if values.shape != shape:
            raise ValueError(f"{self.title}: {what} must be {shape}, got {values.shape}")
        if values.dtype.kind not in "fiu":
            raise ValueError(f"{self.title}: {what} must be numbers, got {values.dtype}")
        if not np.isfinite(values).all():
            raise ValueError(f"{self.title}: {what} must be finite, got {np.sum(~np.isfinite(values))} that are not")
        return values

    @property
    def W(self) -> np.ndarray:
        """The weights as an array ``(n_pre, n_post)`` that shares the projection's memory."""
        return self._weights if self.event_driven else self._weights.T

    @W.setter
    def W(self, values: ArrayLike) -> None:
        self.W[...] = self._checked("weights", values, self.shape)

    @property
    def b(self) -> np.ndarray:
        """The biases, ``(n_post,)``."""
        return self._bias

    @b.setter
    def b(self, values: ArrayLike) -> None:
        self._bias[...] = self._checked("bias", values, self.shape[1:])

    @property
    def stored(self) -> np.ndarray:
        """The weights as they lie in memory: pre-major if event-driven, else post-major."""
        return self._weights

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views of both populations once a run."""
        super().before_run(run_namespace)
        self._activity = self.pre.view(self.pre.output_variable)
        self._current = self.post.view(self.post.current_variable)

    def run(self) -> None:
        """Propagate this step's presynaptic output."""
        if self.event_driven:
            propagate_events(self._weights, self._activity, self._bias, self._current, self._add)
        else:
            propagate_batched(
                self._gemm, self._weights, self._activity, self._bias, self._current, self._add, self._blocks
            )

    def _full_state(self) -> dict:
        return {"W": self.W.copy(), "b": self._bias.copy()}

    def _restore_from_full_state(self, state: dict) -> None:
        self.W, self.b = state["W"], state["b"]
