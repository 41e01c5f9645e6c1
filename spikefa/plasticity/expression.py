"""A rule as a sum of outer products: ``c * f(pre) * g(post)`` terms, and decay."""

from __future__ import annotations

from dataclasses import dataclass

import sympy


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


def factored(expression: sympy.Expr) -> Factored:
    """Write the right side of a rule as a sum of outer products and a decay.

    Parameters
    ----------
    expression : Expr
        Of ``W``, constants, and names that end in ``_pre`` or ``_post``.
    """
    W = next((s for s in expression.free_symbols if s.name == "W"), sympy.Symbol("W", real=True))
    by_pre: dict[sympy.Expr, sympy.Expr] = {}
    decay = sympy.Integer(0)
    for term in sympy.Add.make_args(sympy.expand(expression)):
        parts = {"_pre": sympy.Integer(1), "_post": sympy.Integer(1), "": sympy.Integer(1)}
        power = 0
        for factor in sympy.Mul.make_args(term):
            names = {s.name for s in factor.free_symbols}
            sides = {"_pre" if n.endswith("_pre") else "_post" if n.endswith("_post") else "" for n in names}
            if factor == W:
                power += 1
            elif "W" in names or sides >= {"_pre", "_post"}:
                return Factored(None, decay)
            else:
                side = "_pre" if "_pre" in sides else "_post" if "_post" in sides else ""
                parts[side] *= factor
        local = parts["_pre"] == 1 and parts["_post"] == 1
        if power == 1 and local:
            decay -= parts[""]
        elif power == 0 and not local:
            by_pre[parts["_pre"]] = by_pre.get(parts["_pre"], 0) + parts[""] * parts["_post"]
        else:
            return Factored(None, decay)
    by_post: dict[sympy.Expr, list] = {}
    for pre, whole in by_pre.items():
        coefficient, post = _split_constant(sympy.factor(whole))
        by_post.setdefault(post, []).append((coefficient, pre))
    outer = []
    for post, pairs in by_post.items():
        first = pairs[0][0]
        pre = sum((sympy.simplify(c / first) * f for c, f in pairs), sympy.Integer(0))
        outer.append(OuterTerm(first, pre, post))
    return Factored(tuple(outer), decay)


def _split_constant(expression: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Split a product into what has no suffixed variable and what has."""
    constant, local = sympy.Integer(1), sympy.Integer(1)
    for factor in sympy.Mul.make_args(expression):
        if any(s.name.endswith(("_pre", "_post")) for s in factor.free_symbols):
            local *= factor
        else:
            constant *= factor
    return constant, local
