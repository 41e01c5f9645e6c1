"""What applies a rule to the weights of one projection in every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from brian2 import BrianObject, NetworkOperation

from spikefa.core.network import Network
from spikefa.core.part import APPLY_RULES, Part
from spikefa.engine.kernels.dense import all_zero, scale_in_place, update_bias
from spikefa.engine.kernels.synapse_loop import compile_loop
from spikefa.engine.weights import Weights
from spikefa.plasticity import rule_functions
from spikefa.plasticity.expression import OuterTerm, to_text
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.delay_line import DelayLine
from spikefa.populations.population import Population

#: Decay is applied when it has grown to this fraction: a float32 cannot hold 1 - 1e-8.
DECAY_QUANTUM = {"float32": 2.0**-18, "float64": 0.0}


@dataclass(frozen=True)
class UpdateTerm:
    """A part of the update, ``coefficient * pre @ post.T``, with the arrays that hold the factors of the step."""

    coefficient: sympy.Expr
    pre: np.ndarray
    """``(n_pre, streams)``"""
    post: np.ndarray
    """``(n_post, streams)``"""
    bias_pre: float
    """What `pre` is for the bias: its expression where every variable is 1."""


class PlasticityUpdater(Part, BrianObject):
    """Apply one rule to the weights of one projection, in the slot ``plasticity`` of every step.

    Parameters
    ----------
    network : Network
    plasticity : Plasticity
    weights : Weights
    bias : ndarray (n_post,)
    pre, post : Population
    projection : str
        Name of the projection.
    learn_bias : bool
    line : DelayLine, optional
        Of a projection with a delay. The rule's presynaptic variables are those of the step in which what arrives was
        sent.
    bounds : (float, float), optional
        The weights, though not the biases, are kept from the one to the other after each update.

    Attributes
    ----------
    lr_factor : float
        Factor of the rule's learning rate in this projection, which schedules set. If it is 0 the projection does not
        learn: it does not decay, and forgets what its optimizer gathered.
    terms : list of UpdateTerm or None
        The update as a sum of outer products; None if the rule has another form.
    scales : list of float
        The value of each term's coefficient, with the learning rate; brought up to date when a run begins.
    decay : float
        The fraction of the weights that a step takes away.
    decay_quantum : float
        Decay is applied when it has grown to this fraction.
    change, bias_change : ndarray or None
        What the optimizer gathers, as the weights lie; None if it gathers nothing.
    memories, bias_memories : tuple of ndarray
        What the optimizer remembers, see `Optimizer.memories`.
    counters, bias_counters : ndarray
        See `Optimizer.counters`.
    """

    roles = ("learning",)
    reads_events = False

    def __init__(
        self,
        network: Network,
        plasticity: Plasticity,
        weights: Weights,
        bias: np.ndarray,
        pre: Population,
        post: Population,
        projection: str,
        learn_bias: bool,
        line: DelayLine | None = None,
        bounds: tuple[float, float] | None = None,
    ):
        place = 2 * len(network.projections)
        super().__init__(
            clock=network.clock, when="plasticity", order=APPLY_RULES + place, name=f"{projection}_learning"
        )
        self.network, self.plasticity, self.learn_bias = network, plasticity, learn_bias
        self._line, self.bounds = line, bounds
        self.weights, self.bias, self.pre, self.post, self.projection = weights, bias, pre, post, projection
        self.lr_factor = 1.0
        self.waits = False  # whether updates share the next propagation's pass over the rows; known in a run
        self.decay_quantum = DECAY_QUANTUM[str(network.dtype)]
        self._pending = np.ones(1)  # the decay not yet applied, as a factor
        self._remember()
        self.terms: list[UpdateTerm] | None = None
        self._loop: Callable | None = None
        if plasticity.factored.outer is None:
            self._prepare_loop(place)
        else:
            self.terms = []
            for number, term in enumerate(plasticity.factored.outer):
                f = self._arriving(self._materialise(pre, term.pre, f"f{number}", place), term.pre, f"f{number}", place)
                g = self._materialise(post, term.post, f"g{number}", place)
                functions = rule_functions.known([pre.constants])
                one = rule_functions.value(term.pre, plasticity.constants, functions)
                self.terms.append(UpdateTerm(term.coefficient, f, g, one))

    @property
    def state_name(self) -> str:
        """Name under which its state is kept in checkpoints: the projection's."""
        return self.projection

    def _remember(self) -> None:
        """Make the arrays that the optimizer asks for."""
        optimizer, values = self.plasticity.optimizer, self.weights.values
        self.change = np.zeros_like(values) if optimizer.gathers else None
        self.bias_change = np.zeros_like(self.bias) if optimizer.gathers else None
        self.memories = tuple(np.zeros_like(values) for _ in optimizer.memories)
        self.bias_memories = tuple(np.zeros_like(self.bias) for _ in optimizer.memories)
        self.counters, self.bias_counters = np.zeros((2, len(optimizer.counters)))

    def _prepare_loop(self, place: int) -> None:
        rule = self.plasticity
        summed, local = rule.split()
        pre = [n for n in rule.symbols if n.endswith("_pre")]
        post = [n for n in rule.symbols if n.endswith("_post")]
        used = [n for n in rule.symbols if n in rule.constants]
        kernel = compile_loop(to_text(summed), to_text(local), pre, post, used)
        symbols = {name: sympy.Symbol(name, real=True) for name in (*pre, *post)}
        arrays = [
            self._materialise(population, symbols[name], f"x_{name}", place)
            for population, names in ((self.pre, pre), (self.post, post))
            for name in names
        ]
        for number, name in enumerate(pre):
            arrays[number] = self._arriving(arrays[number], symbols[name], f"x_{name}", place)
        ones = [np.ones((1, self.post.streams), self.bias.dtype) for _ in pre]

        def change(W: np.ndarray, lr: float) -> None:
            kernel(W, lr, *arrays, *[rule.constants[n] for n in used])

        def loop() -> None:
            W, lr = self.weights.dense(), self._lr_of_terms
            change(W, lr)
            if self.weights.masked:
                self.weights.assign(W)
            if self.learn_bias:
                constants = [rule.constants[n] for n in used]
                kernel(self.bias[None, :], lr, *ones, *arrays[len(pre) :], *constants)

        self._change_densely, self._loop = change, loop

    def _materialise(self, population: Population, expression: sympy.Expr, label: str, place: int) -> np.ndarray:
        """Return the expression's values as an array (units, streams), computed each step by Brian2 code."""
        constants = {n: v for n, v in self.plasticity.constants.items() if not n.endswith(("_pre", "_post"))}
        plain = expression.subs(
            {
                s: constants.get(s.name, sympy.Symbol(s.name.rpartition("_")[0], real=True))
                for s in expression.free_symbols
            },
            simultaneous=True,  # a constant may have the name of a variable
        )
        if plain.is_Symbol and population.of_its_type(plain.name):
            return population.view(plain.name)
        target = f"{label}_{self.projection}"
        array = population.add_array(target)
        if plain.is_number:
            array[...] = float(plain)
            return array
        population.run_regularly(
            f"{target} = {to_text(plain)}", when="plasticity", order=place, name=f"{target}_of_{population.name}"
        )
        return array

    def _arriving(self, sent: np.ndarray, expression: sympy.Expr, label: str, place: int) -> np.ndarray:
        """Return the factor of a presynaptic expression for what arrives in the step, ``(rows, streams)``."""
        if self._line is None:
            return sent
        if np.shares_memory(sent, self._line.source):
            return self._line.output
        if not expression.free_symbols:
            return np.broadcast_to(sent[:1], self._line.output.shape).copy()
        name = f"{label}_{self.projection}_delay"
        line = DelayLine(self.network, sent, self._line.delay, False, "plasticity", place + 1, name)
        self.network.join(line)
        return line.output

    def before_run(self, run_namespace: dict) -> None:
        """Evaluate the coefficients, which may have changed since the last run."""
        super().before_run(run_namespace)
        self.update_coefficients()
        if self.lr_factor == 0 and self.change is not None:
            for array in self._gathered():
                array[...] = 0
        # A user's own operation may hold the weights' array and must find it up to date in every step.
        watched = any(isinstance(obj, NetworkOperation) for obj in self.network.objects)
        alone = self.terms is not None and len(self.terms) == 1 and self.change is None
        self.waits = self.weights.may_wait and alone and not watched and self.bounds is None

    def update_coefficients(self) -> None:
        """Put the rule's constants and learning rate into the coefficients."""
        lr, value = self._lr_of_terms, self.plasticity.value
        self.scales = [lr * value(term.coefficient) for term in self.terms or ()]
        self._decay_factor = 1 - value(self.plasticity.factored.decay)
        self.decay = 1 - self._decay_factor

    @property
    def lr(self) -> float:
        """The learning rate in this projection."""
        return self.plasticity.lr * self.lr_factor

    @property
    def _lr_of_terms(self) -> float:
        """The learning rate as a factor of the rule's terms."""
        return 1.0 if self.plasticity.optimizer.scales_move else self.lr

    def run(self) -> None:
        """Apply one step of the rule."""
        stimulus = self.network.stimulus
        if self.lr_factor == 0 or (stimulus is not None and stimulus.learning_pauses):
            return
        if self._loop is not None and self.change is not None:
            self._gather_by_loop()
            self._move()
        elif self._loop is not None:
            self._loop()
        elif self.change is not None:
            self._gather()
            self._move()
        else:
            factor = self.next_decay_factor()
            self._accumulate(self.weights.values, self.bias, factor, factor)
        if self.bounds is not None:
            self.weights.clip(*self.bounds)

    def next_decay_factor(self) -> float:
        """Let one more step's decay fall due; return the factor that is to be applied in it, mostly 1."""
        self._pending[0] *= self._decay_factor
        factor = 1.0
        if abs(1 - self._pending[0]) > self.decay_quantum:
            factor, self._pending[0] = float(self._pending[0]), 1.0
        return factor

    def _accumulate(self, values: np.ndarray, bias: np.ndarray, factor: float, bias_factor: float) -> None:
        wait = self.waits and factor == 1
        if not self.terms and factor != 1:
            scale_in_place(np.atleast_2d(values), values.dtype.type(factor))
        if bias_factor != 1 and self.learn_bias and not self.terms:
            bias *= bias.dtype.type(bias_factor)
        for term, scale in zip(self.terms, self.scales, strict=True):
            if factor == bias_factor == 1 and all_zero(term.post):
                continue  # such as in the steps in which a rule with a gate does not learn
            if wait:
                self.weights.update_later(term.pre, term.post, scale)
            else:
                self.weights.update(values, term.pre, term.post, scale, factor)
            if self.learn_bias:
                update_bias(bias, term.post, scale * term.bias_pre, bias_factor)
            factor = bias_factor = 1.0

    def _gather(self) -> None:
        """``change = carried * change + dW - decay * W``, and the same for the bias."""
        factor = self.plasticity.optimizer.carried
        self._accumulate(self.change, self.bias_change, factor, factor)
        if self.decay:
            for change, values in ((self.change, self.weights.values), (self.bias_change, self.bias)):
                change -= values.dtype.type(self.decay) * values

    def _gather_by_loop(self) -> None:
        pairs = ((self.change, self.weights.values), (self.bias_change, self.bias))
        before = [values.copy() for _, values in pairs]
        self._loop()
        for (change, values), old in zip(pairs, before, strict=True):
            change *= change.dtype.type(self.plasticity.optimizer.carried)
            change += values - old
            values[...] = old

    def _move(self) -> None:
        """Move weights and biases by what the step has gathered for them."""
        optimizer = self.plasticity.optimizer
        lr = self.lr if optimizer.scales_move else 1.0
        moved = [(self.weights.values, self.change, self.memories, self.counters)]
        if self.learn_bias:
            moved.append((self.bias, self.bias_change, self.bias_memories, self.bias_counters))
        for values, change, memories, counters in moved:
            memories = tuple(np.atleast_2d(memory) for memory in memories)
            optimizer.move(np.atleast_2d(values), np.atleast_2d(change), memories, counters, lr)

    def _gathered(self) -> list[np.ndarray]:
        """Return what is forgotten if the projection does not learn: all that depends on earlier updates' signs."""
        arrays = [self.change, self.bias_change]
        if self.plasticity.optimizer.counters:  # means that are corrected for their start begin anew together
            arrays += [*self.memories, *self.bias_memories, self.counters, self.bias_counters]
        return arrays

    def outer_products(self) -> list[tuple[OuterTerm, float, np.ndarray, np.ndarray]] | None:
        """Return the step's update as a sum of ``scale * pre @ post.T``, without learning rate, decay and optimizer.

        Returns
        -------
        list of (OuterTerm, scale, pre, post) or None
            Arrays ``(n_pre, streams)`` and ``(n_post, streams)``, not copies: they hold the step's values from order
            `APPLY_RULES` of the slot ``plasticity`` on. None where the rule has no such form, see `dense_update`.
        """
        if self.terms is None:
            return None
        terms = zip(self.plasticity.factored.outer, self.terms, strict=True)
        return [(outer, self.plasticity.value(term.coefficient), term.pre, term.post) for outer, term in terms]

    def dense_update(self) -> np.ndarray:
        """Return the step's update of a rule that is no sum of outer products, without learning rate and optimizer.

        Returns
        -------
        ndarray (n_pre, n_post)
            Float64, for the present weights; it counts at the synapses that exist.
        """
        before = np.array(self.weights.dense(), np.float64)
        after = before.copy()
        self._change_densely(after, 1.0)
        return after - before

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return what the rule and its optimizer remember from step to step; arrays as the weights lie."""
        optimizer = self.plasticity.optimizer
        arrays = {"pending": self._pending}
        if self.change is not None and optimizer.carried:
            arrays |= {"change": self.change, "bias_change": self.bias_change}
        for name, memory, bias_memory in zip(optimizer.memories, self.memories, self.bias_memories, strict=True):
            arrays |= {name: memory, f"bias_{name}": bias_memory}
        if optimizer.counters:
            arrays |= {"counters": self.counters, "bias_counters": self.bias_counters}
        return arrays
