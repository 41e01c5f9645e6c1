"""Projections that learn by least squares: the weights that would have predicted best what another population sent."""

from __future__ import annotations

import numpy as np
from brian2 import BrianObject
from brian2.groups.group import VariableOwner

from spikefa._checks import in_range
from spikefa.core.network import Network
from spikefa.core.part import APPLY_RULES, Part
from spikefa.errors import ArgumentError
from spikefa.populations.arguments import population_of
from spikefa.populations.population import Population
from spikefa.projections.initializers import Initial
from spikefa.projections.projection import Projection


class LeastSquaresProjection(Projection):
    r"""A projection whose weights are the ridge regression of what a target population sends on what `pre` sends.

    At the end of each step ``W = (gamma I + sum x^T x)^-1 sum x^T y``, of the outputs x ``(streams, n_pre)`` and y
    ``(streams, n_post)`` of all steps so far (Lansdell, Prakash & Kording 2020, arXiv 1906.00889, eqs 4, 5 and 18).
    Where the rows x do not span all directions the weights are 0 along the others, whatever is true of them.

    Parameters
    ----------
    network : Network
    pre, post : Population or str
    W : array_like (n_pre, n_post), or a function of (rng, shape)
        The weights until the first step has ended.
    target : Population or str
        Its output is what the projection is to predict; as many units as `post`.
    gamma : float
        The ridge, above 0. It counts as much as so many samples of 1 in each direction.
    into, name
        As in `Projection`. It has no bias, no mask and no delay.

    Raises
    ------
    ArgumentError
        If `gamma` is not above 0, the target has other units, or as `Projection`.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = 2 * I + 1", "output": "y", "threshold": None}
    >>> a, b, target = (fa.Population(net, name, 1, **graded) for name in ("a", "b", "target"))
    >>> projection = fa.LeastSquaresProjection(net, a, b, [[0.0]], target=target, gamma=1.0)
    >>> net.run_steps(1)  # a and target send 1
    >>> projection.W.tolist()
    [[0.5]]
    """

    def __init__(
        self,
        network: Network,
        pre: Population | str,
        post: Population | str,
        W: Initial,
        *,
        target: Population | str,
        gamma: float = 0.1,
        into: str | None = None,
        name: str | None = None,
    ):
        kind = type(self).__name__
        target = population_of(kind, network, "target", target)
        in_range(kind, "gamma", gamma, 0, open_low=True)
        post = population_of(kind, network, "post", post)
        if target.units != post.units:
            raise ArgumentError(
                f"{kind}: target must have the {post.units} units of {post.name!r}, got {target.units} of "
                f"{target.name!r}"
            )
        super().__init__(network, pre, post, W, into=into, name=name)
        self.regression = RidgeRegression(network, self, target, gamma)
        network.join(self.regression)

    @property
    def learns_by(self) -> str:
        """What the weights learn by, as a text."""
        return f"least squares for {self.regression.target.name!r}"


class RidgeRegression(Part, BrianObject):
    """Sum what a `LeastSquaresProjection` learns from, and solve for its weights, in the slot ``plasticity``.

    Parameters
    ----------
    network : Network
    projection : LeastSquaresProjection
    target : Population
    gamma : float

    Attributes
    ----------
    gram : ndarray (n_pre, n_pre)
        ``gamma I + sum x^T x``, float64 whatever the network's type: it grows with every step.
    moments : ndarray (n_pre, n_post)
        ``sum x^T y``.
    """

    roles = ("learning",)
    reads_events = False

    def __init__(self, network: Network, projection: LeastSquaresProjection, target: Population, gamma: float):
        order = APPLY_RULES + 2 * len(network.projections)
        super().__init__(clock=network.clock, when="plasticity", order=order, name=f"{projection.name}_regression")
        self.network, self.projection, self.target, self.gamma = network, projection, target, gamma
        self.gram, self.moments = gamma * np.eye(projection.shape[0]), np.zeros(projection.shape)

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views of both populations once a run."""
        super().before_run(run_namespace)
        pre = self.projection.pre
        self._x, self._y = pre.view(pre.output_variable), self.target.view(self.target.output_variable)

    def reads(self) -> list[VariableOwner]:
        """Return the two populations."""
        return [self.projection.pre, self.target]

    def run(self) -> None:
        """Add the step's outputs, and solve."""
        stimulus = self.network.stimulus
        if stimulus is not None and stimulus.learning_pauses:
            return
        x, y = self._x.astype(np.float64), self._y.astype(np.float64)
        self.gram += x @ x.T
        self.moments += x @ y.T
        try:
            self.projection.W = np.linalg.solve(self.gram, self.moments)
        except np.linalg.LinAlgError as error:
            raise ArgumentError(
                f"{self.projection.title}: gamma must be larger for outputs as large as those of "
                f"{self.projection.pre.name!r}, whose products are singular with {self.gamma}"
            ) from error

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return the sums, not copies."""
        return {"gram": self.gram, "moments": self.moments}
