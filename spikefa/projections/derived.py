"""Projections whose weights follow another's: the same weights, a function of them, or a new order in every step."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
from brian2 import Quantity
from numpy.typing import ArrayLike

from spikefa._checks import called, positive_int, shown, true_or_false
from spikefa.core.network import Network
from spikefa.engine.weights import TransposedWeights, Weights
from spikefa.errors import ArgumentError
from spikefa.populations.population import Population
from spikefa.projections.connectivity import Mask
from spikefa.projections.initializers import Initial
from spikefa.projections.projection import Projection


class DependentProjection(Projection):
    """A projection with a source, which may be named before it exists: rules need the feedback first."""

    _may_repeat = False  # the source changes what they compute

    def _set_source(self, network: Network, source: Projection | str) -> None:
        if isinstance(source, Projection):
            if source not in network.projections:
                raise ArgumentError(f"{self.title}: the source, {source.title}, is of another network")
            source = source.name
        elif not isinstance(source, str):
            raise ArgumentError(f"{self.title}: source must be a projection or the name of one, got {shown(source)}")
        self._source: Projection | None = None
        self._source_name, self._others = source, network.projections
        if any(other.name == source for other in network.projections):
            self.source  # noqa: B018  what does not fit is refused here, where it can be

    @property
    def source(self) -> Projection:
        """The projection whose weights this one follows."""
        if self._source is None:
            names = [other.name for other in self._others]
            if self._source_name not in names:
                raise ArgumentError(
                    f"{self.title}: there is no projection {shown(self._source_name)}; there are {names}"
                )
            source = self._others[names.index(self._source_name)]
            self._take_source(source)
            self._source = source
        return self._source

    def _take_source(self, source: Projection) -> None:
        """Check the source."""


class TiedProjection(DependentProjection):
    r"""A projection with the weights of another, or their transpose, and none of its own.

    Nothing is copied: what the source learns, this one has in the same moment.

    Parameters
    ----------
    network : Network
    pre, post : Population or str
    source : Projection or str
        The projection whose weights it uses, or the name of one, ``"pre_to_post"``, that is there by the first run.
    transpose : bool
        Whether it uses the transpose of the source's weights.
    bias : bool
        Whether it adds the source's bias too.
    delay, into, name
        As in `Projection`; the delay is one for all, or one a presynaptic unit.

    Raises
    ------
    ArgumentError
        If the source has another shape or weights that are not its own, or a transpose is to have a bias; the
        message names the projection.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> forward = fa.Projection(net, image, output, fa.uniform(0.5))
    >>> back = fa.Population(net, "back", 4, "I : 1\ny : 1", emit="y = I", output="y", threshold=None)
    >>> tied = fa.TiedProjection(net, output, back, forward, transpose=True)
    >>> tied.W.shape
    (2, 4)
    """

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        source: Projection | str,
        *,
        transpose: bool = False,
        bias: bool = False,
        delay: Quantity | None = None,
        into: str | None = None,
        name: str | None = None,
    ):
        self._join(network, pre, post, into, name)
        self._send(network, self._delay_in_steps(network, delay, a_synapse=False), None)
        transpose = true_or_false(self.title, "transpose", transpose)
        bias = true_or_false(self.title, "bias", bias)
        if transpose and bias:
            raise ArgumentError(f"{self.title}: a transpose has no bias, since the source's belongs to the other side")
        self.transpose, self.bias = transpose, bias
        self.bounds, self.sign = None, None
        self._zeros = np.zeros(self.post.units, network.dtype)
        self._set_source(network, source)
        self._enter(network)

    def _take_source(self, source: Projection) -> None:
        if isinstance(source, TiedProjection):
            raise ArgumentError(f"{self.title}: {source.title} has no weights of its own to share")
        if np.ndim(source.delay_steps) == 2:
            raise ArgumentError(
                f"{self.title}: the weights of {source.title} have a delay a synapse and cannot be another's"
            )
        if source.precision is not None:
            raise ArgumentError(
                f"{self.title}: the weights of {source.title} have the precision {source.precision!r} and cannot be "
                "another's"
            )
        shape = source.shape[::-1] if self.transpose else source.shape
        if shape != self.shape:
            what = "the transposed weights" if self.transpose else "the weights"
            raise ArgumentError(f"{self.title}: {what} of {source.title} must be {self.shape}, got {shape}")
        if source.weights.shared:
            source.check_tied(self.title, self.pre, self.post, self.transpose)
        self._weights = TransposedWeights(source.weights) if self.transpose else source.tied_weights()

    @property
    def weights(self) -> Weights:
        """The source's weights, or their transpose."""
        self.source  # noqa: B018  which fetches them
        return self._weights

    @property
    def W(self) -> np.ndarray:
        """The source's weights as an array ``(n_pre, n_post)``, read-only; a copy if the source is sparse."""
        W = self.weights.as_stated().view()
        W.flags.writeable = False
        return W

    @W.setter
    def W(self, values: ArrayLike) -> None:
        raise AttributeError(f"{self.title}: has the weights of {self.source.title}; set those")

    @property
    def b(self) -> np.ndarray:
        """The biases ``(n_post,)``, read-only: the source's, or zeros."""
        b = (self.source.b if self.bias else self._zeros).view()
        b.flags.writeable = False
        return b

    @property
    def bias_array(self) -> np.ndarray:
        """The biases that are added in a step, ``(n_post,)``: the source's, or zeros; not a copy."""
        return self.source.b if self.bias else self._zeros

    @b.setter
    def b(self, values: ArrayLike) -> None:
        raise AttributeError(f"{self.title}: has no bias of its own; set that of {self.source.title}")

    def run(self) -> None:
        """Propagate this step's presynaptic output through the source's weights."""
        weights = self.weights
        weights.catch_up()
        self._propagate(weights, self.bias_array)

    def finish_run(self) -> None:
        """Do nothing: the weights are the source's."""

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Nothing: the weights are the source's to save."""
        return {}


class DerivedProjection(DependentProjection):
    r"""A projection with weights computed from another's: ``W = function(source.W)``, such as a pseudoinverse.

    Parameters
    ----------
    network : Network
    pre, post : Population or str
    source : Projection or str
        The projection it follows, or the name of one that is there by the first run.
    function : callable
        Makes an array ``(n_pre, n_post)`` of the source's weights.
    every : int
        It computes in the steps 0, `every`, 2 `every` ... before it propagates; not in a sandbox.
    delay, into, name
        As in `Projection`.

    Raises
    ------
    ArgumentError
        If `function` or `every` is none, or what the function returns has another shape or is not finite; the
        message names the projection.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> import numpy as np
    >>> forward = fa.Projection(net, image, output, fa.uniform(0.5))
    >>> back = fa.Population(net, "back", 4, "I : 1\ny : 1", emit="y = I", output="y", threshold=None)
    >>> signs = fa.DerivedProjection(net, output, back, forward, lambda W: np.sign(W.T), every=10)
    >>> net.run_steps(1)
    >>> bool((signs.W == np.sign(forward.W.T)).all())
    True
    """

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        source: Projection | str,
        function: Callable[[np.ndarray], np.ndarray],
        *,
        every: int = 1,
        delay: Quantity | None = None,
        into: str | None = None,
        name: str | None = None,
    ):
        super().__init__(network, pre, post, lambda rng, shape: np.zeros(shape), delay=delay, into=into, name=name)
        if not callable(function):
            raise ArgumentError(f"{self.title}: function must be a function of weights, got {shown(function)}")
        self.function, self.every = function, positive_int(self.title, "every", every, "steps")
        self._key = network.key
        self._set_source(network, source)

    def _take_source(self, source: Projection) -> None:
        if source.weights.shared:
            raise ArgumentError(
                f"{self.title}: {source.title} must have weights of each synapse, got weights that places share"
            )
        self.W = called(self.title, "function", self.function, source.W)

    def run(self) -> None:
        """Compute the weights where the step asks for it, and propagate."""
        learning = self._key[0] < 2**32  # a sandbox counts steps of its own and leaves no trace
        if learning and _step(self) % self.every == 0:
            self.post.network.catch_up()  # the function may look at other weights, too
            self.W = called(self.title, "function", self.function, self.source.W)
        super().run()


class ShuffledProjection(Projection):
    r"""A projection with fixed weights whose columns are in a new random order in every step.

    The order follows from the network's seed, the projection's name and the step.

    Parameters
    ----------
    network, pre, post, W, mask, delay, into, name
        As in `Projection`; the delay is one for all, or one a presynaptic unit.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> projection = fa.ShuffledProjection(net, image, output, fa.uniform(0.5))
    """

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        W: Initial,
        *,
        mask: Mask | None = None,
        delay: Quantity | None = None,
        into: str | None = None,
        name: str | None = None,
    ):
        super().__init__(network, pre, post, W, mask=mask, delay=delay, into=into, name=name)
        self._key, self._number = network.key, crc32(self.name.encode())
        self._product = np.zeros((self.post.units, network.streams), network.dtype)
        self._shuffled = np.zeros_like(self._product)

    _delays_synapses = False
    _may_repeat = False

    def permutation(self, step: int) -> np.ndarray:
        """Column of W that each post-synaptic unit has in a step, ``(n_post,)``."""
        return np.random.default_rng([int(self._key[0]), self._number, int(step)]).permutation(self.post.units)

    def run(self) -> None:
        """Propagate, and share the sums out anew: the same as new columns, and next to nothing to do."""
        self.weights.propagate(self._activity, self.bias_array, self._product, False)
        np.take(self._product, self.permutation(_step(self)), axis=0, out=self._shuffled, mode="clip")
        self._deliver(self._shuffled)


def _step(projection: Projection) -> int:
    return int(projection.clock.variables["timestep"].get_value()[0])
