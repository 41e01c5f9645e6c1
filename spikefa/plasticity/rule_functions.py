"""Functions in rules: which are called, which there are, and what an expression is where every variable is 1."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy
from brian2.core.functions import DEFAULT_FUNCTIONS, Function
from brian2.parsing.sympytools import sympy_to_str

#: What draws or needs a clock, which rules do not have.
NOT_IN_RULES = frozenset({"rand", "randn", "poisson", "timestep"})


def called(expression: sympy.Expr) -> set[str]:
    """Return the names of the functions that an expression calls."""
    calls = (node.func for node in ast.walk(ast.parse(sympy_to_str(expression))) if isinstance(node, ast.Call))
    return {name.id for name in calls if isinstance(name, ast.Name)}


def known(namespaces: Iterable[Mapping[str, Any]]) -> dict[str, Callable]:
    """Return Brian2's functions, and those of the user in the namespaces of populations, by name."""
    own = {name: f for space in namespaces for name, f in space.items() if isinstance(f, Function)}
    return {name: f.pyfunc for name, f in {**DEFAULT_FUNCTIONS, **own}.items() if name not in NOT_IN_RULES}


def value(expression: sympy.Expr, values: Mapping[str, float], functions: Mapping[str, Callable]) -> float:
    """Return the value of an expression, where variables that have none in `values` are 1."""
    names = {symbol.name: values.get(symbol.name, 1) for symbol in expression.free_symbols}
    return float(eval(sympy_to_str(expression), dict(functions), names))
