"""What applies a rule to the weights of one projection in every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from brian2 import BrianObject

from spikefa.core.changes import runs_other_code
from spikefa.core.network import Network
from spikefa.core.part import APPLY_RULES, Part
from spikefa.engine.aligned import whole_rows, zeros_as
from spikefa.engine.kernels.dense import all_zero, scale_in_place, update_bias
from spikefa.engine.kernels.synapse_loop import compile_loop
from spikefa.engine.weights import Weights
from spikefa.plasticity import rule_functions
from spikefa.plasticity.expression import TIMES, OuterTerm, is_state, side_of, to_text
from spikefa.plasticity.factors import Factors
from spikefa.plasticity.rule import Plasticity
from spikefa.plasticity.rule_text import rule_lines
from spikefa.plasticity.synapse_states import SynapseStates, step_constants
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
    bias_post: np.ndarray
    """``(n_post, streams)``: `post`; or, if `pre` has traces, the product of both for the bias.

    Of maps of units with a bias each, ``(maps, places * streams)``.
    """


class PlasticityUpdater(Part, BrianObject):
    """Apply one rule to the weights of one projection, in the slot ``plasticity`` of every step.

    Parameters
    ----------
    network : Network
    plasticity : Plasticity
    weights : Weights
    bias : ndarray (n_post,) or (maps,)
    pre, post : Population
    projection : str
        Name of the projection.
    title : str
        Begins messages.
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
    states : SynapseStates or None
        The states of each synapse in each stream, if the rule has any that are no traces of units.
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
        title: str,
        learn_bias: bool,
        line: DelayLine | None = None,
        bounds: tuple[float, float] | None = None,
    ):
        place = 2 * len(network.projections)
        super().__init__(
            clock=network.clock, when="plasticity", order=APPLY_RULES + place, name=f"{projection}_learning"
        )
        self.network, self.plasticity, self.learn_bias = network, plasticity, learn_bias
        self.bounds = bounds
        self.weights, self.bias, self.pre, self.post, self.projection = weights, bias, pre, post, projection
        self.lr_factor = 1.0
        self.waits = False  # whether updates share the next propagation's pass over the rows; known in a run
        self.decay_quantum = DECAY_QUANTUM[str(network.dtype)]
        self._pending = np.ones(1)  # the decay not yet applied, as a factor
        self._remember()
        self._factors = factors = Factors(network, plasticity, pre, post, projection, title, line, place)
        factors.add_traces(learn_bias)
        self.states: SynapseStates | None = None
        if any(state.side == "synapse" for state in plasticity.text.states):
            self.states = SynapseStates(factors, weights.shape, learn_bias, place + 1.5)
            network.join(self.states)
        self.terms: list[UpdateTerm] | None = None
        self._loop: Callable | None = None
        if plasticity.factored.outer is None:
            self._prepare_loop(factors)
        else:
            outer = enumerate(plasticity.factored.outer)
            self.terms = [self._term(factors, term, f"{number}") for number, term in outer]

    @property
    def state_name(self) -> str:
        """Name under which its state is kept in checkpoints: the projection's."""
        return self.projection

    def summary(self) -> str:
        """Return in words how the projection learns."""
        memory = "" if self.states is None else f", states of {self.states.bytes / 1e6:.3g} MB"
        return f"learns by {'; '.join(rule_lines(self.plasticity.rule))!r}{memory}"

    def _remember(self) -> None:
        """Make the arrays that the optimizer asks for."""
        optimizer, values = self.plasticity.optimizer, self.weights.values
        self.change = zeros_as(values) if optimizer.gathers else None
        self.bias_change = np.zeros_like(self.bias) if optimizer.gathers else None
        self.memories = tuple(zeros_as(values) for _ in optimizer.memories)
        self.bias_memories = tuple(np.zeros_like(self.bias) for _ in optimizer.memories)
        self.counters, self.bias_counters = np.zeros((2, len(optimizer.counters)))

    def _term(self, factors: Factors, term: OuterTerm, label: str) -> UpdateTerm:
        f, g = factors.of("pre", term.pre, f"f{label}"), factors.of("post", term.post, f"g{label}")
        if any(is_state(symbol) for symbol in term.pre.free_symbols):
            bias = factors.of_bias(term.pre, term.post, f"bias_f{label}") if self.learn_bias else g
            return UpdateTerm(term.coefficient, f, g, 1.0, bias.reshape(len(self.bias), -1))
        functions = rule_functions.known([self.pre.constants])
        one = rule_functions.value(term.pre, self.plasticity.numbers(self.clock.dt_), functions)
        return UpdateTerm(term.coefficient, f, g, one, g.reshape(len(self.bias), -1))

    def _prepare_loop(self, factors: Factors) -> None:
        rule, states = self.plasticity, self.states
        summed, local = rule.split()
        names = sorted(symbol.name for symbol in rule.expression.free_symbols)
        known = {*rule.constants, *TIMES}
        pre, post = ([n for n in names if side_of(n) == {side} and n not in known] for side in ("pre", "post"))
        used = [n for n in names if n in known]
        of_synapses = [n for n in names if len(side_of(n)) == 2 and n not in known]
        with_numpy = states is not None and self.network.target != "numba"
        kernel = compile_loop(to_text(summed), to_text(local), pre, post, used, of_synapses, with_numpy)
        symbols = {name: sympy.Symbol(name, real=True) for name in (*pre, *post)}
        arrays = [
            factors.of(side, symbols[name], f"x_{name.lstrip('_')}")
            for side, some in (("pre", pre), ("post", post))
            for name in some
        ]
        ones, own, of_bias = [], [], []  # for the bias, presynaptic variables are 1, and traces its own
        for name in pre if self.learn_bias else ():
            if states is None and not is_state(symbols[name]):
                ones.append(np.ones((1, self.post.streams), self.bias.dtype))
            else:
                label = f"bias_x_{name.lstrip('_')}"
                ones.append(factors.of_bias(symbols[name], sympy.Integer(1), label)[:1])
        if states is not None:
            names = {state.symbol.name: state.name for state in rule.text.states}
            own = [states.values[names[n]] for n in of_synapses]
            of_bias = [states.bias_values[names[n]] for n in of_synapses if self.learn_bias]

        def constants() -> list[float]:
            return step_constants(self.network, rule.numbers(self.clock.dt_), used)

        def change(W: np.ndarray, lr: float) -> None:
            kernel(W, lr, *arrays, *own, *constants())

        def loop() -> None:
            W, lr = self.weights.dense(), self._lr_of_terms
            change(W, lr)
            if self.weights.masked:
                self.weights.assign(W)
            if self.learn_bias:
                kernel(self.bias[None, :], lr, *ones, *arrays[len(pre) :], *of_bias, *constants())

        self._change_densely, self._loop = change, loop

    def before_run(self, run_namespace: dict) -> None:
        """Evaluate the coefficients, which may have changed since the last run."""
        super().before_run(run_namespace)
        self._factors.check_constants()
        self.update_coefficients()
        if self.lr_factor == 0 and self.change is not None:
            for array in self._gathered():
                array[...] = 0
        # What is not known may hold the weights' array and must find it up to date in every step.
        watched = runs_other_code(self.network.objects)
        alone = self.terms is not None and len(self.terms) == 1 and self.change is None
        self.waits = self.weights.may_wait and alone and not watched and self.bounds is None

    def update_coefficients(self) -> None:
        """Put the rule's constants and learning rate into the coefficients."""
        lr = self._lr_of_terms
        self.scales = [lr * self.value(term.coefficient) for term in self.terms or ()]
        self._decay_factor = 1 - self.value(self.plasticity.factored.decay)
        self.decay = 1 - self._decay_factor

    def value(self, coefficient: sympy.Expr) -> float:
        """Return a coefficient of the rule with its constants, and the duration of a step, put in."""
        return self.plasticity.value(coefficient, self.clock.dt_)

    @property
    def lr(self) -> float:
        """The learning rate in this projection."""
        return self.plasticity.lr * self.lr_factor

    @property
    def _lr_of_terms(self) -> float:
        """The factor of the rule's terms that are summed over the streams."""
        lr = 1.0 if self.plasticity.optimizer.scales_move else self.lr
        return lr / self.network.streams if self.plasticity.average_streams else lr

    def run(self) -> None:
        """Apply one step of the rule."""
        stimulus = self.network.stimulus
        if self.lr_factor == 0 or (stimulus is not None and stimulus.learning_pauses):
            return
        if self._loop is not None and self.change is not None:
            self._gather_by_loop()
            self._move()
        elif self._loop is not None:
            self.weights.changes += 1
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
            self.weights.changes += 1
            scale_in_place(whole_rows(values), values.dtype.type(factor))
        if bias_factor != 1 and self.learn_bias and not self.terms:
            bias *= bias.dtype.type(bias_factor)
        for term, scale in zip(self.terms, self.scales, strict=True):
            silent = all_zero(term.post) or (not self.learn_bias and all_zero(term.pre))
            if factor == bias_factor == 1 and silent:
                continue  # such as in the steps in which a rule with a gate does not learn
            self.weights.changes += 1
            if wait:
                self.weights.update_later(term.pre, term.post, scale)
            else:
                self.weights.update(values, term.pre, term.post, scale, factor)
            if self.learn_bias:
                update_bias(bias, term.bias_post, scale * term.bias_pre, bias_factor)
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
        self.weights.changes += 1
        optimizer = self.plasticity.optimizer
        lr = self.lr if optimizer.scales_move else 1.0
        moved = [(self.weights.values, self.change, self.memories, self.counters)]
        if self.learn_bias:
            moved.append((self.bias, self.bias_change, self.bias_memories, self.bias_counters))
        for values, change, memories, counters in moved:
            memories = tuple(map(whole_rows, memories))
            optimizer.move(whole_rows(values), whole_rows(change), memories, counters, lr)

    def _gathered(self) -> list[np.ndarray]:
        """Return what is forgotten if the projection does not learn: all that depends on earlier updates' signs."""
        arrays = [self.change, self.bias_change]
        if self.plasticity.optimizer.counters:  # means that are corrected for their start begin anew together
            arrays += [*self.memories, *self.bias_memories, self.counters, self.bias_counters]
        return arrays

    def outer_products(self) -> list[tuple[OuterTerm, float, np.ndarray, np.ndarray]] | None:
        """Return the step's update as a sum of ``scale * pre @ post.T``, without learning rate, decay and optimizer.

        It is the sum over the streams, also if the rule averages them.

        Returns
        -------
        list of (OuterTerm, scale, pre, post) or None
            Arrays ``(n_pre, streams)`` and ``(n_post, streams)``, not copies: they hold the step's values from order
            `APPLY_RULES` of the slot ``plasticity`` on. None where the rule has no such form, see `dense_update`.
        """
        if self.terms is None:
            return None
        terms = zip(self.plasticity.factored.outer, self.terms, strict=True)
        return [(outer, self.value(term.coefficient), term.pre, term.post) for outer, term in terms]

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
