"""Functions in rules: which are called, which there are, and what an expression is where every variable is 1."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import sympy
from brian2.core.functions import DEFAULT_FUNCTIONS, Function

from spikefa.plasticity.expression import to_text

#: What draws or needs a clock, which rules do not have.
NOT_IN_RULES = frozenset({"rand", "randn", "poisson", "timestep"})


def called(expression: sympy.Expr) -> set[str]:
    """Return the names of the functions that an expression calls."""
    calls = (node.func for node in ast.walk(ast.parse(to_text(expression))) if isinstance(node, ast.Call))
    return {name.id for name in calls if isinstance(name, ast.Name)}


def known(namespaces: Iterable[Mapping[str, Any]]) -> dict[str, Callable]:
    """Return Brian2's functions, and those of the user in the namespaces of populations, by name."""
    own = {name: f for space in namespaces for name, f in space.items() if isinstance(f, Function)}
    return {name: f.pyfunc for name, f in {**DEFAULT_FUNCTIONS, **own}.items() if name not in NOT_IN_RULES}


def value(expression: sympy.Expr, values: Mapping[str, float], functions: Mapping[str, Callable]) -> float:
    """Return the value of an expression, where variables that have none in `values` are 1."""
    names = {symbol.name: values.get(symbol.name, 1) for symbol in expression.free_symbols}
    with np.errstate(all="ignore"):
        return float(_value(ast.parse(to_text(expression), mode="eval").body, names, functions))


_OPERATIONS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.And: lambda *parts: all(parts),
    ast.Or: lambda *parts: any(parts),
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def _value(node: ast.expr, names: Mapping[str, float], functions: Mapping[str, Callable]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names[node.id]
    parts = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    values = [_value(part, names, functions) for part in parts if isinstance(part, ast.expr)]
    if isinstance(node, ast.Call):
        return functions[node.func.id](*values)
    return _OPERATIONS[type(node.ops[0] if isinstance(node, ast.Compare) else node.op)](*values)
