"""Convolutions: projections between maps of units, whose weights are the same at every place."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from brian2 import Quantity
from numpy.typing import ArrayLike

from spikefa._checks import true_or_false
from spikefa.core.network import Network
from spikefa.engine.convolution import ConvolutionalWeights
from spikefa.engine.window import Window, checked_units
from spikefa.errors import ArgumentError
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.arguments import population_of
from spikefa.populations.population import Population
from spikefa.populations.senders import sender_of
from spikefa.projections.initializers import Initial
from spikefa.projections.projection import Projection


def convolution(
    network: Network,
    pre: Population | str,
    post: Population | str,
    W: Initial,
    *,
    field: int,
    maps: int | None = None,
    stride: int = 1,
    padding: int = 0,
    transposed: bool = False,
    bias: ArrayLike | None = None,
    plasticity: Plasticity | None = None,
    learn_bias: bool = True,
    bounds: tuple[float | None, float | None] | None = None,
    sign: Literal["excitatory", "inhibitory"] | None = None,
    delay: Quantity | None = None,
    into: str | None = None,
    name: str | None = None,
) -> Convolution:
    r"""Connect maps of units to maps of units by weights that are the same at every place.

    Unit (m, y, x) of `post` receives ``b[m] + sum of W[c, i, j, m] * output[c, y * stride + i - padding, x * stride + j
    - padding]`` over maps c and positions i, j; outside of a map the output is 0. It is what deep learning calls a
    convolution, without a flip. A rule is a sum of terms f(pre) * g(post): a weight learns by the sum over the synapses
    that share it, and over the streams; a decay counts once. A bias learns by the sum over its map.

    It takes neither the `mask` nor the `precision` of a `Projection`: all synapses of the window exist, and are
    multiplied in the network's float type.

    Parameters
    ----------
    network : Network
    pre, post : Population or str
        Whose units are stated as (maps, height, width), see `Population` for their order. Those of `post` are
        ``map_units(pre, field, stride=stride, padding=padding, maps=maps)``.
    W : array_like (maps of pre, field, field, maps of post), or a function of (rng, shape)
        The initial weights, as in `Projection`.
    field : int
        Side of the window.
    maps : int, optional
        Maps of `post`, as it has them.
    stride, padding : int
        As in `map_units`.
    transposed : bool
        Whether it is a transposed convolution, with the synapses of a convolution from `post` to `pre`, turned round,
        and weights of its own: unit (c, y, x) of `pre` sends to all from which unit (c, y, x) of such a convolution
        would receive. The units of `pre` are then ``map_units(post, field, ...)``.
    bias : array_like (maps of post,), optional
        One a map; zeros by default.
    plasticity, learn_bias, bounds, sign, into, name
        As in `Projection`.
    delay : Quantity, optional
        One time, or one a presynaptic unit.

    Returns
    -------
    Convolution
        A `Projection`; its `W` is ``(maps of pre, field, field, maps of post)`` and shares its memory, its `b` is
        ``(maps of post,)``.

    Raises
    ------
    ArgumentError
        If the units are no maps, do not fit the window or each other, the rule is of another form, or as in
        `Projection`.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", (1, 28, 28))
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> layer = fa.Layer(net, "h1", fa.map_units(image.grid, field=5, maps=8), **graded)
    >>> projection = fa.convolution(net, "image", "h1", fa.uniform(0.2), maps=8, field=5)
    >>> projection.W.shape, projection.b.shape
    ((1, 5, 5, 8), (8,))
    """
    owner, before, after = grids_of("convolution", network, pre, post)
    maps = after[0] if maps is None else maps
    if true_or_false(owner, "transposed", transposed):
        check_fits(owner, after, (maps, *after[1:]))
        check_fits(owner, before, checked_units(owner, after, field, stride, padding, before[0]), "pre")
    else:
        check_fits(owner, after, checked_units(owner, before, field, stride, padding, maps))
    window = Window(before, after, int(field), int(stride), int(padding), transposed)
    return Convolution(
        network,
        pre,
        post,
        W,
        window,
        bias=bias,
        plasticity=plasticity,
        learn_bias=learn_bias,
        bounds=bounds,
        sign=sign,
        delay=delay,
        into=into,
        name=name,
    )


class Convolution(Projection):
    """A projection with shared weights, see `convolution`.

    Parameters
    ----------
    network, pre, post, W
        As in `convolution`.
    window : Window
        Between the maps of `pre` and `post`.
    **options
        As in `convolution`.
    """

    _delays_synapses = False

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        W: Initial,
        window: Window,
        *,
        bias: ArrayLike | None = None,
        plasticity: Plasticity | None = None,
        learn_bias: bool = True,
        bounds: tuple[float | None, float | None] | None = None,
        sign: Literal["excitatory", "inhibitory"] | None = None,
        delay: Quantity | None = None,
        into: str | None = None,
        name: str | None = None,
    ):
        self._join(network, pre, post, into, name)
        self.window = window
        self.weights_shape, self.bias_shape = window.weights_shape, window.post[:1]
        self._make(network, W, bias, None, plasticity, learn_bias, bounds, sign, delay)

    def __repr__(self) -> str:
        rule = "fixed" if self.learning is None else self.learning.summary()
        return f"<{self.title}: {self.weights_shape} at {self.window.post[1]} x {self.window.post[2]} places, {rule}>"

    def _check_form(self, plasticity: Plasticity, steps: np.ndarray | None) -> None:
        self._refuse_form(plasticity, "where places share weights")

    def stored(self, network: Network, W: np.ndarray, mask: None, learns: bool, rows: None) -> ConvolutionalWeights:
        """Return initial weights as they lie in memory."""
        return ConvolutionalWeights(W, self.window, network.dtype)

    def weights_back(self, back: Projection, network: Network) -> ConvolutionalWeights:
        """Return weights of a projection the other way, shared by the same synapses."""
        check_grids(back.title, self.window, back.pre, back.post, transpose=True)
        window = self.window.reversed
        return ConvolutionalWeights(back.initial_weights(window.weights_shape, None), window, network.dtype)

    def check_tied(self, title: str, pre: Any, post: Any, transpose: bool) -> None:
        """Refuse populations of other maps for a projection with these weights, see `check_grids`."""
        check_grids(title, self.window, pre, post, transpose)

    @property
    def synapse_count(self) -> int:
        """How many synapses share the weights."""
        return self.window.synapse_count


def check_grids(title: str, window: Window, pre: Any, post: Any, transpose: bool) -> None:
    """Refuse populations of other maps than a window's for a projection that follows another.

    Raises
    ------
    ArgumentError
        If so; the message begins with `title`.
    """
    needed = (window.post, window.pre) if transpose else (window.pre, window.post)
    for population, grid in zip((pre, post), needed, strict=True):
        if getattr(population, "grid", None) != grid:
            raise ArgumentError(
                f"{title}: {population.name!r} must have units {grid}, got {population.grid or population.units}"
            )


def grids_of(
    kind: str, network: Network, pre: Population | str, post: Population | str
) -> tuple[str, tuple[int, int, int], tuple[int, int, int]]:
    """Return how messages name a new projection of a kind, and maps, height and width of both populations.

    Raises
    ------
    ArgumentError
        If they are no populations of the network, or their units are no maps.
    """
    post = population_of(kind, network, "post", post)
    pre = sender_of(kind, network, "pre", pre)
    owner = f"{kind} '{pre.name}->{post.name}'"
    return owner, _grid(owner, pre), _grid(owner, post)


def check_fits(
    owner: str, grid: tuple[int, int, int], needed: tuple[int, int, int], side: Literal["pre", "post"] = "post"
) -> None:
    """Refuse a population's maps, height and width that are not those that a window makes.

    Raises
    ------
    ArgumentError
        If so.
    """
    if grid != needed:
        raise ArgumentError(f"{owner}: {side} must have units {needed}, got {grid}")


def _grid(owner: str, population: Any) -> tuple[int, int, int]:
    grid = getattr(population, "grid", None)
    if grid is None:
        raise ArgumentError(
            f"{owner}: {population.name!r} must state its units as (maps, height, width), got {population.units}"
        )
    return grid
