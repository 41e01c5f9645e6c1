"""The error in a network's rules and losses: which term of a rule carries it, and the derivative of a loss.

A rule's error term is ``coefficient * s_pre * g(post)``, where g has the error among its factors: what the rule does at
a synapse of weight 0, as it depends on the presynaptic unit's output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real

import numpy as np
import sympy
from brian2 import Quantity
from brian2.codegen.codeobject import create_runner_codeobj
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.variables import Subexpression, Variables
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.utils.stringtools import get_identifiers

from spikefa.errors import ArgumentError
from spikefa.pathways.perturbed_copy import stated_parameters
from spikefa.populations.population import Population
from spikefa.populations.roles import ErrorPopulation
from spikefa.populations.softmax import Softmax
from spikefa.projections.projection import Projection


@dataclass(frozen=True)
class ErrorTerm:
    """The term of a rule that carries the error: ``coefficient * s_pre * post``."""

    coefficient: float
    """With its sign; the largest, if several terms carry the error."""
    post: str
    """Expression of the postsynaptic population's variables."""
    whole: bool
    """Whether every part of what the rule multiplies with the presynaptic output has the error."""


def error_term(projection: Projection, errors: Iterable[str]) -> ErrorTerm | None:
    """Find the term of a projection's rule that carries an error.

    The presynaptic output may stand in the rule by itself, with something subtracted from it, or in a subexpression of
    its population. If a rule has other presynaptic variables instead, such as a trace, these are taken for it.

    Parameters
    ----------
    projection : Projection
        Which learns.
    errors : iterable of str
        Postsynaptic variables that carry errors, such as ``delta``.

    Returns
    -------
    ErrorTerm or None
        None if there is no such term, or if presynaptic variables differ in what they are multiplied with.
    """
    rule = projection.learning.plasticity
    expression = rule.expression.subs({s: 0 for s in rule.expression.free_symbols if s.name == "W"})
    if expression.has(sympy.zoo, sympy.nan, sympy.oo):
        return None
    output = projection.pre.output_variable
    expression = unfolded(expression, projection.pre, lambda name: f"{name}_pre", {output})
    carriers = {f"{name}_post" for name in errors}
    by_pre: dict[sympy.Expr, dict[sympy.Expr, sympy.Expr]] = {}
    for term in sympy.Add.make_args(sympy.expand(expression)):
        parts = _sides(term)
        if parts is None and _has(term, carriers):
            return None
        if parts is not None:
            constant, pre, post = parts
            terms = by_pre.setdefault(pre, {})
            terms[post] = terms.get(post, 0) + constant
    found = {pre: terms for pre, terms in by_pre.items() if any(_has(post, carriers) for post in terms)}
    s = f"{output}_pre"
    alone = [terms for pre, terms in found.items() if pre.is_Symbol and pre.name == s]
    with_it = [terms for pre, terms in found.items() if _has(pre, {s})]
    others = [terms for pre, terms in found.items() if pre != 1]
    chosen = alone or with_it or others or list(found.values())
    if not chosen or any(terms != chosen[0] for terms in chosen):
        return None
    if any(symbol.name.startswith("_") for post in chosen[0] for symbol in post.free_symbols):
        return None  # a trace that belongs to the rule
    constants = rule.numbers(None)
    try:
        values = {post: projection.learning.value(constant) for post, constant in chosen[0].items()}
    except TypeError:  # a constant that is known only when a run begins
        return None
    carrying = {post: value for post, value in values.items() if _has(post, carriers)}
    coefficient = max(carrying.values(), key=abs)
    post = sum(part if value == coefficient else value / coefficient * part for part, value in carrying.items())
    own = {symbol: _without_side(symbol, constants) for symbol in post.free_symbols}
    whole = all(post in carrying or value == 0 for post, value in values.items())
    return ErrorTerm(coefficient, sympy_to_str(post.xreplace(own)), whole)


def _without_side(symbol: sympy.Symbol, constants: dict[str, float]) -> sympy.Expr:
    if symbol.name in constants:
        return sympy.Float(constants[symbol.name])
    return sympy.Symbol(symbol.name.removesuffix("_post"), real=True)


def _has(expression: sympy.Expr, names: set[str]) -> bool:
    return any(symbol.name in names for symbol in expression.free_symbols)


def _sides(term: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr] | None:
    """Split a product into what has no variable, presynaptic ones and postsynaptic ones; None if a factor has both."""
    parts = {"": sympy.Integer(1), "pre": sympy.Integer(1), "post": sympy.Integer(1)}
    for factor in sympy.Mul.make_args(term):
        ends = {symbol.name.rpartition("_")[2] for symbol in factor.free_symbols} & {"pre", "post"}
        if len(ends) > 1:
            return None
        parts[ends.pop() if ends else ""] *= factor
    return tuple(parts.values())


def unfolded(
    expression: sympy.Expr, population: Population, affixed: Callable[[str], str], holding: set[str]
) -> sympy.Expr:
    """Return an expression with those subexpressions of a population written out that depend on some variables.

    Parameters
    ----------
    expression : Expr
        Of the population's variables, by the names that `affixed` gives them, and of others.
    population : Population
    affixed : function
        From a variable's name to its name in the expression.
    holding : set of str
        The variables of which to find what depends on them.
    """
    known = population.variables
    numbers = {n: v for n, v in population.constants.items() if isinstance(v, Real | Quantity) and np.ndim(v) == 0}

    def equation(name: str) -> sympy.Expr | None:
        variable = known[name]
        # What refers to another population is stated in that one's variables.
        own = isinstance(variable, Subexpression) and variable.owner.name == population.name
        return str_to_sympy(variable.expr) if own and name not in holding else None

    def depends(name: str) -> bool:
        stated = equation(name)
        return name in holding or (stated is not None and any(depends(s.name) for s in variables(stated)))

    def variables(stated: sympy.Expr) -> list[sympy.Symbol]:
        return [symbol for symbol in stated.free_symbols if symbol.name in known]

    def value(name: str) -> sympy.Expr:
        stated = equation(name) if depends(name) else None
        if stated is None:
            return sympy.Symbol(affixed(name), real=True)
        constants = {s: sympy.Float(float(numbers[s.name])) for s in stated.free_symbols if s.name in numbers}
        return stated.xreplace(constants | {s: value(s.name) for s in variables(stated)})

    names = {affixed(name): name for name in known}
    return expression.xreplace({s: value(names[s.name]) for s in expression.free_symbols if s.name in names})


def loss_derivative(error: ErrorPopulation, derivative: str) -> str | None:
    """Return the derivative of the loss by the output units' current, if `error` sends the effect of noise on the loss.

    Parameters
    ----------
    error : ErrorPopulation
        Its `emit` is the loss of the layer's perturbed copy less that of the layer, as in node perturbation.
    derivative : str
        Expression of the layer's variables: derivative of a unit's output with respect to its current. A potential
        that is integrated is taken for the current, as the output's derivative does.

    Returns
    -------
    str or None
        Expression of the error population's variables; None if it sends something else, or the loss is not one of
        each unit's own output or current, as with a softmax.
    """
    layer, sent = error.layer, error.statement["emit"].partition("=")[2].strip()
    of_a_copy = any(name.startswith("layer_copy_") for name in get_identifiers(sent))
    if not of_a_copy or "\n" in sent or any(isinstance(part, Softmax) for part in layer.contained_objects):
        return None
    current, integrated = layer.current_variable, layer.equations.diff_eq_expressions
    inputs = {current, *(name for name, right in integrated if current in get_identifiers(right.code))}
    by_current = {name: sympy.Integer(1) for name in inputs}
    own = str_to_sympy(derivative)
    by_current[layer.output_variable] = own.xreplace(
        {s: sympy.Symbol(f"layer_{s.name}", real=True) for s in own.free_symbols if s.name in layer.variables}
    )
    change = unfolded(str_to_sympy(sent), layer, lambda name: f"layer_{name}", set(by_current))
    used = {name for name in layer.variables if _has(change, {f"layer_{name}"}) and not name.startswith("copy_")}
    try:
        # The copy's loss does not depend on the layer's variables, and the layer's own is subtracted.
        loss = sum(-change.diff(sympy.Symbol(f"layer_{name}", real=True)) * by for name, by in by_current.items())
    except AttributeError:  # SymPy's, of a function of a comparison
        return None
    unknown = used - set(by_current) - set(stated_parameters(layer))
    return None if unknown or loss == 0 or loss.has(sympy.Derivative, sympy.Subs) else sympy_to_str(loss)


def evaluator(population: Population, expression: str, what: str) -> Callable[[], np.ndarray]:
    """Return a function that computes an expression of a population's variables, ``(units, streams)``.

    Raises
    ------
    ArgumentError
        If it is no such expression; `what` begins the message.
    """
    if population.of_its_type(expression):
        return lambda: population.view(expression)
    dtype = population.array(population.output_variable).dtype
    variables = Variables(None)
    variables.add_auxiliary_variable("_variable", dtype=dtype)
    variables.add_auxiliary_variable("_cond", dtype=bool)
    # Brian2 would compute a constant once, and not for every unit: i, a unit's number, makes it an array.
    code = f"_variable = ({expression}) * int(i >= 0)\n_cond = True"
    try:
        compiled = create_runner_codeobj(
            population,
            code,
            "group_variable_get_conditional",
            user_code="",
            additional_variables=variables,
            run_namespace={},
            codeobj_class=NumpyCodeObject,
        )
    except Exception as error:
        names = sorted(n for n in population.variables if not n.startswith("_"))
        raise ArgumentError(
            f"{what} must be an expression of the variables of {population.name!r}, which has {names}, got "
            f"{expression!r} ({str(error).splitlines()[0]})"
        ) from error
    return lambda: compiled().astype(dtype, copy=False).reshape(population.units, population.streams)
