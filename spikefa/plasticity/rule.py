"""Plasticity: a rule stated as one expression, factored, and run on the projection's weights.

``dW = -eta * delta_post * psi_post * s_pre - gamma * W`` is expanded into a sum of terms. A term
``c * f(pre) * g(post)`` is a rank-`streams` product: f and g become Brian2 statements of their populations,
so that every name, subexpression and target means what it means in the equations. A term ``c * W`` with
constant c is decay. Any other rule is run by a loop over synapses (see `spikefa.engine.kernels.synapse_loop`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy
from sympy.core.function import AppliedUndef

from spikefa._checks import in_range, shown, text
from spikefa.core.expression_checks import check_expression, shortened
from spikefa.engine.kernels.synapse_loop import LOOP_FUNCTIONS
from spikefa.errors import ArgumentError, EquationError, did_you_mean
from spikefa.plasticity import rule_functions
from spikefa.plasticity.expression import factored, has_variables, mixed, to_sympy, to_text
from spikefa.plasticity.optimizers import Optimizer
from spikefa.plasticity.optimizers.sgd import SGD
from spikefa.populations.population import Population


@dataclass
class Plasticity:
    """A learning rule and its constants; one may serve several projections.

    Parameters
    ----------
    rule : str
        ``"dW = expression"`` of ``W``, the rule's constants, and variables of the two populations with the
        suffix ``_pre`` or ``_post``. Terms with such variables are summed over the streams; terms without
        are applied once a step. The bias learns by the same rule from a unit whose every variable is 1.
    constants : dict
        The constants, such as ``{"eta": 1e-3, "gamma": 1e-8}``.
    optimizer : Optimizer
        How weights move by the updates: `SGD`, `Momentum`, `RMSprop`, `Adam` or one of your own.
    lr : float
        Learning rate: a factor of every term with pre- or post-synaptic variables, or, if the optimizer normalises
        updates, of the move. Schedules change each projection's `lr_factor` instead.

    Raises
    ------
    ArgumentError
        If the rule does not parse, a constant or `lr` is not finite, or `optimizer` is none.
    """

    rule: str
    constants: Mapping[str, float] = field(default_factory=dict)
    optimizer: Optimizer = field(default_factory=SGD)
    lr: float = 1.0

    def __post_init__(self):
        self.title = f"Rule {shortened(text('Rule', 'rule', self.rule))!r}"
        left, equals, right = self.rule.partition("=")
        if not equals or left.strip() != "dW" or not right.strip():
            raise ArgumentError(f"{self.title}: must have the form 'dW = expression'")
        self._check_constants()
        try:
            tree = check_expression(self.title, "right side", right.strip())
        except EquationError as error:
            raise ArgumentError(str(error)) from error
        try:
            self.expression = to_sympy(tree)
        except EquationError as error:
            raise ArgumentError(f"{self.title}: right side must {error}") from error
        if self.expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I):
            raise ArgumentError(f"{self.title}: must be finite and real, got {to_text(self.expression)}")
        self.factored = factored(self.expression)
        self.symbols = sorted(s.name for s in self.expression.free_symbols)
        in_range(self.title, "lr", self.lr)
        for coefficient in (self.factored.decay, *(term.coefficient for term in self.factored.outer or ())):
            self._check_coefficient(coefficient)
        if not isinstance(self.optimizer, Optimizer):
            raise ArgumentError(
                f"{self.title}: optimizer must be one such as fa.SGD() or fa.Momentum(0.9), got {shown(self.optimizer)}"
            )

    def _check_constants(self) -> None:
        if not isinstance(self.constants, Mapping):
            raise ArgumentError(
                f"{self.title}: constants must be a dict such as {{'eta': 1e-3}}, got {shown(self.constants)}"
            )
        for name, value in self.constants.items():
            plain = isinstance(name, str) and name.isidentifier() and name != "W" and name[0] != "_"
            if not plain or name.endswith(("_pre", "_post")):
                rule = "be a name that is not W, does not begin with _ and does not end in _pre or _post"
                raise ArgumentError(f"{self.title}: a constant's name must {rule}, got {shown(name)}")
            in_range(self.title, f"constant {name!r}", value)

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
        own = (pre.constants, post.constants)
        functions = LOOP_FUNCTIONS if self.factored.outer is None else rule_functions.known(own)
        for name in sorted(rule_functions.called(self.expression) - set(functions)):
            there_are = f"there are {', '.join(sorted(functions))}"
            hint = "state it in a population's equations" if name in rule_functions.NOT_IN_RULES else there_are
            raise ArgumentError(f"{title}, {self.title}: must not have the function {name!r}; {hint}")
        for name in self.symbols:
            side = {"_pre": pre, "_post": post}.get("_" + name.rpartition("_")[2])
            if side is not None and name.rpartition("_")[0]:
                variable = name.rpartition("_")[0]
                if variable not in side.variables:
                    exist = sorted(n for n in side.variables if not n.startswith("_"))
                    raise ArgumentError(
                        f"{title}, {self.title}: {name!r} needs a variable {variable!r} of "
                        f"{side.name!r}, which has {exist}"
                    )
            elif name != "W" and name not in self.constants:
                raise ArgumentError(
                    f"{title}, {self.title}: unknown symbol {name!r}; there are W, the constants "
                    f"{sorted(self.constants)}, and variables with _pre or _post{self._hint(name)}"
                )

    def _hint(self, name: str) -> str:
        numbers = {"e": "for Euler's number write exp(1)", "pi": "give the number as a constant"}
        return f"; {numbers[name]}" if name in numbers else did_you_mean(name, (*self.constants, "W"))

    def value(self, coefficient: sympy.Expr) -> float:
        """Return a coefficient with the constants put in."""
        number = coefficient.subs({_symbol(coefficient, n): v for n, v in self.constants.items()})
        if number.has(AppliedUndef):  # such as sqrt, which Brian2 computes
            return rule_functions.value(number, {}, rule_functions.known(()))
        return float(number)

    def _check_coefficient(self, coefficient: sympy.Expr) -> None:
        """Refuse a coefficient that is no finite number, if everything in it is known."""
        known = {symbol.name for symbol in coefficient.free_symbols} <= set(self.constants)
        if known and rule_functions.called(coefficient) <= set(rule_functions.known(())):
            try:
                value = self.value(coefficient)
            except (ArithmeticError, TypeError, ValueError):  # such as a root of -1
                value = math.nan
            if not math.isfinite(value):
                constants = {name: self.constants[name] for name in sorted(map(str, coefficient.free_symbols))}
                raise ArgumentError(f"{self.title}: {to_text(coefficient)} must be finite and real, got {constants}")

    def split(self) -> tuple[sympy.Expr, sympy.Expr]:
        """Return the terms that are summed over the streams, and those that are applied once a step."""
        summed, local = sympy.Integer(0), sympy.Integer(0)
        for term in sympy.Add.make_args(sympy.expand(self.expression)):
            if has_variables(term):
                summed += term
            else:
                local += term
        return summed, local


def _symbol(expression: sympy.Expr, name: str) -> sympy.Symbol:
    return next((s for s in expression.free_symbols if s.name == name), sympy.Symbol(name, real=True))
