"""The same model run by stock Brian2: `Synapses`, one stream, slow. The fast engine is held to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from brian2 import Equations, NetworkOperation, Quantity, Synapses
from brian2.groups.group import VariableOwner
from brian2.parsing.sympytools import sympy_to_str
from brian2.units.fundamentalunits import DIMENSIONLESS

from spikefa._checks import one_of
from spikefa.core.network import Network, require_network
from spikefa.engine.targets import code_object_class
from spikefa.errors import ArgumentError
from spikefa.plasticity.expression import DT, is_state
from spikefa.populations.population import Population
from spikefa.populations.softmax import Softmax
from spikefa.populations.unit_slice import UnitSlice
from spikefa.presentation.tasks import present
from spikefa.projections.derived import DerivedProjection, ShuffledProjection, TiedProjection
from spikefa.projections.projection import Projection
from spikefa.projections.reciprocal import ReciprocalProjection

#: What can be stated again.
KINDS = (Projection, TiedProjection, DerivedProjection, ShuffledProjection, ReciprocalProjection)


class Brian2Reference:
    r"""A network of one stream, stated again with `Synapses` in place of projections and rules.

    Populations, equations, rules, weights, seed and random numbers are those of the network it is made of.

    Parameters
    ----------
    network : Network
        With one stream, and a task (such as `classification_task`).
    target : {"numpy", "cython"}
        Stock Brian2 code-generation target.

    Attributes
    ----------
    network : Network
        The stock network: give its stimulus the same images and run it.

    Raises
    ------
    ArgumentError
        If the network has more streams, gaps without learning, a `Softmax`, a `NeuronGroup` as a source, a projection
        from some units of a population or with a `precision`, or one of another kind than `KINDS`.
    KeyError
        When it runs, if a rule needs a constant that has different values in the two populations.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> projection = fa.Projection(net, image, output, fa.uniform(0.5))
    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> reference = fa.Brian2Reference(net, target="numpy").network
    >>> reference.stimulus.show_images([[1.0, 0.0, 0.0, 1.0]], [0])
    >>> reference.run_steps(2)
    """

    def __init__(self, network: Network, target: str = "numpy"):
        one_of("Brian2Reference", "target", target, ("numpy", "cython"))
        if require_network("Brian2Reference", network).streams != 1:
            raise ArgumentError(f"Brian2Reference: needs a network of one stream, got {network.streams}")
        if network.stimulus.gap and not network.stimulus.learn_in_gaps:
            raise ArgumentError("Brian2Reference: stock Brian2's rules do not rest in gaps; needs learn_in_gaps=True")
        for population in network.populations:
            if any(isinstance(part, Softmax) for part in population.contained_objects):
                raise ArgumentError(f"Brian2Reference: stock Brian2 has no equal of the Softmax of {population.name!r}")
        for projection in network.projections:
            if isinstance(projection.pre, UnitSlice):
                raise ArgumentError(f"Brian2Reference: {projection.title} must be from a whole population, not a slice")
            if projection.weights.shared:
                raise ArgumentError(
                    f"Brian2Reference: {projection.title}: stock Brian2's synapses share no weights; state it as a "
                    "Projection with a mask"
                )
            if projection.precision is not None:
                raise ArgumentError(
                    f"Brian2Reference: {projection.title}: stock Brian2 knows no precision {projection.precision!r}"
                )
            if type(projection) not in KINDS:
                raise ArgumentError(
                    f"Brian2Reference: {projection.title}: its kind must be one that can be stated again, "
                    f"{', '.join(kind.__name__ for kind in KINDS)}"
                )
        self.network = Network(
            streams=1,
            seed=network.seed,
            dt=network.clock.dt,
            dtype=str(network.dtype),
            target=target,
            name=f"{network.name}_reference",
        )
        self._synapses: dict[str, Synapses] = {}
        self._written: set[tuple[str, str]] = set()  # ports, each as population and variable
        for population in network.populations:
            again = population.restate(self.network).state_arrays()
            for name, array in population.state_arrays().items():
                if name in again:  # not what the rules have added
                    again[name][...] = array
        for number, projection in enumerate(network.projections):
            self._restate(projection, 2 * number)
        stimulus = network.stimulus
        times = {name: getattr(stimulus, name) for name in ("steps_per_image", "gap", "learn_in_gaps")}
        present(self.network, network.readout.restate(self.network), times)

    def _restate(self, projection: Projection, place: int) -> None:
        net = self.network
        pre, post = net[projection.pre.name], net[projection.post.name]
        arrived = f"arrived_{projection.name}"
        post.add_array(arrived)
        post.equations += Equations(f"{arrived} : 1")  # a summed variable must be a parameter of the equations
        remembered = _remembered(projection)
        shuffled_anew = isinstance(projection, ShuffledProjection)
        weight = "shuffled" if shuffled_anew else "W"
        delayed, activity = self._shift_registers(projection, pre)
        synapses = Synapses(
            pre,
            post,
            "\n".join(
                [
                    *(f"{name} : 1" for name in ("W", "shuffled", *remembered)),
                    *delayed,
                    f"{arrived}_post = {weight} * {activity} : 1 (summed)",
                ]
            ),
            clock=net.clock,
            dtype=net.dtype,
            codeobj_class=code_object_class(net.target),
            name=projection.name,
            namespace=self._constants(projection),
        )
        if projection.masked and not shuffled_anew:
            i, j = projection.synapses()
            synapses.connect(i=i, j=j)
        else:
            synapses.connect()
        if delayed:
            steps = np.broadcast_to(projection.delay_steps.T, projection.shape[::-1]).T
            synapses.delay_steps = steps[np.asarray(synapses.i), np.asarray(synapses.j)]
        synapses.W = projection.W[np.asarray(synapses.i), np.asarray(synapses.j)]
        updater = synapses.summed_updaters[f"{arrived}_post"]
        updater.when, updater.order = post.slot, projection.order
        bias = f"b_{projection.name}"
        post.add_array(bias)[:, 0] = projection.b
        for name in remembered:
            post.add_array(f"{name}_{projection.name}")
        self._deliver(projection, f"{arrived} + {bias}")
        self._synapses[projection.name] = synapses
        net.add(synapses)
        derive = self._derived_weights(projection)
        if derive is not None:
            when = dict(when=post.slot, order=projection.order - 1e-8, name=f"derive_{projection.name}")
            net.add(NetworkOperation(derive, clock=net.clock, **when))
        if projection.learning is not None:
            self._state_rule(projection, synapses, bias, place)

    def _shift_registers(self, projection: Projection, pre: Population) -> tuple[list[str], str]:
        """Let the presynaptic population remember what its units sent.

        Returns
        -------
        list of str
            Equations of the synapses: each presynaptic variable as it was when what arrives was sent, ``NAME_arrives``;
            none without a delay.
        str
            What arrives.
        """
        if not _is_delayed(projection):
            return [], f"{pre.output_variable}_pre"
        names = {pre.output_variable, *(n.removesuffix("_pre") for n in _presynaptic(projection))}
        equations = ["delay_steps : 1"]
        for name in sorted(names):
            past = [f"{name}_{ago}_ago_{projection.name}" for ago in range(1, int(projection.delay_steps.max()) + 1)]
            for variable in past:
                pre.add_array(variable)
            shifted = zip(past, [name, *past], strict=False)
            pre.run_regularly(
                "\n".join(f"{to} = {of}" for to, of in list(shifted)[::-1]),
                when="end",
                name=f"shift_{name}_of_{projection.name}",
            )
            chosen = [f"int(delay_steps == {ago}) * {of}_pre" for ago, of in enumerate([name, *past])]
            equations.append(f"{name}_arrives = {' + '.join(chosen)} : 1")
        return equations, f"{pre.output_variable}_arrives"

    def _deliver(self, projection: Projection, arrived: str) -> None:
        """Write what arrives into the port: the first projection overwrites it unless it is integrated, others add."""
        post, port = self.network[projection.post.name], projection.into
        written = (post.name, port) in self._written
        self._written.add((post.name, port))
        unit = f"unit_of_{port}"  # weights are numbers
        post.namespace[unit] = Quantity(1.0, dim=post.variables[port].dim)
        arrived = f"({arrived}) * {unit}" if projection.active else f"0 * {unit}"
        add = projection.accumulates or written
        post.run_regularly(
            f"{port} = {port} + ({arrived})" if add else f"{port} = {arrived}",
            when=post.slot,
            order=projection.order + 1e-8,
            name=f"deliver_{projection.name}",
        )

    @staticmethod
    def _constants(projection: Projection) -> dict[str, Any]:
        """Return the populations' constants: Brian2 reads their subexpressions in the synapses' code, too.

        Without those that differ, of which it then says that they could not be resolved where the rule needs one.
        """
        first, second = projection.pre.constants, projection.post.constants
        differ = {name for name in first if not np.array_equal(first[name], second.get(name, first[name]))}
        return {name: value for name, value in {**first, **second}.items() if name not in differ}

    def _derived_weights(self, projection: Projection) -> Callable[[], None] | None:
        """Return what gives a projection its weights of the step, if they are not its own."""
        net, name = self.network, projection.name

        def write(W: np.ndarray, variable: str = "W") -> None:
            synapses = self._synapses[name]
            setattr(synapses, variable, W[np.asarray(synapses.i), np.asarray(synapses.j)])

        def share() -> None:
            W = self.W(projection.source.name)
            write(W.T if projection.transpose else W)
            if projection.bias:
                self.b(name)[:] = self.b(projection.source.name)

        def compute() -> None:
            if net.step % projection.every == 0:
                write(projection.function(self.W(projection.source.name)))

        def shuffle() -> None:
            write(self.W(name)[:, projection.permutation(net.step)], "shuffled")

        ways = {TiedProjection: share, DerivedProjection: compute, ShuffledProjection: shuffle}
        return ways.get(type(projection))

    def _state_rule(self, projection: Projection, synapses: Synapses, bias: str, place: int) -> None:
        updater = projection.learning
        rule, optimizer = updater.plasticity, updater.plasticity.optimizer
        if updater.lr_factor == 0:
            return
        lr = 1.0 if optimizer.scales_move else updater.lr
        summed, local = rule.split()
        post = self.network[projection.post.name]

        def code(weight: str, suffix: str) -> str:
            of_bias, group = weight == bias, post if weight == bias else synapses
            stated = {state.symbol.name: f"state_{state.name}{suffix}" for state in rule.text.states}

            def text(expression: sympy.Expr) -> str:
                meanings = {s: self._meaning(projection, s.name, group, of_bias) for s in expression.free_symbols}
                own = {**stated, "W": weight}
                meanings |= {s: sympy.Symbol(own[s.name], real=True) for s in meanings if s.name in own}
                return sympy_to_str(expression.subs(meanings, simultaneous=True))

            lines = [
                f"{stated[state.symbol.name]} *= exp({text(state.rate * DT)})"
                for state in rule.text.states
                if state.rate != 0
            ]
            lines += [f"{stated[state.symbol.name]} = {text(value)}" for state, value in rule.text.statements]
            names = {name: f"{name}{suffix}" for name in _remembered(projection)}
            return "\n".join([*lines, optimizer.brian2_code(weight, text(lr * summed + local), names, updater.lr)])

        learn = code("W", "")
        if projection.bounds is not None:
            low, high = (f"({limit!r})" if np.isfinite(limit) else f"({limit})" for limit in projection.bounds)
            learn += f"\nW = clip(W, {low}, {high})"
        name = f"{projection.name}_rule"
        synapses.run_regularly(learn, when="plasticity", order=place, name=name)
        if updater.learn_bias:
            post.run_regularly(
                code(bias, f"_{projection.name}"),
                when="plasticity",
                order=place + 1,
                name=f"{projection.name}_bias_rule",
            )

    def _meaning(self, projection: Projection, name: str, group: VariableOwner, of_bias: bool) -> sympy.Expr | float:
        """Return what a name in a rule means in the code of the synapses, or of the bias in the population."""
        rule = projection.learning.plasticity
        numbers = rule.numbers(self.network.clock.dt_)
        if name in numbers:
            return numbers[name]
        if name == "t":
            return numbers["dt"] * sympy.Symbol("t_in_timesteps", real=True)
        variable, _, side = name.rpartition("_")
        if of_bias and side == "pre":
            return sympy.Integer(1)
        arrives = f"{variable}_arrives" if side == "pre" and _is_delayed(projection) else name
        meant = sympy.Symbol(variable if of_bias else arrives, real=True)
        population = projection.pre if side == "pre" else projection.post
        if variable not in population.variables or population.variables[variable].dim is DIMENSIONLESS:
            return meant
        group.namespace[f"unit_of_{name}"] = Quantity(1.0, dim=population.variables[variable].dim)
        return meant / sympy.Symbol(f"unit_of_{name}", real=True)

    def W(self, projection: str) -> np.ndarray:
        """Weights ``(n_pre, n_post)`` of a projection."""
        synapses = self._synapses[projection]
        weights = np.zeros((synapses.source.units, synapses.target.units), self.network.dtype)
        weights[np.asarray(synapses.i), np.asarray(synapses.j)] = synapses.W_[:]
        return weights

    def b(self, projection: str) -> np.ndarray:
        """Biases ``(n_post,)`` of a projection."""
        return self._synapses[projection].target.view(f"b_{projection}")[:, 0]


def _is_delayed(projection: Projection) -> bool:
    return projection.delay_steps is not None and bool(projection.delay_steps.any())


def _presynaptic(projection: Projection) -> list[str]:
    """Return the presynaptic variables of a projection's rule, as the rule names them."""
    if projection.learning is None:
        return []
    rule = projection.learning.plasticity
    expressions = [rule.expression, *(value for _, value in rule.text.statements)]
    used = {s.name for expression in expressions for s in expression.free_symbols if not is_state(s)}
    return sorted(name for name in used if name.endswith("_pre") and name not in rule.constants)


def _remembered(projection: Projection) -> tuple[str, ...]:
    """Return the names of what each synapse remembers for its rule and optimizer."""
    if projection.learning is None:
        return ()
    rule = projection.learning.plasticity
    carried = ("change",) if rule.optimizer.carried else ()
    states = (f"state_{state.name}" for state in rule.text.states)
    return (*carried, *rule.optimizer.memories, *rule.optimizer.counters, *states)
