"""A rule as a sum of outer products: ``c * f(pre) * g(post)`` terms, and decay."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass

import sympy
from brian2.parsing.rendering import SympyNodeRenderer
from brian2.parsing.sympytools import sympy_to_str
from sympy.polys.polyutils import decompose_power

from spikefa.errors import EquationError

#: Up to which size SymPy factors a sum in no time; beyond, a sum is taken as it is.
MAX_POWER, MAX_FACTORED_TERMS, MAX_SYMBOLS = 12, 64, 12
#: Constants that SymPy knows by itself, and Brian2 by names that a rule may give to constants of its own.
_NUMBERS = {sympy.E: sympy.Float(math.e), sympy.pi: sympy.Float(math.pi)}
#: Names in rules: the duration of a step and its time, in seconds.
TIMES = ("dt", "t")
DT = sympy.Symbol("dt", real=True)


@dataclass(frozen=True)
class OuterTerm:
    """``coefficient * f(pre) * g(post)``: expressions with their suffixes taken off."""

    coefficient: sympy.Expr
    pre: sympy.Expr
    post: sympy.Expr


@dataclass(frozen=True)
class Factored:
    """A rule as outer products and a decay, or `None` terms where it has another form."""

    outer: tuple[OuterTerm, ...] | None
    decay: sympy.Expr


class _Renderer(SympyNodeRenderer):
    """Every name is a variable, those that Brian2 takes for constants too, such as ``e``."""

    def render_Name(self, node: ast.Name) -> sympy.Symbol:
        return sympy.Symbol(node.id, real=True)


def to_sympy(node: ast.expr) -> sympy.Expr:
    """Return a checked syntax tree as an expression of SymPy (see `spikefa.core.expression_checks`).

    Raises
    ------
    EquationError
        If it is no number, or cannot be read; the message is a rule that begins with a verb.
    """
    numbers = [node]
    for part in ast.walk(node):
        if isinstance(part, ast.BinOp | ast.UnaryOp | ast.Call) and not isinstance(getattr(part, "op", None), ast.Not):
            takes_any = isinstance(part, ast.Call) and part.func.id == "int"
            numbers += [] if takes_any else [p for p in ast.iter_child_nodes(part) if isinstance(p, ast.expr)]
    for part in numbers:
        if _is_truth(part):
            raise EquationError(f"have numbers only, and int({ast.unparse(part)}) instead of {ast.unparse(part)}")
    try:
        return _Renderer().render_node(node)
    except (AttributeError, TypeError, ValueError, NotImplementedError, SyntaxError) as error:
        raise EquationError(f"be an expression that SymPy can read ({error})") from error


def _is_truth(node: ast.expr) -> bool:
    negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    constant = isinstance(node, ast.Constant) and isinstance(node.value, bool)
    return negated or constant or isinstance(node, ast.Compare | ast.BoolOp)


def to_text(expression: sympy.Expr) -> str:
    """Return an expression as a text, in which every name is a variable's."""
    return sympy_to_str(expression.xreplace(_NUMBERS))


def is_finite(expression: sympy.Expr) -> bool:
    """Whether an expression has neither infinities nor imaginary numbers."""
    return not expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I)


def state_symbol(name: str, side: str) -> sympy.Symbol:
    """Return the symbol of a state of the synapses; no variable of a population has a name that begins with ``_``."""
    return sympy.Symbol(f"_{name}_{side}", real=True)


def is_state(symbol: sympy.Symbol) -> bool:
    """Whether a symbol stands for a state of the synapses."""
    return symbol.name.startswith("_")


def side_of(name: str) -> set[str]:
    """Return the side of a variable's name: ``{"pre"}``, ``{"post"}``, or both, of a state of each synapse."""
    sides = {"_pre": {"pre"}, "_post": {"post"}, "_synapse": {"pre", "post"} if name[0] == "_" else set()}
    return next((side for suffix, side in sides.items() if name.endswith(suffix)), set())


def has_variables(expression: sympy.Expr) -> bool:
    """Whether an expression has variables of a population or a synapse, which differ from stream to stream."""
    return any(side_of(symbol.name) for symbol in expression.free_symbols)


def _has_time(expression: sympy.Expr) -> bool:
    return any(symbol.name == "t" for symbol in expression.free_symbols)


def mixed(expression: sympy.Expr) -> sympy.Expr | None:
    """Return the first factor of a term that is a function of W and of a population's variables at once, or None."""
    factors = (f for term in sympy.Add.make_args(sympy.expand(expression)) for f in sympy.Mul.make_args(term))
    return next((f for f in factors if has_variables(f) and any(s.name == "W" for s in f.free_symbols)), None)


def factored(expression: sympy.Expr) -> Factored:
    """Write the right side of a rule as a sum of outer products and a decay.

    Parameters
    ----------
    expression : Expr
        Of ``W``, ``dt``, ``t``, constants, and names that end in ``_pre`` or ``_post``.
    """
    W = next((s for s in expression.free_symbols if s.name == "W"), sympy.Symbol("W", real=True))
    by_pre: dict[sympy.Expr, sympy.Expr] = {}
    decay = sympy.Integer(0)
    for term in sympy.Add.make_args(sympy.expand(expression)):
        parts = {"_pre": sympy.Integer(1), "_post": sympy.Integer(1), "": sympy.Integer(1)}
        power = 0
        for factor in sympy.Mul.make_args(term):
            names = {s.name for s in factor.free_symbols}
            sides = set().union(*map(side_of, names))
            if factor == W:
                power += 1
            elif "W" in names or sides == {"pre", "post"} or ("pre" in sides and "t" in names):
                return Factored(None, decay)
            else:  # a function of the time is computed with the postsynaptic factor
                side = "_pre" if "pre" in sides else "_post" if sides or "t" in names else ""
                parts[side] *= factor
        if _has_time(term) and (power or not has_variables(term)):
            return Factored(None, decay)
        local = parts["_pre"] == 1 and parts["_post"] == 1
        if power == 1 and local:
            decay -= parts[""]
        elif power == 0 and not local:
            by_pre[parts["_pre"]] = by_pre.get(parts["_pre"], 0) + parts[""] * parts["_post"]
        else:
            return Factored(None, decay)
    by_post: dict[sympy.Expr, list] = {}
    for pre, whole in by_pre.items():
        coefficient, post = _split_constant(_as_product(whole))
        by_post.setdefault(post, []).append((coefficient, pre))
    outer = []
    for post, pairs in by_post.items():
        first = pairs[0][0]
        pre = sum((_ratio(c, first) * f for c, f in pairs), sympy.Integer(0))
        outer.append(OuterTerm(first, pre, post))
    return Factored(tuple(outer), decay)


def _as_product(whole: sympy.Expr) -> sympy.Expr:
    """Return a sum as a product, if it is so small that SymPy does not take for ever."""
    terms = sympy.Add.make_args(whole)
    factors = {factor for term in terms for factor in sympy.Mul.make_args(term)}
    powers = [abs(decompose_power(factor)[1]) for factor in factors if not factor.is_Number]
    denominators = {sympy.denom(factor) for factor in factors}
    common = math.prod(len(sympy.Add.make_args(one)) for one in denominators)  # terms of the common denominator
    small = len(terms) * common <= MAX_FACTORED_TERMS and len(whole.free_symbols) <= MAX_SYMBOLS
    return sympy.factor(whole) if small and max(powers, default=0) <= MAX_POWER else whole


def _ratio(one: sympy.Expr, other: sympy.Expr) -> sympy.Expr:
    ratio = one / other
    return sympy.simplify(ratio) if sympy.count_ops(ratio) <= MAX_FACTORED_TERMS else ratio


def _split_constant(expression: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Split a product into what has no suffixed variable and no time, and what has."""
    constant, local = sympy.Integer(1), sympy.Integer(1)
    for factor in sympy.Mul.make_args(expression):
        if has_variables(factor) or _has_time(factor):
            local *= factor
        else:
            constant *= factor
    return constant, local
