"""The text of a rule: states of each synapse, statements that change them, and the update of the weights.

A state that depends on one population alone, such as ``dx/dt = -x/tau : 1 (synapse)`` with ``x += s_pre``, is the same
at all synapses of a unit: it is a trace of that population, exactly, whatever its statements are. Any other state, such
as ``e += s_pre * psi_post``, differs from synapse to synapse: the low-pass of a product is no product of low-passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sympy

from spikefa.core.expression_checks import MAX_LENGTH, check_expression, shortened
from spikefa.errors import ArgumentError, EquationError, did_you_mean
from spikefa.plasticity.expression import (
    DT,
    TIMES,
    has_variables,
    is_finite,
    side_of,
    state_symbol,
    terms_of,
    to_sympy,
    to_text,
)

#: The most states that a rule may have.
MAX_STATES = 20

_UPDATE = re.compile(r"dW\s*(/\s*dt)?\s*=(?!=)(.+)", re.S)
_EQUATION = re.compile(r"d(\w+)\s*/\s*dt\s*=(?!=)(.+):\s*1\s*\(\s*synapse\s*\)", re.S)
_PARAMETER = re.compile(r"(\w+)\s*:\s*1\s*\(\s*synapse\s*\)")
_STATEMENT = re.compile(r"(\w+)\s*(\+?)=(?!=)(.+)", re.S)
_FORMS = (
    "have the form 'dW = expression' or 'dW/dt = expression', after lines such as 'de/dt = -e / tau : 1 (synapse)' and "
    "'e += expression'"
)


@dataclass(frozen=True)
class State:
    """A variable of each synapse; zero at first.

    Attributes
    ----------
    name : str
    rate : Expr
        The state decays by ``de/dt = rate * e``, exactly: by the factor ``exp(rate * dt)`` in each step.
    side : {"pre", "post", "synapse"}
        Whether it is the same for all synapses of a presynaptic or a postsynaptic unit, or has to be one a synapse.
    """

    name: str
    rate: sympy.Expr
    side: str

    @property
    def symbol(self) -> sympy.Symbol:
        """What stands for it in the expressions of the rule."""
        return state_symbol(self.name, self.side)


@dataclass(frozen=True)
class RuleText:
    """A rule that was read.

    Attributes
    ----------
    terms : tuple of Expr
        The change of a weight in a step: the terms of the sum, as they are written.
    states : tuple of State
    statements : tuple of (State, Expr)
        Each state's new value, in their order; all before the update, and after the decay of all states.
    """

    terms: tuple[sympy.Expr, ...]
    states: tuple[State, ...] = ()
    statements: tuple[tuple[State, sympy.Expr], ...] = ()

    @property
    def update(self) -> sympy.Expr:
        """The change of a weight in a step."""
        return sympy.Add(*self.terms)

    def split(self) -> tuple[sympy.Expr, sympy.Expr]:
        """Return the sum of the terms that are summed over the streams, and that of those applied once a step."""
        summed = [term for term in self.terms if has_variables(term)]
        return sympy.Add(*summed), sympy.Add(*(term for term in self.terms if not has_variables(term)))

    def of(self, side: str) -> RuleText:
        """Return the states of one side and their statements."""
        states = tuple(state for state in self.states if state.side == side)
        return RuleText(self.terms, states, tuple((s, e) for s, e in self.statements if s.side == side))


def read_rule(title: str, text: str) -> RuleText:
    """Read the text of a rule.

    Raises
    ------
    ArgumentError
        If it is no rule; the message begins with `title`.
    """
    if len(text) > MAX_LENGTH:
        raise ArgumentError(f"{title}: must have at most {MAX_LENGTH} characters, got {len(text)}")
    rates: dict[str, sympy.Expr] = {}
    statements: list[tuple[str, sympy.Expr]] = []
    lines = rule_lines(text)
    for line in lines[:-1]:
        if (found := _EQUATION.fullmatch(line)) and found[1] != "W":
            rates[_new(title, found[1], rates)] = _rate(title, found[1], sympy.Add(*_terms(title, found[2], found[1])))
        elif found := _PARAMETER.fullmatch(line):
            rates[_new(title, found[1], rates)] = sympy.Integer(0)
        elif (found := _STATEMENT.fullmatch(line)) and found[1] != "dW":
            name = found[1]
            if name not in rates:
                hint = did_you_mean(name, rates)
                raise ArgumentError(
                    f"{title}: {name!r} must be a state, which has a line such as 'd{name}/dt = -{name} / tau : 1 "
                    f"(synapse)' before, got {shortened(line)!r}{hint}"
                )
            value = sympy.Add(*_terms(title, found[3], name))
            statements.append((name, sympy.Symbol(name, real=True) + value if found[2] else value))
        else:
            raise ArgumentError(f"{title}: must {_FORMS}, got {shortened(line)!r}")
    found = _UPDATE.fullmatch(lines[-1]) if lines else None
    if found is None or not found[2].strip():
        raise ArgumentError(f"{title}: must {_FORMS}, got {shortened(lines[-1] if lines else '')!r}")
    terms = [term * DT if found[1] else term for term in _terms(title, found[2], None)]
    _check_used(title, rates, statements, terms)
    return _with_sides(title, rates, statements, terms)


def rule_lines(text: str) -> list[str]:
    """Return the lines of a rule without comments: parts between line ends, or semicolons, outside of brackets."""
    lines, open_brackets = [""], 0
    for character in re.sub("#[^\n]*", "", text):
        open_brackets += (character in "([") - (character in ")]")
        if character in "\n;" and open_brackets <= 0:
            lines.append("")
            open_brackets = 0
        else:
            lines[-1] += character
    return [line.strip() for line in lines if line.strip()]


def _new(title: str, name: str, known: dict[str, sympy.Expr]) -> str:
    plain = name.isascii() and name.isidentifier() and name[0] != "_" and name not in ("W", *TIMES)
    if not plain or name.endswith(("_pre", "_post")) or name in known:
        rule = "be a new name that is not W, t or dt, does not begin with _ and does not end in _pre or _post"
        raise ArgumentError(f"{title}: a state must {rule}, got {shortened(name)!r}")
    if len(known) == MAX_STATES:
        raise ArgumentError(f"{title}: must have at most {MAX_STATES} states, got more, such as {shortened(name)!r}")
    return name


def _terms(title: str, text: str, state: str | None) -> list[sympy.Expr]:
    what = "right side" if state is None else f"right side of {state!r}"
    try:
        tree = check_expression(title, what, text.strip())
    except EquationError as error:
        raise ArgumentError(str(error)) from error
    try:
        whole = to_sympy(tree)  # refuses what no term by itself shows, such as a sum with a truth
        terms = [sign * to_sympy(term) for sign, term in terms_of(tree)]
    except EquationError as error:
        raise ArgumentError(f"{title}: {what} must {error}") from error
    for expression in (whole, *terms):
        if not is_finite(expression):
            raise ArgumentError(f"{title}: must be finite and real, got {to_text(expression)}")
    return terms


def _rate(title: str, name: str, right: sympy.Expr) -> sympy.Expr:
    state = sympy.Symbol(name, real=True)
    rates = [term / state for term in sympy.Add.make_args(sympy.expand(right))]
    rate = sum(rates, sympy.Integer(0))
    names = {symbol.name for symbol in rate.free_symbols}
    if any(name.endswith(("_pre", "_post")) for name in names) or names & {name, "W", "t"}:
        raise ArgumentError(
            f"{title}: the equation of {name!r} must be a decay by constants, whose names do not end in _pre or _post, "
            f"such as 'd{name}/dt = -{name} / tau', got {to_text(right)}; add to it by '{name} += expression'"
        )
    return rate


def _check_used(
    title: str, rates: dict[str, sympy.Expr], statements: list[tuple[str, sympy.Expr]], terms: list[sympy.Expr]
) -> None:
    read = {s.name for s in sympy.Add(*terms).free_symbols}
    for name, value in statements[::-1]:
        if name in read:
            read |= {s.name for s in value.free_symbols}
    for name in rates:
        if name not in read:
            raise ArgumentError(f"{title}: the update must depend on each state, got no use of {name!r}")
        if all(name != changed for changed, _ in statements):
            raise ArgumentError(f"{title}: a statement must change {name!r}, such as '{name} += s_pre', got none")
    for name, value in statements:
        if any(s.name == "W" for s in value.free_symbols):
            raise ArgumentError(f"{title}: a state must not depend on W, got {name} = {to_text(value)}")


def _with_sides(
    title: str, rates: dict[str, sympy.Expr], statements: list[tuple[str, sympy.Expr]], terms: list[sympy.Expr]
) -> RuleText:
    """Find each state's side, and let what is read before it changes be kept in a state of its own."""
    sides = _sides(rates, statements)
    kept: list[tuple[str, sympy.Expr]] = []
    for number, (name, value) in enumerate(statements):
        later = {changed for changed, _ in statements[number + 1 :]} if sides[name] == "synapse" else set()
        for symbol in sorted(value.free_symbols, key=str):
            if symbol.name in later and sides[symbol.name] != "synapse":
                old = f"{symbol.name}_before_{number}"
                while old in rates:
                    old += "_"
                rates = rates | {old: sympy.Integer(0)}
                sides[old] = sides[symbol.name]
                kept.append((old, _copy(symbol)))
                value = value.subs(symbol, sympy.Symbol(old, real=True))
        kept.append((name, _copy(value)))
    states = {name: State(name, rate, sides[name]) for name, rate in rates.items()}
    symbols = {sympy.Symbol(name, real=True): state.symbol for name, state in states.items()}
    return RuleText(
        tuple(term.xreplace(symbols) for term in terms),
        tuple(states.values()),
        tuple((states[name], value.xreplace(symbols)) for name, value in kept),
    )


def _copy(value: sympy.Expr) -> sympy.Expr:
    """Return a value that is no bare name: Brian2's numpy code would change two names' one array in place."""
    return sympy.Function("clip", real=True)(value, value, value) if value.is_Symbol else value


def _sides(rates: dict[str, sympy.Expr], statements: list[tuple[str, sympy.Expr]]) -> dict[str, str]:
    found: dict[str, set[str]] = {name: set() for name in rates}
    for _ in rates:  # a state may depend on a later one
        for name, value in statements:
            for symbol in value.free_symbols:
                found[name] |= found.get(symbol.name, side_of(symbol.name))
    return {name: "synapse" if len(sides) == 2 else next(iter(sides), "post") for name, sides in found.items()}
