"""Projections: weights, shared by all streams, from one population to another."""

from __future__ import annotations

import math
from typing import Any, Literal, NoReturn
from zlib import crc32

import numpy as np
from brian2 import BrianObject, Quantity
from brian2.groups.group import VariableOwner
from brian2.units.fundamentalunits import Dimension
from numpy.typing import ArrayLike

from spikefa._checks import Range, array, called, finite_array, identifier, refuse, shown, true_or_false
from spikefa.core.network import Network
from spikefa.core.part import ACCUMULATE, MARK, PROJECT, Part
from spikefa.core.statements import overwritten
from spikefa.engine.memory import require_memory
from spikefa.engine.packed import PackedWeights, rounded
from spikefa.engine.weights import Weights
from spikefa.errors import ArgumentError
from spikefa.plasticity.rule import Plasticity
from spikefa.plasticity.updater import PlasticityUpdater
from spikefa.populations.arguments import population_of
from spikefa.populations.delay_line import Delay, DelayLine
from spikefa.populations.population import Population
from spikefa.populations.senders import sender_of
from spikefa.projections.bounds import bounds_of
from spikefa.projections.connectivity import Mask
from spikefa.projections.delay import in_steps, rows_of_synapses
from spikefa.projections.initializers import Initial
from spikefa.projections.port import Port
from spikefa.projections.precision import Precision, check_range, checked_precision, rounding_of
from spikefa.projections.repeated import RepeatedProduct
from spikefa.projections.units import without_unit


class Projection(Part, BrianObject):
    r"""Weights from population `pre` to population `post`, and a bias for each post-synaptic unit.

    In every step, ``post.current = pre.output @ W + b`` for each stream. The variable that it writes, `into`, is its
    port. A port that is a plain parameter is what arrives in the step: the first projection into it overwrites it, the
    others add. A port with a differential equation, such as ``dge/dt = -ge / tau_e : 1``, is added to: after the
    threshold and before the reset, where Brian2's ``Synapses(on_pre="ge_post += w")`` adds.

    With a delay, what is sent in a step arrives so many steps later, 0 being the same step; without one it arrives as
    soon as the schedule allows: in the same step, or in the next if `pre` emits after `post` has received. Rules have
    the presynaptic variables of the step in which what arrives was sent.

    A projection that is not ``active`` when a run begins brings no current; its rule learns all the same, unless
    ``projection.learning.active`` is False, too.

    Parameters
    ----------
    network : Network
    pre : Population, str or group of Brian2
        Some neurons of a population, ``layer[3 * streams : 9 * streams]``, are those units. A group of Brian2, or a
        part of one, sends its spikes, see `Source`.
    post : Population or str
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
    bounds : (float, Quantity or None, float, Quantity or None), optional
        The least and the largest weight; None is no limit. Weights are kept within after the updates of all streams are
        summed, whatever rule and optimizer make them. Biases have no bounds.
    sign : {"excitatory", "inhibitory"}, optional
        Dale's law: no weight is below, or above, 0; as the bounds ``(0, None)`` or ``(None, 0)``, within any that are
        given.
    delay : Quantity, optional
        A time for all; or an array of times ``(n_pre,)``, one a presynaptic unit, or ``(n_pre, n_post)``, one a
        synapse. It is rounded to whole steps as Brian2 rounds delays, halves up. Where each synapse has a delay of its
        own, only a rule that is a sum of products can learn, and ``W`` is a copy.
    precision : {"float32", "bfloat16", "int8"}, optional
        Number format in which fixed weights, and what they multiply, are multiplied; the network's float type by
        default. Weights are rounded to it, see `PackedWeights`, and `repr` says by how much; to change them, set the
        whole, as in ``projection.W = W``.
    into : str, optional
        The port: a variable of `post`, of the network's float type; its `current` by default. Weights are numbers in
        its base unit.
    name : str, optional
        ``pre_to_post`` by default, or ``pre_to_post_into`` with a port that is not the default; it numbers the random
        draws.

    Raises
    ------
    ArgumentError
        If shapes do not fit, values are not finite in the number format that holds them, there is no such port, an
        array of weights is not 0 where there is no synapse or in its bounds, or a delay is negative, or under one step
        where one must pass; the message names the projection. So it does if a `precision` meets weights that learn, a
        mask, or a delay a synapse.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> rule = fa.Plasticity("dW = 0.01 * y_post * s_pre")
    >>> projection = fa.Projection(net, image, output, fa.uniform(0.5), plasticity=rule, bounds=(-1, 1))
    >>> projection.name, projection.W.shape
    ('image_to_output', (4, 2))
    """

    roles = ("projection",)
    reads_events = False
    #: Whether each synapse may have a delay of its own.
    _delays_synapses = True
    #: Whether a step's product is the last one's while input and weights are.
    _may_repeat = True
    _precision: Precision | None = None

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
        bounds: tuple[float | Quantity | None, float | Quantity | None] | None = None,
        sign: Literal["excitatory", "inhibitory"] | None = None,
        delay: Quantity | None = None,
        precision: Precision | None = None,
        into: str | None = None,
        name: str | None = None,
    ):
        self._join(network, pre, post, into, name)
        arguments = self.shape[0], precision, network.dtype, mask, plasticity, delay
        self._precision = checked_precision(self.title, *arguments)
        self._make(network, W, bias, mask, plasticity, learn_bias, bounds, sign, delay)

    def _make(
        self,
        network: Network,
        W: Initial,
        bias: ArrayLike | None,
        mask: Mask | None,
        plasticity: Plasticity | None,
        learn_bias: bool,
        bounds: tuple[float | Quantity | None, float | Quantity | None] | None,
        sign: Literal["excitatory", "inhibitory"] | None,
        delay: Quantity | None,
    ) -> None:
        """Make weights and biases in the shapes `weights_shape` and `bias_shape`, and what learns them."""
        require_memory(self.title, f"weights {self.weights_shape}", math.prod(self.weights_shape) * 8)
        steps = self._delay_in_steps(network, delay, a_synapse=self._delays_synapses)
        if mask is not None:
            mask = self._checked_mask(self._drawn("mask", mask, network.seed, f"{self.name} mask"))
        W = self._initial(W, mask, network.seed)
        learn_bias = true_or_false(self.title, "learn_bias", learn_bias)
        bias = np.zeros(self.bias_shape) if bias is None else bias
        self._bias = np.array(self._bias_of(bias), dtype=network.dtype)
        if isinstance(bounds, tuple | list):
            bounds = tuple(None if limit is None else self._in_base_units("bounds", limit) for limit in bounds)
        self.bounds, self.sign = bounds_of(self.title, bounds, sign, network.dtype), sign
        self._check_bounds(W, mask)
        if plasticity is not None:
            if not isinstance(plasticity, Plasticity):
                raise ArgumentError(f"{self.title}: plasticity must be a Plasticity, got {shown(plasticity)}")
            plasticity.check_names(self.title, self.pre, self.post)
            if plasticity.factored.outer is None:
                self._check_form(plasticity, steps)
        rows = self._send(network, steps, mask)
        self._weights = self.stored(network, W, mask, plasticity is not None, rows)
        self._enter(network)
        if plasticity is not None:
            self.learning = PlasticityUpdater(
                network,
                plasticity,
                self._weights,
                self._bias,
                self.pre,
                self.post,
                self.name,
                self.title,
                learn_bias,
                self._line,
                self.bounds,
            )
            network.join(self.learning)

    def _initial(self, W: Initial, mask: np.ndarray | None, seed: int) -> np.ndarray:
        """Return initial weights, 0 where there is no synapse."""
        found = self._weights_of(self._drawn("weights", W, seed, self.name))
        if mask is None:
            return found
        return found * mask if callable(W) else self._checked_absent(found, mask)

    def _check_form(self, plasticity: Plasticity, steps: np.ndarray | None) -> None:
        """Refuse a rule that is no sum of outer products where only such can learn."""
        if np.ndim(steps) == 2:
            self._refuse_form(plasticity, "where each synapse has a delay of its own")

    def _refuse_form(self, plasticity: Plasticity, where: str) -> NoReturn:
        raise ArgumentError(
            f"{self.title}: a rule must be a sum of terms f(pre) * g(post) {where}, got {plasticity.rule!r}"
        )

    def stored(
        self,
        network: Network,
        W: np.ndarray,
        mask: np.ndarray | None,
        learns: bool,
        rows: tuple[np.ndarray, np.ndarray] | None,
    ) -> Weights:
        """Return initial weights as they lie in memory."""
        if self.precision is not None:
            return PackedWeights(W, self.precision, network.streams, network.weight_policy.dot_products)
        spikes = bool(self.pre.thresholder)
        return network.weight_policy.make(W, mask, network.dtype, network.streams, spikes, learns, rows)

    def __repr__(self) -> str:
        synapses = f", {self.mask.mean():.1%} of the synapses" if self.masked else ""
        rule = (self.learns_by or "fixed") if self.learning is None else self.learning.summary()
        format = "" if self.precision is None else f", {rounding_of(self._weights)}"
        return f"<{self.title}: {self.shape[0]} x {self.shape[1]}{synapses}, {rule}{format}>"

    def _join(
        self, network: Network, pre: Population | str, post: Population | str, into: str | None, name: str | None
    ) -> None:
        """Take a place between two populations, after the projections that `post` has."""
        kind = type(self).__name__
        self.post = population_of(kind, network, "post", post)
        self.pre = sender_of(kind, network, "pre", pre)
        if into is not None:
            identifier(type(self).__name__, "into", into)
        default = self.post.current_variable
        own_port = into is not None and into != default
        ends = f"{self.pre.name}->{self.post.name}" + (f".{into}" if own_port else "")
        self.title = f"{type(self).__name__} {ends!r}"
        if name is None:
            name = f"{self.pre.name}_to_{self.post.name}" + (f"_{into}" if own_port else "")
            if any(other.name == name for other in network.projections):
                raise ArgumentError(
                    f"{self.title}: the network already has an object called {name!r}; give this one another by name="
                )
        identifier(self.title, "name", name)
        network.check_new(name, self.title)
        self.into = self._checked_port(into)
        self.pre.check_array(self.pre.output_variable, f"{self.title}: the output")
        self.post.check_array(self.into, f"{self.title}: the {'current' if into is None else 'port'}")
        before = sum(other.post is self.post for other in network.projections)
        self.accumulates = self.into in self.post.equations.diff_eq_names
        # Brian2 sorts objects of equal order by name, and the first has to overwrite what the others add to.
        order = self.post.place + (ACCUMULATE if self.accumulates else PROJECT) + before / (1 + before)
        super().__init__(clock=network.clock, when=self.post.slot, order=order, name=name)
        self.shape = (self.pre.units, self.post.units)
        #: Shapes of `W` and `b`.
        self.weights_shape: tuple[int, ...] = self.shape
        self.bias_shape: tuple[int, ...] = self.shape[1:]
        self.adds = self.accumulates  # of the others, their `Port` says it when a run begins
        self.learning: PlasticityUpdater | None = None
        self._line: DelayLine | None = None

    def _delay_in_steps(self, network: Network, delay: Quantity | None, a_synapse: bool) -> np.ndarray | None:
        """Check a delay, and find whether a step passes before what is sent can be received."""
        sent = network.schedule.index(self.pre.slot), self.pre.place + MARK
        self._late = sent > (network.schedule.index(self.when), self.order)
        if delay is None:
            return None
        shapes = ((), self.shape[:1], self.shape)[: 3 if a_synapse else 2]
        return in_steps(self.title, delay, self.clock.dt, shapes, least=int(self._late))

    def _send(
        self, network: Network, steps: np.ndarray | None, mask: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Make the line of a projection with a delay; return units and rows where each synapse has one of its own."""
        self._steps, rows = steps, None
        if steps is None or not steps.any():
            return None
        delay = Delay(steps)
        if steps.ndim == 2:
            units, delays, row_of = rows_of_synapses(steps, mask)
            delay, rows = Delay(delays, units), (units, row_of)
        source = self.pre.view(self.pre.output_variable)
        order = self.order - (0.5 if self.accumulates else 0.25)
        self._line = DelayLine(network, source, delay, self._late, self.when, order, f"{self.name}_delay")
        return rows

    @property
    def delay_steps(self) -> np.ndarray | None:
        """Steps until what is sent arrives, as `delay` was given but in the fewest dimensions; None without a delay."""
        return self._steps

    def _enter(self, network: Network) -> None:
        """Become a part of the network, and one of those that write the port."""
        network.join(self)
        if self._line is not None:
            network.join(self._line)
        if not self.accumulates:
            Port.of(network, self.post, self.into).projections.append(self)

    def _checked_port(self, into: str | None) -> str:
        default, post = self.post.current_variable, self.post
        if into is None and default not in post.variables:
            raise ArgumentError(
                f"{self.title}: the equations of {post.name!r} must have the parameter {default!r}, which projections "
                "write"
            )
        stated = post.equations.parameter_names | post.equations.diff_eq_names
        if into is not None and not (isinstance(into, str) and into in stated):
            ports = sorted(n for n in stated if post.of_its_type(n) and not post.variables[n].constant)
            refuse(self.title, "into", f"be a state variable of {post.name!r}, which has {ports}", into)
        emit, receive = (post.statement.get(part) or "" for part in ("emit", "receive"))
        unread = overwritten(emit) - post.equations.identifiers
        if into is not None and into in unread | overwritten(receive):
            refuse(self.title, "into", "be a variable that emit and receive do not overwrite", into)
        if into is not None and post.variables[into].constant:
            raise ArgumentError(f"{self.title}: the port {into!r} of {post.name!r} must be variable, got a constant")
        return default if into is None else into

    def _weights_of(self, values: Any) -> np.ndarray:
        values = self._in_base_units("weights", values)
        values = finite_array(self.title, "weights", values, self.weights_shape, self._float_type)
        check_range(self.title, self.precision, values)
        return values

    def _in_base_units(self, name: str, values: Any) -> Any:
        output = self.pre.variables[self.pre.output_variable].dim
        return without_unit(self.title, name, values, self._current_dim, output)

    def _bias_of(self, values: Any) -> np.ndarray:
        values = without_unit(self.title, "bias", values, self._current_dim)
        return finite_array(self.title, "bias", values, self.bias_shape, self._float_type)

    @property
    def _current_dim(self) -> Dimension:
        return self.post.variables[self.into].dim

    @property
    def _float_type(self) -> np.dtype:
        return np.dtype(self.post.variables[self.into].dtype)

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

    def _check_bounds(self, W: np.ndarray, mask: np.ndarray | None) -> None:
        """Refuse weights outside the bounds."""
        if self.bounds is None:
            return
        low, high = self.bounds
        stored = W.astype(self._bias.dtype) if self.precision is None else rounded(W, self.precision)
        wrong = stored[~((low <= stored) & (stored <= high)) & (True if mask is None else mask)]
        if wrong.size:
            limits = Range(*(None if np.isinf(limit) else limit for limit in self.bounds))
            why = "" if self.sign is None else f" (sign={self.sign!r})"
            why += "" if self.precision is None else f", rounded to {self.precision}"
            raise ArgumentError(
                f"{self.title}: weights must be {limits}{why}, got {wrong[0]:g} (and {wrong.size - 1} more)"
            )

    @property
    def precision(self) -> Precision | None:
        """Number format of the products, if another than the network's float type."""
        return self._precision

    @property
    def weights(self) -> Weights:
        """The weights, as they lie in memory and with the kernels that compute with them."""
        return self._weights

    @property
    def W(self) -> np.ndarray:
        """The weights as an array ``(n_pre, n_post)``.

        Without a mask it shares the projection's memory. With one it is read-only, 0 where there is no synapse, and a
        copy where only the existing synapses are stored. With a `precision` it is read-only, too. To change such
        weights, set the whole, as in ``projection.W = W``.
        """
        W = self.weights.as_stated()
        if self.masked or self.precision is not None:
            W = W.view()
            W.flags.writeable = False
        return W

    @W.setter
    def W(self, values: ArrayLike) -> None:
        weights = self.weights  # a source's synapses may decide the shape
        W = self._weights_of(values)
        if self.masked:
            self._checked_absent(W, self.mask)
        self._check_bounds(W, self.mask)
        weights.assign(W)
        weights.changes += 1

    @property
    def b(self) -> np.ndarray:
        """The biases, ``(n_post,)``."""
        return self.bias_array

    @b.setter
    def b(self, values: ArrayLike) -> None:
        bias = self.bias_array
        bias[...] = self._bias_of(values)

    @property
    def bias_array(self) -> np.ndarray:
        """The biases that are added in a step, ``(n_post,)``; not a copy."""
        return self._bias

    @property
    def learns_by(self) -> str | None:
        """What the weights learn by, as a text; None if they are fixed."""
        return None if self.learning is None else " ".join(self.learning.plasticity.rule.split())

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

    def weights_back(self, back: Projection, network: Network) -> Weights:
        """Return weights of `back`, a projection between the same units the other way, at the same synapses.

        Parameters
        ----------
        back : Projection
            Whose `initial_weights` are asked for.
        network : Network
        """
        mask = None if self.mask is None else self.mask.T
        W = back.initial_weights(self.shape[::-1], mask)
        return back.stored(network, W, mask, False, None)

    def tied_weights(self) -> Weights:
        """Return the weights for a projection that is tied to this one."""
        return self.weights

    @property
    def synapse_count(self) -> int:
        """How many synapses exist."""
        return int(np.count_nonzero(self.mask)) if self.masked else self.shape[0] * self.shape[1]

    @property
    def spares_refractory(self) -> bool:
        """Whether nothing enters refractory units, since the port is integrated ``(unless refractory)``."""
        return self.post.variables[self.into].conditional_write is not None

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views of both populations once a run, and look at weights that were written one by one."""
        super().before_run(run_namespace)
        self.weights.begin_run()
        if self.bounds is not None:
            self._check_bounds(self.W, self.mask)
        self._activity = self.pre.view(self.pre.output_variable) if self._line is None else self._line.output
        self._current = self.post.view(self.into)
        self._free = self.post.view("not_refractory") if self.spares_refractory else None
        self._repeated = None
        if self._may_repeat and self._free is None and not self.adds and not self.pre.thresholder:
            now = self._activity, self._current
            self._repeated = RepeatedProduct.where_it_pays(self.post.network, self._weights, *now)

    def reads(self) -> list[VariableOwner]:
        """Return the presynaptic population."""
        return [getattr(self.pre, "population", self.pre)]

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the port."""
        return [(self.post, self.into)]

    def run(self) -> None:
        """Propagate this step's presynaptic output, unless the product is the last step's."""
        repeated = self._repeated
        if repeated is not None and repeated.holds:
            repeated.write(self._current)
            return
        self._propagate(self._weights, self._bias)
        if repeated is not None:
            repeated.keep(self._current)

    def _propagate(self, weights: Weights, bias: np.ndarray) -> None:
        if self._free is None:
            weights.propagate(self._activity, bias, self._current, self.adds)
        else:
            arrived = np.empty_like(self._current)
            weights.propagate(self._activity, bias, arrived, False)
            self._deliver(arrived)

    def _deliver(self, arrived: np.ndarray) -> None:
        """Write what arrives in this step, ``(n_post, streams)``, into the port; nothing enters refractory units."""
        if self.adds:
            np.add(self._current, arrived, out=self._current, where=True if self._free is None else self._free)
        else:
            self._current[...] = arrived

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
        return called(
            self.title, f"of {what}", values, np.random.default_rng([seed, crc32(name.encode())]), self.weights_shape
        )
