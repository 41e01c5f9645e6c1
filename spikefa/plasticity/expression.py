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


def terms_of(node: ast.expr, sign: int = 1) -> list[tuple[int, ast.expr]]:
    """Return the terms of a sum as it is written, each with its sign; a product of sums is one term."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        right = sign if isinstance(node.op, ast.Add) else -sign
        return terms_of(node.left, sign) + terms_of(node.right, right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return terms_of(node.operand, sign if isinstance(node.op, ast.UAdd) else -sign)
    return [(sign, node)]


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


def factored(summed: sympy.Expr, local: sympy.Expr) -> Factored:
    """Write the right side of a rule as a sum of outer products and a decay.

    Parameters
    ----------
    summed, local : Expr
        What is summed over the streams, and what is applied once a step, of ``W``, ``dt``, ``t``, constants, and in
        `summed` names that end in ``_pre`` or ``_post``.
    """
    decay = _decay(local)
    by_pre = _by_presynaptic_factor(summed)
    if decay is None or by_pre is None:
        return Factored(None, sympy.Integer(0))
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


def _decay(local: sympy.Expr) -> sympy.Expr | None:
    """Return c of an expression ``-c * W``; None for any other one."""
    decay = sympy.Integer(0)
    for term in sympy.Add.make_args(sympy.expand(local)):
        if term == 0:
            continue
        coefficient, power = term.as_independent(*(s for s in term.free_symbols if s.name == "W"), as_Add=False)
        if not power.is_Symbol or _has_time(term):
            return None
        decay -= coefficient
    return decay


def _by_presynaptic_factor(summed: sympy.Expr) -> dict[sympy.Expr, sympy.Expr] | None:
    """Return f(pre) -> the rest of its terms, of a sum of terms f(pre) * g(post); None of any other one.

    A term without variables, such as ``a * b`` of ``(y_pre - a) * (y_post - b)``, has factors of 1.
    """
    by_pre: dict[sympy.Expr, sympy.Expr] = {}
    for term in sympy.Add.make_args(sympy.expand(summed)):
        if term == 0:
            continue
        pre, rest = sympy.Integer(1), sympy.Integer(1)
        for factor in sympy.Mul.make_args(term):
            names = {s.name for s in factor.free_symbols}
            sides = set().union(*map(side_of, names))
            if "W" in names or sides == {"pre", "post"} or ("pre" in sides and "t" in names):
                return None
            if "pre" in sides:
                pre *= factor
            else:  # a function of the time is computed with the postsynaptic factor
                rest *= factor
        by_pre[pre] = by_pre.get(pre, 0) + rest
    return by_pre


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
