"""What applies a rule to one projection in every step."""


from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from brian2 import BrianObject, NetworkOperation
from brian2.parsing.sympytools import sympy_to_str

from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.engine.kernels.dense import add_in_place, add_normalised, all_zero, scale_in_place, update_bias
from spikefa.engine.kernels.synapse_loop import compile_loop
from spikefa.plasticity import rule_functions
from spikefa.plasticity.expression import OuterTerm
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.population import Population

#: Decay is applied when it has grown to this fraction: a float32 cannot hold 1 - 1e-8.
DECAY_QUANTUM = {"float32": 2.0**-18, "float64": 0.0}
#: Order, within the slot ``plasticity``, from which rules are applied; before it, their factors are computed.
APPLY = 1_000_000


class PlasticityUpdater(Part, BrianObject):
    """A rule at work on one projection, in the slot ``plasticity`` of every step.

    Parameters
    ----------
    network : Network
    projection : Projection
    plasticity : Plasticity
    learn_bias : bool
    """

    roles = ("learning",)
    reads_events = False

    def __init__(self, network: Network, projection: Any, plasticity: Plasticity, learn_bias: bool):
        place = 2 * len(network.projections)
        name = f"{projection.name}_learning"
        super().__init__(clock=network.clock, when="plasticity", order=APPLY + place, name=name)
        self.projection, self.plasticity, self.learn_bias = projection, plasticity, learn_bias
        self.network = network
        #: Factor of the rule's rate in this projection, which schedules set. Where it is 0 the projection does not
        #: learn: it does not decay, and forgets its momentum.
        self.factor = 1.0
        self.waits = False  # whether updates share the next propagation's pass over the rows; known in a run
        self.factored = plasticity.factored
        self._quantum = DECAY_QUANTUM[str(network.dtype)]
        self._pending = np.ones(1)  # the decay not yet applied, as a factor
        gathers = plasticity.momentum or plasticity.rmsprop  # updates, that move the weights later in the step
        self._velocity = np.zeros_like(projection.stored) if gathers else None
        self._bias_velocity = np.zeros_like(projection.b) if gathers else None
        self._squares = (np.zeros_like(projection.stored), np.zeros_like(projection.b)) if plasticity.rmsprop else None
        self._factors: list[tuple[sympy.Expr, np.ndarray, np.ndarray, float]] = []
        self._loop: Callable | None = None
        if self.factored.outer is None:
            self._prepare_loop(place)
        else:
            for number, term in enumerate(self.factored.outer):
                f = self._materialise(projection.pre, term.pre, f"f{number}", place)
                g = self._materialise(projection.post, term.post, f"g{number}", place)
                functions = rule_functions.known([projection.pre.constants])
                one = rule_functions.value(term.pre, plasticity.constants, functions)
                self._factors.append((term.coefficient, f, g, one))

    def _prepare_loop(self, place: int) -> None:
        rule, projection = self.plasticity, self.projection
        summed, local = rule.split()
        pre = [n for n in rule.symbols if n.endswith("_pre")]
        post = [n for n in rule.symbols if n.endswith("_post")]
        used = [n for n in rule.symbols if n in rule.constants]
        kernel = compile_loop(sympy_to_str(summed), sympy_to_str(local), pre, post, used)
        arrays = [
            self._materialise(population, sympy.Symbol(name, real=True), f"x_{name}", place)
            for population, names in ((projection.pre, pre), (projection.post, post))
            for name in names
        ]
        ones = [np.ones((1, projection.post.streams), projection.b.dtype) for _ in pre]

        def change(W: np.ndarray, rate: float) -> None:
            kernel(W, rate, *arrays, *[rule.constants[n] for n in used])

        def loop() -> None:
            W, rate = projection.unpacked(), self._summed_rate
            change(W, rate)
            if projection.masked:
                projection.pack(W)
            if self.learn_bias:
                constants = [rule.constants[n] for n in used]
                kernel(projection.b[None, :], rate, *ones, *arrays[len(pre) :], *constants)

        self._change, self._loop = change, loop

    def _materialise(self, population: Population, expression: sympy.Expr, label: str, place: int) -> np.ndarray:
        """The expression's values as an array (units, streams), computed each step by Brian2 code."""
        constants = {n: v for n, v in self.plasticity.constants.items() if not n.endswith(("_pre", "_post"))}
        plain = expression.subs(
            {
                s: constants.get(s.name, sympy.Symbol(s.name.rpartition("_")[0], real=True))
                for s in expression.free_symbols
            }
        )
        if plain.is_Symbol and population.of_its_type(plain.name):
            return population.variables[plain.name].get_value().reshape(population.units, population.streams)
        target = f"{label}_{self.projection.name}"
        array = population.add_array(target)
        if plain.is_number:
            array[...] = float(plain)
            return array
        population.run_regularly(
            f"{target} = {sympy_to_str(plain)}", when="plasticity", order=place, name=f"{target}_of_{population.name}"
        )
        return array

    def before_run(self, run_namespace: dict) -> None:
        """Evaluate the coefficients, which may have changed since the last run."""
        super().before_run(run_namespace)
        self.update_coefficients()
        if self.factor == 0 and self._velocity is not None:
            self._velocity[...] = self._bias_velocity[...] = 0
        # A user's own operation may hold the weights' array and must find it up to date in every step.
        watched = any(isinstance(obj, NetworkOperation) for obj in self.network.objects)
        self.waits = (
            self.projection.may_wait and len(self._factors) == 1 and self._velocity is None and not watched
        )

    def update_coefficients(self) -> None:
        """Put the rule's constants and rate into the coefficients."""
        rate = self._summed_rate
        self._scales = [rate * self.plasticity.value(term[0]) for term in self._factors]
        self._keep = 1 - self.plasticity.value(self.factored.decay)

    @property
    def _summed_rate(self) -> float:
        """The rate as a factor of the terms; with rmsprop it is one of the whole move."""
        return 1.0 if self.plasticity.rmsprop else self.plasticity.rate * self.factor

    def run(self) -> None:
        """Apply one step of the rule."""
        if self.factor == 0:
            return
        if self._loop is not None and self._velocity is not None:
            self._run_loop_with_momentum()
        elif self._loop is not None:
            self._loop()
        elif self._velocity is not None:
            self._run_with_momentum()
        else:
            keep = self.next_keep()
            self._accumulate(self.projection.stored, self.projection.b, keep, keep)

    def next_keep(self) -> float:
        """Let one more step's decay fall due; return the factor that is to be applied in it, mostly 1."""
        self._pending[0] *= self._keep
        keep = 1.0
        if abs(1 - self._pending[0]) > self._quantum:
            keep, self._pending[0] = float(self._pending[0]), 1.0
        return keep

    def _accumulate(self, weights: np.ndarray, bias: np.ndarray, keep: float, keep_bias: float) -> None:
        projection = self.projection
        wait = self.waits and keep == 1
        if not self._factors and keep != 1:
            scale_in_place(np.atleast_2d(weights), weights.dtype.type(keep))
        if keep_bias != 1 and self.learn_bias and not self._factors:
            bias *= bias.dtype.type(keep_bias)
        for (_, f, g, one), scale in zip(self._factors, self._scales, strict=True):
            if keep == keep_bias == 1 and all_zero(g):
                continue  # such as in the steps in which a rule with a gate does not learn
            if wait:
                projection.update_later(f, g, scale)
            else:
                projection.update(weights, f, g, scale, keep)
            if self.learn_bias:
                update_bias(bias, g, scale * one, keep_bias)
            keep = keep_bias = 1.0

    def _run_with_momentum(self) -> None:
        momentum, projection = self.plasticity.momentum, self.projection
        self._accumulate(self._velocity, self._bias_velocity, momentum, momentum)
        decay = 1 - self._keep
        if decay:
            for velocity, weights in ((self._velocity, projection.stored), (self._bias_velocity, projection.b)):
                velocity -= weights.dtype.type(decay) * weights
        self._move()

    def _run_loop_with_momentum(self) -> None:
        pairs = ((self._velocity, self.projection.stored), (self._bias_velocity, self.projection.b))
        before = [weights.copy() for _, weights in pairs]
        self._loop()
        for (velocity, weights), old in zip(pairs, before, strict=True):
            velocity *= velocity.dtype.type(self.plasticity.momentum)
            velocity += weights - old
            weights[...] = old
        self._move()

    def _move(self) -> None:
        """Move weights and biases by what the step has gathered for them."""
        moved = [(self.projection.stored, self._velocity), (self.projection.b, self._bias_velocity)]
        for number, (weights, velocity) in enumerate(moved[: 1 + self.learn_bias]):
            weights, velocity = np.atleast_2d(weights), np.atleast_2d(velocity)
            if self._squares is None:
                add_in_place(weights, velocity)
            else:
                square, rule = np.atleast_2d(self._squares[number]), self.plasticity
                add_normalised(weights, velocity, square, rule.rmsprop, rule.rate * self.factor)

    def outer_products(self) -> list[tuple[OuterTerm, float, np.ndarray, np.ndarray]] | None:
        """The step's update as a sum of ``scale * pre @ post.T``, without rate, decay and momentum.

        Returns
        -------
        list of (OuterTerm, scale, pre, post) or None
            Arrays ``(n_pre, streams)`` and ``(n_post, streams)``, not copies: they hold the step's values from order
            `APPLY` of the slot ``plasticity`` on. None where the rule has no such form, see `dense_update`.
        """
        if self._loop is not None:
            return None
        terms = zip(self.factored.outer, self._factors, strict=True)
        return [(term, self.plasticity.value(coefficient), f, g) for term, (coefficient, f, g, _) in terms]

    def dense_update(self) -> np.ndarray:
        """The step's update of a rule that is no sum of outer products, without rate and momentum.

        Returns
        -------
        ndarray (n_pre, n_post)
            Float64, for the present weights; it counts at the synapses that exist.
        """
        before = np.array(self.projection.unpacked(), np.float64)
        after = before.copy()
        self._change(after, 1.0)
        return after - before

    def state_arrays(self) -> dict[str, np.ndarray]:
        """What the rule remembers from step to step."""
        arrays = {"pending": self._pending}
        if self.plasticity.momentum:
            arrays |= {"velocity": self._velocity, "bias_velocity": self._bias_velocity}
        if self._squares is not None:
            arrays |= dict(zip(("square", "bias_square"), self._squares, strict=True))
        return arrays

