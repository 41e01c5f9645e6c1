"""Projections: weights, shared by all streams, from one population to another."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
from brian2 import BrianObject
from brian2.groups.group import VariableOwner
from brian2.units.fundamentalunits import Dimension
from numpy.typing import ArrayLike

from spikefa._checks import array, called, finite_array, shown, true_or_false
from spikefa.core.network import Network
from spikefa.core.part import PROJECT, Part
from spikefa.engine.weights import Weights
from spikefa.errors import ArgumentError
from spikefa.plasticity.rule import Plasticity
from spikefa.plasticity.updater import PlasticityUpdater
from spikefa.populations.arguments import population_of
from spikefa.populations.population import Population
from spikefa.projections.connectivity import Mask
from spikefa.projections.initializers import Initial
from spikefa.projections.units import without_unit


class Projection(Part, BrianObject):
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
    mask : array_like of bool (n_pre, n_post), or a function of (rng, shape), optional
        The synapses that exist; all by default. The others are 0 and stay 0. A function such as
        ``random_connectivity(0.1)`` draws them from the network's seed and the projection's name. Where few exist, only
        those take memory and time.
    plasticity : Plasticity, optional
        The rule by which the weights learn. Without it they are fixed.
    learn_bias : bool
        Whether the bias learns too, as from a unit that always spikes.

    Raises
    ------
    ArgumentError
        If shapes do not fit, values are not finite, or an array of weights is not 0 where there is no synapse;
        the message names the projection.
    """

    roles = ("projection",)
    reads_events = False

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        W: Initial,
        *,
        bias: ArrayLike | None = None,
        mask: Mask | None = None,
        plasticity: Plasticity | None = None,
        learn_bias: bool = True,
    ):
        self._join(network, pre, post)
        if mask is not None:
            mask = self._checked_mask(self._drawn("mask", mask, network.seed, f"{self.name} mask"))
        drawn = callable(W)
        W = self._weights_of(self._drawn("weights", W, network.seed, self.name))
        learn_bias = true_or_false(self.title, "learn_bias", learn_bias)
        if mask is not None:
            W = W * mask if drawn else self._checked_absent(W, mask)
        bias = np.zeros(self.post.units) if bias is None else bias
        self._bias = np.array(self._bias_of(bias), dtype=network.dtype)
        if plasticity is not None:
            if not isinstance(plasticity, Plasticity):
                raise ArgumentError(f"{self.title}: plasticity must be a Plasticity, got {shown(plasticity)}")
            plasticity.check_names(self.title, self.pre, self.post)
        self._weights = network.weight_policy.make(
            W, mask, network.dtype, network.streams, spikes=bool(self.pre.thresholder), learns=plasticity is not None
        )
        network.join(self)
        if plasticity is not None:
            self.learning = PlasticityUpdater(
                network, plasticity, self._weights, self._bias, self.pre, self.post, self.name, learn_bias
            )
            network.join(self.learning)

    def __repr__(self) -> str:
        synapses = f", {self.mask.mean():.1%} of the synapses" if self.masked else ""
        rule = "fixed" if self.learning is None else f"learns by {self.learning.plasticity.rule!r}"
        return f"<{self.title}: {self.shape[0]} x {self.shape[1]}{synapses}, {rule}>"

    def _population(self, network: Network, side: str, of: Population | str) -> Population:
        return population_of(type(self).__name__, network, side, of)

    def _join(self, network: Network, pre: Population | str, post: Population | str) -> None:
        """Take a place between two populations, after the projections that `post` has."""
        self.pre, self.post = (self._population(network, side, of) for side, of in (("pre", pre), ("post", post)))
        self.title = f"{type(self).__name__} '{self.pre.name}->{self.post.name}'"
        name = f"{self.pre.name}_to_{self.post.name}"
        network.check_new(name, self.title)
        if self.post.current_variable not in self.post.variables:
            raise ArgumentError(
                f"{self.title}: the equations of {self.post.name!r} must have the parameter "
                f"{self.post.current_variable!r}, which projections write"
            )
        self.pre.check_array(self.pre.output_variable, f"{self.title}: the output")
        self.post.check_array(self.post.current_variable, f"{self.title}: the current")
        before = sum(other.post is self.post for other in network.projections)
        # Brian2 sorts objects of equal order by name, and the first has to overwrite what the others add to.
        order = self.post.place + PROJECT + before / (1 + before)
        super().__init__(clock=network.clock, when=self.post.slot, order=order, name=name)
        self.shape = (self.pre.units, self.post.units)
        self.adds = before > 0
        self.learning: PlasticityUpdater | None = None

    def _weights_of(self, values: Any) -> np.ndarray:
        current, output = self._current_dim, self.pre.variables[self.pre.output_variable].dim
        return finite_array(
            self.title, "weights", without_unit(self.title, "weights", values, current, output), self.shape
        )

    def _bias_of(self, values: Any) -> np.ndarray:
        return finite_array(
            self.title, "bias", without_unit(self.title, "bias", values, self._current_dim), self.shape[1:]
        )

    @property
    def _current_dim(self) -> Dimension:
        return self.post.variables[self.post.current_variable].dim

    def _checked_mask(self, mask: ArrayLike) -> np.ndarray:
        mask = array(self.title, "mask", mask)
        if mask.dtype != bool:
            raise ArgumentError(f"{self.title}: mask must be bool, got {mask.dtype}")
        if mask.shape != self.shape:
            raise ArgumentError(f"{self.title}: mask must be {self.shape}, got {mask.shape}")
        return mask

    def _checked_absent(self, W: np.ndarray, mask: np.ndarray) -> np.ndarray:
        wrong = W[~mask & (W != 0)]
        if wrong.size:
            raise ArgumentError(
                f"{self.title}: weights must be 0 where the mask is False, got {wrong[0]} (and {wrong.size - 1} more)"
            )
        return W

    @property
    def weights(self) -> Weights:
        """The weights, as they lie in memory and with the kernels that compute with them."""
        return self._weights

    @property
    def W(self) -> np.ndarray:
        """The weights as an array ``(n_pre, n_post)``.

        Without a mask it shares the projection's memory. With one it is read-only, 0 where there is no synapse,
        and a copy where only the existing synapses are stored: to change weights, set the whole, as in
        ``projection.W = W``.
        """
        W = self.weights.dense()
        if self.masked:
            W = W.view()
            W.flags.writeable = False
        return W

    @W.setter
    def W(self, values: ArrayLike) -> None:
        W = self._weights_of(values)
        if self.masked:
            self._checked_absent(W, self.mask)
        self.weights.assign(W)

    @property
    def b(self) -> np.ndarray:
        """The biases, ``(n_post,)``."""
        return self._bias

    @b.setter
    def b(self, values: ArrayLike) -> None:
        self._bias[...] = self._bias_of(values)

    @property
    def bias_array(self) -> np.ndarray:
        """The biases that are added in a step, ``(n_post,)``; not a copy."""
        return self._bias

    @property
    def masked(self) -> bool:
        """Whether the projection has a mask."""
        return self.weights.masked

    @property
    def mask(self) -> np.ndarray | None:
        """The mask ``(n_pre, n_post)`` as a new array; None without one."""
        if not self.masked:
            return None
        mask = np.zeros(self.shape, bool)
        mask[self.synapses()] = True
        return mask

    def synapses(self) -> tuple[np.ndarray, np.ndarray]:
        """Presynaptic and post-synaptic unit of each synapse; if sparse, in the order of ``weights.values``."""
        return self.weights.synapses()

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views of both populations once a run."""
        super().before_run(run_namespace)
        self._activity = self.pre.view(self.pre.output_variable)
        self._current = self.post.view(self.post.current_variable)

    def reads(self) -> list[VariableOwner]:
        """Return the presynaptic population."""
        return [self.pre]

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the current of the postsynaptic population."""
        return [(self.post, self.post.current_variable)]

    def run(self) -> None:
        """Propagate this step's presynaptic output."""
        self._weights.propagate(self._activity, self._bias, self._current, self.adds)

    def finish_run(self) -> None:
        """Do the update that waits for the next step, if one does."""
        self._weights.catch_up()

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return what is saved and written back, not copies: ``W``, see `Weights.as_saved`, and ``b``."""
        return {"W": self._weights.as_saved(), "b": self._bias}

    def _drawn(self, what: str, values: Any, seed: int, name: str) -> Any:
        """Draw from a function of (rng, shape) by numbers of its own; anything else is returned as it is."""
        if not callable(values):
            return values
        return called(self.title, f"of {what}", values, np.random.default_rng([seed, crc32(name.encode())]), self.shape)
