"""Plasticity: a rule stated as an expression, factored, and run on the projection's weights.

``dW = -eta * delta_post * psi_post * s_pre - gamma * W`` is a sum of terms. Those with variables are summed over the
streams and multiplied out. Each ``c * f(pre) * g(post)`` is a rank-`streams` product: f and g become Brian2 statements
of their populations, so that every name, subexpression and target means what it means in the equations. A term
``c * W`` with constant c is decay. Any other rule is run by a loop over synapses (see
`spikefa.engine.kernels.synapse_loop`). States that depend on one population alone are traces of its units (see
`spikefa.plasticity.rule_text`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from brian2 import Quantity
from sympy.core.function import AppliedUndef

from spikefa._checks import in_range, shown, text, true_or_false
from spikefa.core.expression_checks import shortened
from spikefa.engine.kernels.loop_functions import LOOP_FUNCTIONS
from spikefa.errors import ArgumentError, did_you_mean
from spikefa.plasticity import rule_functions
from spikefa.plasticity.expression import TIMES, factored, is_state, mixed, to_text
from spikefa.plasticity.optimizers import Optimizer
from spikefa.plasticity.optimizers.sgd import SGD
from spikefa.plasticity.rule_text import read_rule
from spikefa.populations.population import Population


@dataclass
class Plasticity:
    """A learning rule and its constants; one may serve several projections.

    Parameters
    ----------
    rule : str
        ``"dW = expression"``, the update of a step, or ``"dW/dt = expression"``, a rate whose update is
        ``expression * dt``. Of ``W``, the rule's constants, the time ``t`` and the duration ``dt`` of the step in
        seconds, and variables of the two populations with the suffix ``_pre`` or ``_post``. Terms with such variables
        are summed over the streams; terms without are applied once a step. Terms are those of the sum as it is written,
        before products are multiplied out. The bias learns by the same rule from a unit
        whose every variable is 1. Lines before it may state variables of each synapse, such as an eligibility trace:
        ``"de/dt = -e / tau_e : 1 (synapse)"`` and ``"e += s_pre * psi_post"``. In each step states decay, exactly;
        then statements run in their order; then the weights are updated.
    constants : dict
        The constants, numbers or quantities, such as ``{"eta": 1e-3, "tau_e": 20*ms}``. Quantities count in base units:
        seconds, volts. Between two runs one may be changed, ``rule.constants["eta"] = 5e-4``, unless it is part of an
        expression of one population's variables, such as ``a`` in ``(s_pre - a)``; that is refused.
    optimizer : Optimizer
        How weights move by the updates: `SGD`, `Momentum`, `RMSprop`, `Adam` or one of your own.
    lr : float
        Learning rate: a factor of every term with pre- or post-synaptic variables, or, if the optimizer normalises
        updates, of the move. Schedules change each projection's `lr_factor` instead.
    average_streams : bool
        Whether terms with pre- or post-synaptic variables are averaged over the streams instead of summed, so that a
        learning rate does not depend on their number.

    Raises
    ------
    ArgumentError
        If the rule does not parse, a constant or `lr` is not finite, or `optimizer` is none.

    Examples
    --------
    >>> import spikefa as fa
    >>> rule = fa.Plasticity("dW = -eta * delta_post * s_pre - gamma * W", {"eta": 1e-3, "gamma": 1e-6})
    >>> rule.constants["eta"]
    0.001
    """

    rule: str
    constants: Mapping[str, float | Quantity] = field(default_factory=dict)
    optimizer: Optimizer = field(default_factory=SGD)
    lr: float = 1.0
    average_streams: bool = False

    def __post_init__(self):
        name = " ".join(text("Rule", "rule", self.rule).split())
        self.title = f"Rule {shortened(name)!r}"
        self.text = read_rule(self.title, self.rule)
        self._check_constants()
        self.expression = self.text.update
        self.factored = factored(*self.split())
        in_range(self.title, "lr", self.lr)
        true_or_false(self.title, "average_streams", self.average_streams)
        self._check_coefficients(None)
        if not isinstance(self.optimizer, Optimizer):
            raise ArgumentError(
                f"{self.title}: optimizer must be one such as fa.SGD() or fa.Momentum(0.9), got {shown(self.optimizer)}"
            )

    def _check_constants(self) -> None:
        if not isinstance(self.constants, Mapping):
            raise ArgumentError(
                f"{self.title}: constants must be a dict such as {{'eta': 1e-3}}, got {shown(self.constants)}"
            )
        states = {state.name for state in self.text.states}
        for name, value in self.constants.items():
            plain = isinstance(name, str) and name.isidentifier() and name not in ("W", *TIMES) and name[0] != "_"
            if not plain or name.endswith(("_pre", "_post")) or name in states:
                rule = (
                    "be a name that is not W, t, dt or a state, does not begin with _ and does not end in _pre or _post"
                )
                raise ArgumentError(f"{self.title}: a constant's name must {rule}, got {shown(name)}")
            one = isinstance(value, Quantity) and np.ndim(value) == 0
            in_range(self.title, f"constant {name!r}", float(value) if one else value)

    def numbers(self, dt: float | None) -> dict[str, float]:
        """Return the constants as numbers, in base units, and the duration of a step in seconds, if it is known."""
        numbers = {n: float(v) if isinstance(v, Quantity) else v for n, v in self.constants.items()}
        return numbers if dt is None else numbers | {"dt": float(dt)}

    def _check_streams(self, title: str, streams: int) -> None:
        """Refuse a rule in which a function of W and of variables would be summed over several streams."""
        one = mixed(self.expression) if streams > 1 else None
        if one is not None:
            raise ArgumentError(
                f"{title}, {self.title}: must not have the function {to_text(one)} of W and of variables together with "
                f"{streams} streams, which is summed over the streams while a term of W alone is applied once; bound "
                "weights by the projection's bounds=(low, high), or use one stream"
            )

    def check_names(self, title: str, pre: Population, post: Population) -> None:
        """Refuse a rule that names what neither population has, or whose functions cannot be computed."""
        self._check_streams(title, pre.streams)
        self._check_coefficients(pre.clock.dt_)
        own = rule_functions.known((pre.constants, post.constants))
        expressions = [(self.expression, LOOP_FUNCTIONS if self.factored.outer is None else own)]
        for state, value in self.text.statements:
            expressions.append((value, LOOP_FUNCTIONS if state.side == "synapse" else own))
        for expression, functions in expressions:
            self._check_functions(title, expression, functions)
        rates = [state.rate for state in self.text.states]
        used = set().union(*(e.free_symbols for e in (*rates, *(expression for expression, _ in expressions))))
        for name in sorted(s.name for s in used if not is_state(s)):
            self._check_name(title, name, pre, post)

    def _check_functions(self, title: str, expression: sympy.Expr, functions: Mapping[str, Any]) -> None:
        for name in sorted(rule_functions.called(expression) - set(functions)):
            there_are = f"there are {', '.join(sorted(functions))}"
            hint = "state it in a population's equations" if name in rule_functions.NOT_IN_RULES else there_are
            raise ArgumentError(f"{title}, {self.title}: must not have the function {name!r}; {hint}")

    def _check_name(self, title: str, name: str, pre: Population, post: Population) -> None:
        side = {"_pre": pre, "_post": post}.get("_" + name.rpartition("_")[2])
        if side is not None and name.rpartition("_")[0]:
            variable = name.rpartition("_")[0]
            if variable not in side.variables:
                exist = sorted(n for n in side.variables if not n.startswith("_"))
                raise ArgumentError(
                    f"{title}, {self.title}: {name!r} needs a variable {variable!r} of {side.name!r}, which has {exist}"
                )
        elif name not in ("W", *TIMES, *self.constants):
            raise ArgumentError(
                f"{title}, {self.title}: unknown symbol {name!r}; there are W, t, dt, the constants "
                f"{sorted(self.constants)}, and variables with _pre or _post{self._hint(name)}"
            )

    def _hint(self, name: str) -> str:
        numbers = {"e": "for Euler's number write exp(1)", "pi": "give the number as a constant"}
        return f"; {numbers[name]}" if name in numbers else did_you_mean(name, (*self.constants, "W"))

    def value(self, coefficient: sympy.Expr, dt: float | None = None) -> float:
        """Return a coefficient with the constants, and the duration of a step in seconds, put in."""
        return _value(coefficient, tuple(self.numbers(dt).items()))

    def _check_coefficients(self, dt: float | None) -> None:
        """Refuse coefficients and rates that are no finite numbers, if everything in them is known."""
        numbers = self.numbers(dt)
        coefficients = [self.factored.decay, *(term.coefficient for term in self.factored.outer or ())]
        for coefficient in (*coefficients, *(state.rate for state in self.text.states)):
            names = {symbol.name for symbol in coefficient.free_symbols}
            if names <= set(numbers) and rule_functions.called(coefficient) <= set(rule_functions.known(())):
                try:
                    value = self.value(coefficient, dt)
                except (ArithmeticError, TypeError, ValueError):  # such as a root of -1
                    value = math.nan
                if not math.isfinite(value):
                    constants = {name: numbers[name] for name in sorted(names)}
                    raise ArgumentError(
                        f"{self.title}: {to_text(coefficient)} must be finite and real, got {constants}"
                    )

    def split(self) -> tuple[sympy.Expr, sympy.Expr]:
        """Return the terms that are summed over the streams, and those that are applied once a step."""
        return self.text.split()


@lru_cache(1000)
def _value(coefficient: sympy.Expr, numbers: tuple[tuple[str, float], ...]) -> float:
    """Return a coefficient with numbers put in; sympy takes longer for it than a step of a small network."""
    number = coefficient.subs({_symbol(coefficient, name): value for name, value in numbers})
    if number.has(AppliedUndef):  # such as sqrt, which Brian2 computes
        return rule_functions.value(number, {}, rule_functions.known(()))
    return float(number)


def _symbol(expression: sympy.Expr, name: str) -> sympy.Symbol:
    return next((s for s in expression.free_symbols if s.name == name), sympy.Symbol(name, real=True))
