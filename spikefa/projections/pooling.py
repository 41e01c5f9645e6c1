"""Pooling: projections that bring the largest or the mean output of a window, map by map."""

from __future__ import annotations

from typing import Any, Literal, NoReturn

import numpy as np
from brian2 import Quantity
from brian2.groups.group import VariableOwner

from spikefa._checks import one_of
from spikefa.core.network import Network
from spikefa.engine.pooling import MaxPooling, MeanPooling, PoolingWeights
from spikefa.engine.weights import TransposedWeights
from spikefa.engine.window import Window, checked_units
from spikefa.populations.population import Population
from spikefa.projections.convolution import check_fits, check_grids, grids_of
from spikefa.projections.projection import Projection

#: Kind of pooling -> its weights.
KINDS = {"max": MaxPooling, "mean": MeanPooling}


def pooling(
    network: Network,
    pre: Population | str,
    post: Population | str,
    kind: Literal["max", "mean"] = "max",
    *,
    field: int,
    stride: int | None = None,
    delay: Quantity | None = None,
    into: str | None = None,
    name: str | None = None,
) -> Pooling:
    r"""Bring to each unit the largest or the mean output of a window of the same map; nothing is learned.

    Its transpose (`TiedProjection`, as in `backprop`) leads back to the winner of each window, the first of equal ones;
    or, of means, to all of it. Winners are the variable ``winner_NAME`` of `post`, the place ``y * field + x`` in the
    window.

    Parameters
    ----------
    network : Network
    pre, post : Population or str
        Whose units are stated as (maps, height, width); those of `post` are ``map_units(pre, field, stride=stride)``.
    kind : {"max", "mean"}
    field : int
        Side of the window.
    stride : int, optional
        Distance of neighbouring windows; the field by default. Those that would stick out are left out.
    delay : Quantity, optional
        One time, or one a presynaptic unit.
    into, name
        As in `Projection`.

    Returns
    -------
    Pooling
        A `Projection` without weights.

    Raises
    ------
    ArgumentError
        If the units are no maps, or do not fit the window or each other, or as in `Projection`.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", (3, 8, 8))
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> layer = fa.Layer(net, "p1", fa.map_units(image.grid, field=2, stride=2), **graded)
    >>> projection = fa.pooling(net, "image", "p1", "max", field=2)
    >>> layer.grid
    (3, 4, 4)
    """
    one_of("pooling", "kind", kind, KINDS)
    owner, before, after = grids_of("pooling", network, pre, post)
    stride = field if stride is None else stride
    check_fits(owner, after, checked_units(owner, before, field, stride, 0, None))
    window = Window(before, after, int(field), int(stride))
    return Pooling(network, pre, post, kind, window, delay=delay, into=into, name=name)


class Pooling(Projection):
    """A projection without weights, see `pooling`.

    Parameters
    ----------
    network, pre, post, kind
        As in `pooling`.
    window : Window
        Between the maps of `pre` and `post`.
    delay, into, name
        As in `pooling`.
    """

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        kind: Literal["max", "mean"],
        window: Window,
        *,
        delay: Quantity | None = None,
        into: str | None = None,
        name: str | None = None,
    ):
        self._join(network, pre, post, into, name)
        self._send(network, self._delay_in_steps(network, delay, a_synapse=False), None)
        self.window, self.kind, self.bounds, self.sign = window, kind, None, None
        self._bias = np.zeros(window.post[0], network.dtype)
        self._winner = f"winner_{self.name}"
        self._weights = KINDS[kind](window, self.post.add_array(self._winner))
        self._enter(network)

    def __repr__(self) -> str:
        return f"<{self.title}: {self.kind} of {self.window.field} x {self.window.field} places>"

    @property
    def W(self) -> NoReturn:
        """Refused."""
        raise AttributeError(f"{self.title}: has no weights")

    @property
    def b(self) -> np.ndarray:
        """Zeros ``(maps,)``, read-only."""
        b = self._bias.view()
        b.flags.writeable = False
        return b

    @property
    def masked(self) -> bool:
        """Whether the projection has a mask."""
        return False

    def weights_back(self, back: Projection, network: Network) -> TransposedWeights:
        """Return the way back to the winners, or to all of a window."""
        check_grids(back.title, self.window, back.pre, back.post, transpose=True)
        return TransposedWeights(self._weights)

    def tied_weights(self) -> PoolingWeights:
        """Return pooling over the same windows; its winners are its own, and kept nowhere."""
        return KINDS[self.kind](self.window, np.zeros_like(self.post.view(self._winner)))

    def check_tied(self, title: str, pre: Any, post: Any, transpose: bool) -> None:
        """Refuse populations of other maps for a projection with the same windows, or back, see `check_grids`."""
        check_grids(title, self.window, pre, post, transpose)

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the port and the winners."""
        return [*super().writes(), (self.post, self._winner)]

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Nothing: winners are the population's."""
        return {}
