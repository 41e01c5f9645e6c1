"""Reciprocal projections: fixed weights of their own, at the synapses of another projection the other way."""

from __future__ import annotations

import numpy as np
from brian2 import Quantity

from spikefa.core.network import Network
from spikefa.engine.weights import TransposedWeights, Weights
from spikefa.errors import ArgumentError
from spikefa.populations.population import Population
from spikefa.projections.derived import DependentProjection, TiedProjection
from spikefa.projections.initializers import Initial
from spikefa.projections.projection import Projection


class ReciprocalProjection(DependentProjection):
    r"""A projection between the units that another connects, the other way, by fixed weights of its own.

    Against a `Projection` it has its synapses, all or those of its mask. Against a `convolution` it is a transposed
    convolution: its weights, too, are the same at every place. Against a `pooling` there are no weights to draw: it
    leads to the winners, or to all of a window.

    Parameters
    ----------
    network : Network
    pre, post : Population or str
    source : Projection or str
        The projection the other way, or the name of one, ``"pre_to_post"``, that is there by the first run.
    W : array_like (n_pre, n_post), or a function of (rng, shape)
        As in `Projection`; against a convolution ``(maps of pre, field, field, maps of post)``.
    delay, into, name
        As in `Projection`; the delay is one for all, or one a presynaptic unit.

    Raises
    ------
    ArgumentError
        If the source is not between these units, or has no weights of its own; the message names the projection.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> below = fa.Layer(net, "below", (2, 6, 6), **graded)
    >>> above = fa.Layer(net, "above", (3, 4, 4), **graded)
    >>> forward = fa.convolution(net, below, above, fa.uniform(0.5), field=3)
    >>> back = fa.Population(net, "back", (2, 6, 6), **graded)
    >>> projection = fa.ReciprocalProjection(net, above, back, forward, fa.uniform(0.5))
    >>> projection.W.shape
    (3, 3, 3, 2)
    """

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        source: Projection | str,
        W: Initial,
        *,
        delay: Quantity | None = None,
        into: str | None = None,
        name: str | None = None,
    ):
        self._join(network, pre, post, into, name)
        self._send(network, self._delay_in_steps(network, delay, a_synapse=False), None)
        self._home, self._given = network, W
        self.bounds, self.sign = None, None
        self._set_source(network, source)
        self._enter(network)

    def __repr__(self) -> str:
        return f"<{self.title}: {self.shape[0]} x {self.shape[1]}, fixed>"

    def _take_source(self, source: Projection) -> None:
        if isinstance(source, TiedProjection | ReciprocalProjection):
            raise ArgumentError(f"{self.title}: {source.title} follows another projection; name that one")
        if source.shape[::-1] != self.shape:
            raise ArgumentError(f"{self.title}: {source.title} must be {self.shape[::-1]}, got {source.shape}")
        self._weights = source.weights_back(self, self._home)
        self._bias = np.zeros(self.bias_shape, self._home.dtype)

    def initial_weights(self, shape: tuple[int, ...], mask: np.ndarray | None) -> np.ndarray:
        """Return the initial weights in a shape, 0 where there is no synapse."""
        self.weights_shape, self.bias_shape = shape, shape[-1:]
        return self._initial(self._given, mask, self._home.seed)

    @property
    def weights(self) -> Weights:
        """The weights; against a pooling, its way back."""
        self.source  # noqa: B018  by whose synapses they are made
        return self._weights

    @property
    def bias_array(self) -> np.ndarray:
        """The biases that are added in a step, not a copy: zeros, unless they are set."""
        self.source  # noqa: B018
        return self._bias

    @property
    def synapse_count(self) -> int:
        """How many synapses exist."""
        return self.source.synapse_count

    def before_run(self, run_namespace: dict) -> None:
        """Make the weights, if the source has come since."""
        self.source  # noqa: B018
        super().before_run(run_namespace)

    def finish_run(self) -> None:
        """Do nothing: no update waits."""

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return ``W`` and ``b``, not copies; nothing against a pooling, which has none."""
        if isinstance(self.weights, TransposedWeights):
            return {}
        return {"W": self.weights.as_saved(), "b": self._bias}
