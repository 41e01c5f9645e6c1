"""Plasticity: a rule stated as one expression, factored, and run on the projection's weights.

``dW = -eta * delta_post * psi_post * s_pre - gamma * W`` is expanded into a sum of terms. A term
``c * f(pre) * g(post)`` is a rank-`streams` product: f and g become Brian2 statements of their populations,
so that every name, subexpression and target means what it means in the equations. A term ``c * W`` with
constant c is decay. Any other rule is run by a loop over synapses (see `spikefa.engine.kernels.synapse_loop`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str

from spikefa._checks import in_range
from spikefa.engine.kernels.synapse_loop import LOOP_FUNCTIONS
from spikefa.errors import ArgumentError
from spikefa.plasticity import rule_functions
from spikefa.plasticity.expression import factored
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
        self.title = f"Rule {self.rule!r}"
        left, equals, right = self.rule.partition("=")
        if not equals or left.strip() != "dW" or not right.strip():
            raise ArgumentError(f"{self.title}: must have the form 'dW = expression'")
        try:
            self.expression = str_to_sympy(right.strip())
        except Exception as error:
            raise ArgumentError(f"{self.title}: is not an expression Brian2 can read ({error})") from error
        if self.expression.has(sympy.zoo, sympy.nan, sympy.oo):
            raise ArgumentError(f"{self.title}: must be finite, got {sympy_to_str(self.expression)}")
        self.factored = factored(self.expression)
        self.symbols = sorted(s.name for s in self.expression.free_symbols)
        for name, value in self.constants.items():
            in_range(self.title, f"constant {name!r}", value)
        in_range(self.title, "lr", self.lr)
        if not isinstance(self.optimizer, Optimizer):
            raise ArgumentError(
                f"{self.title}: optimizer must be one such as fa.SGD() or fa.Momentum(0.9), got {self.optimizer!r}"
            )

    def check_names(self, title: str, pre: Population, post: Population) -> None:
        """Refuse a rule that names something neither population has, or a function that there is not."""
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
                    f"{sorted(self.constants)}, and variables with _pre or _post"
                )

    def value(self, coefficient: sympy.Expr) -> float:
        """Return a coefficient with the constants put in."""
        return float(coefficient.subs({_symbol(coefficient, n): v for n, v in self.constants.items()}))

    def split(self) -> tuple[sympy.Expr, sympy.Expr]:
        """Return the terms that are summed over the streams, and those that are applied once a step."""
        summed, local = sympy.Integer(0), sympy.Integer(0)
        for term in sympy.Add.make_args(sympy.expand(self.expression)):
            if any(s.name.endswith(("_pre", "_post")) for s in term.free_symbols):
                summed += term
            else:
                local += term
        return summed, local


def _symbol(expression: sympy.Expr, name: str) -> sympy.Symbol:
    return next((s for s in expression.free_symbols if s.name == name), sympy.Symbol(name, real=True))
