"""Factors of a rule: expressions of one population's variables, computed in every step by Brian2's code."""

from __future__ import annotations

import math

import numpy as np
import sympy
from brian2 import Quantity
from brian2.units.fundamentalunits import DIMENSIONLESS

from spikefa._checks import refuse
from spikefa.core.network import Network
from spikefa.plasticity.expression import is_state, to_text
from spikefa.plasticity.rule import Plasticity
from spikefa.populations.delay_line import DelayLine
from spikefa.populations.population import Population


class Factors:
    """Computes factors of the rule of one projection, and the states that are traces of its populations.

    Parameters
    ----------
    network : Network
    plasticity : Plasticity
    pre, post : Population
    projection : str
        Name of the projection.
    title : str
        Begins messages.
    line : DelayLine or None
        Of a projection with a delay, whose presynaptic factors are those of the step in which what arrives was sent.
    place : int
        Order, in the slot ``plasticity``, of the code.
    """

    def __init__(
        self,
        network: Network,
        plasticity: Plasticity,
        pre: Population,
        post: Population,
        projection: str,
        title: str,
        line: DelayLine | None,
        place: int,
    ):
        self.network, self.plasticity, self.projection, self.title = network, plasticity, projection, title
        self._line, self._place, self._sides = line, place, {"pre": pre, "post": post}
        self._numbers = plasticity.numbers(network.clock.dt_)
        #: Names of constants that stand in the populations' code as numbers.
        self._written: set[str] = set()
        self.has_traces = any(state.side == "pre" for state in plasticity.text.states)

    def add_traces(self, for_bias: bool) -> None:
        """Let the populations compute the states that are traces of theirs.

        Parameters
        ----------
        for_bias : bool
            Whether the postsynaptic population also has the traces of the unit from which the bias learns.
        """
        for side in ("pre", "post"):
            self._add_traces(side, self._sides[side], "")
        if for_bias:
            self._add_traces("pre", self._sides["post"], "bias_")

    def _add_traces(self, side: str, population: Population, prefix: str) -> None:
        rule = self.plasticity.text.of(side)
        if not rule.states:
            return
        lines, dt = [], self.network.clock.dt_
        for state in rule.states:
            name = self._trace(state.name, prefix)
            if name in population.variables:
                refuse(
                    self.title, "the name of a state", f"not make {name!r}, which {population.name!r} has", state.name
                )
            population.add_array(name)
            if state.rate != 0:
                self._written |= {symbol.name for symbol in state.rate.free_symbols}
                lines.append(f"{name} = {math.exp(self.plasticity.value(state.rate, dt) * dt)!r} * {name}")
        for state, value in rule.statements:
            lines.append(f"{self._trace(state.name, prefix)} = {to_text(self._plain(value, population, prefix))}")
        population.run_regularly(
            "\n".join(lines),
            when="plasticity",
            order=self._place - 0.5,
            name=f"{prefix}{side}_traces_of_{self.projection}",
        )

    def check_constants(self) -> None:
        """Refuse constants of the rule that were changed and stand in code as they were; coefficients may change.

        Raises
        ------
        ArgumentError
            Naming the first.
        """
        numbers = self.plasticity.numbers(None)
        for name in sorted(self._written & set(numbers)):
            if numbers[name] != self._numbers[name]:
                rule = f"stay {self._numbers[name]}, with which the projection was made"
                refuse(self.title, f"constant {name!r} of {self.plasticity.title}", rule, numbers[name])

    def _trace(self, state: str, prefix: str = "") -> str:
        return f"{prefix}{state}_{self.projection}"

    def _plain(self, expression: sympy.Expr, population: Population, prefix: str = "") -> sympy.Expr:
        """Return an expression of a population's own variables, without suffixes.

        With a prefix, presynaptic variables are 1, and presynaptic traces those of the bias.
        """
        return expression.subs(
            {s: self._meaning(s, population, prefix) for s in expression.free_symbols},
            simultaneous=True,  # a constant may have the name of a variable
        )

    def _meaning(self, symbol: sympy.Symbol, population: Population, prefix: str) -> sympy.Expr | float:
        name = symbol.name
        if name in self._numbers:
            self._written.add(name)
            return self._numbers[name]
        if name == "t":  # without its unit, and in double precision
            return self._numbers["dt"] * sympy.Symbol("t_in_timesteps", real=True)
        variable, _, side = name.rpartition("_")
        if is_state(symbol):
            return sympy.Symbol(self._trace(variable[1:], prefix if side == "pre" else ""), real=True)
        if prefix and side == "pre":
            return sympy.Integer(1)
        dim = population.variables[variable].dim
        plain = sympy.Symbol(variable, real=True)
        if dim is DIMENSIONLESS:
            return plain
        unit = f"unit_of_{variable}"  # rules are of numbers, in base units
        population.namespace[unit] = Quantity(1.0, dim=dim)
        return plain / sympy.Symbol(unit, real=True)

    def of(self, side: str, expression: sympy.Expr, label: str) -> np.ndarray:
        """Return the values of an expression of one side, ``(units, streams)``; of what arrives ``(rows, streams)``."""
        population = self._sides[side]
        values = self._values(population, expression, label)
        return self._arriving(values, expression, label) if side == "pre" else values

    def of_bias(self, pre: sympy.Expr, post: sympy.Expr, label: str) -> np.ndarray:
        """Return the product of two expressions for the bias, whose presynaptic unit is 1, ``(n_post, streams)``."""
        population = self._sides["post"]
        product = self._plain(pre, population, "bias_") * self._plain(post, population)
        return self._computed(population, product, label)

    def _values(self, population: Population, expression: sympy.Expr, label: str) -> np.ndarray:
        if expression.is_Symbol:
            variable, _, _ = expression.name.rpartition("_")
            name = self._trace(variable[1:]) if is_state(expression) else variable
            if expression.name not in self._numbers and population.of_its_type(name):
                return population.view(name)
        return self._computed(population, self._plain(expression, population), label)

    def _computed(self, population: Population, plain: sympy.Expr, label: str) -> np.ndarray:
        target = f"{label}_{self.projection}"
        array = population.add_array(target)
        if plain.is_number:
            array[...] = float(plain)
            return array
        population.run_regularly(
            f"{target} = {to_text(plain)}", when="plasticity", order=self._place, name=f"{target}_of_{population.name}"
        )
        return array

    def _arriving(self, sent: np.ndarray, expression: sympy.Expr, label: str) -> np.ndarray:
        """Return the factor of a presynaptic expression for what arrives in the step, ``(rows, streams)``."""
        if self._line is None:
            return sent
        if np.shares_memory(sent, self._line.source):
            return self._line.output
        if not expression.free_symbols:
            return np.broadcast_to(sent[:1], self._line.output.shape).copy()
        name = f"{label}_{self.projection}_delay"
        line = DelayLine(self.network, sent, self._line.delay, False, "plasticity", self._place + 1, name)
        self.network.join(line)
        return line.output
