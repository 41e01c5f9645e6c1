"""Check expressions, statements and equations before SymPy and Brian2 read them.

They write powers and products out and evaluate whole numbers exactly, which can take for ever: ``9**9**9**9``,
``(a + b + c)**300``. They also evaluate some texts as Python. So a text may hold names, numbers, operators and calls of
functions by their names only, and the size that it has when it is written out is bounded beforehand.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from brian2 import Equations
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.utils.stringtools import deindent

from spikefa._checks import text as checked_text
from spikefa.core.equation_errors import unreadable
from spikefa.engine.brian2_internals import right_sides
from spikefa.errors import EquationError

#: Characters of a text; levels of an expression; terms, and names and numbers, of an expression that is written out;
#: bits of a whole number; powers of a variable.
MAX_LENGTH, MAX_DEPTH, MAX_TERMS, MAX_SIZE, MAX_BITS, MAX_DEGREE = 20_000, 120, 1000, 10_000, 4096, 1000

_OPERATORS = (ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)
_NODES = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Name, ast.Constant)
_REFUSED_OPERATORS = (ast.MatMult, ast.BitXor, ast.BitAnd, ast.BitOr, ast.LShift, ast.RShift, ast.Invert, ast.Is)
_REFUSED_OPERATORS += (ast.IsNot, ast.In, ast.NotIn)
_STATEMENT = re.compile(r"\s*\w+\s*(?:[-+*/%]|//|\*\*)?=(?!=)([^#]*)")
_UNIT = re.compile(r":([^\n#(]*)")
#: Such as ``volt * second**-1`` and ``1``.
_UNIT_FACTOR = re.compile(r"(1|[A-Za-z]\w*)(\s*\*\*\s*-?\d{1,2}(\.\d{1,3})?)?")


class _RefusedError(Exception):
    """What is wrong with an expression, in the words that follow ``must``."""


class _UnreadableError(_RefusedError):
    """It is no expression at all."""


@dataclass(frozen=True)
class _Written:
    """What is known of an expression when it is written out; upper bounds.

    Attributes
    ----------
    terms, size : int
        Number of terms; of names and numbers.
    bits : float
        Of the largest whole number.
    degree : float
        Of the largest power.
    depth : int
        Levels.
    value : float or None
        Its value, if it is a constant.
    at_0, at_1 : float
        Its absolute value, if every variable is 0, or 1.
    log : bool
        Whether it has a logarithm, of which an exponential makes a power.
    """

    terms: int = 1
    size: int = 1
    bits: float = 0.0
    degree: float = 1.0
    depth: int = 1
    value: float | None = None
    at_0: float = 0.0
    at_1: float = 1.0
    log: bool = False


_VARIABLE = _Written()


def check_expression(owner: str, name: str, text: str, known: Mapping[str, str] | None = None) -> ast.expr:
    """Refuse an expression that SymPy and Brian2 must not read; return its syntax tree.

    Parameters
    ----------
    owner, name : str
        Begin the message: ``Rule 'dW = 9**9**9**9'``, ``right side``.
    text : str
    known : mapping of str to str, optional
        Names that stand for other expressions.

    Raises
    ------
    ArgumentError
        If it is no text.
    EquationError
        If it is no expression of names, numbers, operators and calls, or too large when it is written out.
    """
    try:
        return _checked(checked_text(owner, name, text), known or {})
    except _RefusedError as error:
        raise EquationError(f"{owner}: {name} must {error}, got {shortened(text)!r}") from error


def check_statements(owner: str, name: str, text: str) -> str:
    """Refuse statements whose right sides are refused by `check_expression`, and such expressions; return the text.

    What is no statement or no expression at all is left to Brian2, which says so when a run begins.
    """
    _check_length(owner, name, checked_text(owner, name, text))
    for line in re.split(r"[;\n]", deindent(text)):
        statement = _STATEMENT.match(line)
        _check_part(owner, name, statement[1] if statement else line.partition("#")[0], {})
    return text


def check_equations(owner: str, text: str) -> Equations:
    """Read equations; refuse those whose right sides or units are refused by `check_expression`."""
    _check_length(owner, "equations", checked_text(owner, "equations", text))
    for unit in (found[1].strip() for found in _UNIT.finditer(re.sub("#.*", "", text))):
        if not all(_UNIT_FACTOR.fullmatch(factor.strip()) for factor in _factors(unit)):
            raise EquationError(f"{owner}: equations must have units such as volt/second, got {shortened(unit)!r}")
    found = right_sides(text) or {}
    named = {name: right for name, (right, subexpression) in found.items() if subexpression}
    for name, (right, _) in found.items():
        _check_part(owner, f"the equation of {name!r}", right, {n: e for n, e in named.items() if n != name})
    try:
        with unreadable(owner):
            return Equations(text)
    except ValueError as error:  # subexpressions in a circle
        raise error if isinstance(error, EquationError) else EquationError(f"{owner}: equations: {error}") from error


def _check_part(owner: str, name: str, text: str, known: Mapping[str, str]) -> None:
    """Check an expression unless it is none: Brian2 then says where, in which text."""
    try:
        _checked(text, known)
    except _UnreadableError:
        return
    except _RefusedError as error:
        raise EquationError(f"{owner}: {name} must {error}, got {shortened(text)!r}") from error


def _checked(text: str, known: Mapping[str, str]) -> ast.expr:
    node = _parsed(text)
    _written(node, _subexpressions(known))
    return node


def shortened(text: str, most: int = 80) -> str:
    """Return a text, or its beginning if it is long."""
    return text if len(text) <= most else f"{text[:most]}..."


def _factors(unit: str) -> list[str]:
    return re.split(r"(?<!\*)\*(?!\*)|/", unit) if unit else []


def _check_length(owner: str, name: str, text: str) -> None:
    if len(text) > MAX_LENGTH:
        rule = f"have at most {MAX_LENGTH} characters"
        raise EquationError(f"{owner}: {name} must {rule}, got {len(text)}, {shortened(text)!r}")


def _parsed(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise _RefusedError(f"have at most {MAX_LENGTH} characters")
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise _UnreadableError(f"be an expression that Brian2 can read ({_reason(error, text)})") from error
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte, or too deeply nested
        raise _RefusedError("be an expression that Brian2 can read") from error
    level = [node]
    for _ in range(MAX_DEPTH):
        for one in level:
            _check_node(one)
        level = [child for one in level for child in ast.iter_child_nodes(one)]
    if level:
        raise _RefusedError(f"be nested in at most {MAX_DEPTH} levels")
    return node


def _reason(error: SyntaxError, text: str) -> str:
    words = sorted(set(re.findall(r"\w+", text)) & set(keyword.kwlist) - {"and", "or", "not", "True", "False"})
    return f"{words[0]!r} is a word of Python's" if words else error.msg.partition(";")[0]


def _check_node(node: ast.AST) -> None:
    if isinstance(node, ast.Attribute):
        raise _RefusedError("have no attributes by '.'")
    if not isinstance(node, _NODES + _OPERATORS) or isinstance(node, _REFUSED_OPERATORS):
        raise _RefusedError(f"be of names, numbers, + - * / // % **, comparisons and functions, not {_words(node)}")
    if isinstance(node, ast.Call) and (not isinstance(node.func, ast.Name) or node.keywords):
        raise _RefusedError("call functions by their names, without keywords")
    if isinstance(node, ast.Name) and node.id.startswith("__"):
        raise _RefusedError(f"have no names such as {node.id!r}")
    if isinstance(node, ast.Constant):
        if not isinstance(node.value, int | float):  # True and False are ints
            raise _RefusedError(f"have no constants but numbers, not {shortened(repr(node.value), 20)}")
        if (isinstance(node.value, int) and node.value.bit_length() > MAX_BITS) or not _finite(node.value):
            raise _RefusedError("have numbers in the range of floats")


def _words(node: ast.AST) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(node).__name__).lower()


def _finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _subexpressions(texts: Mapping[str, str]) -> Callable[[str], _Written]:
    """Return a function that measures a name: that of an expression as this one, any other as a variable."""
    found: dict[str, _Written] = {}

    def of(name: str) -> _Written:
        if name in texts and name not in found:
            found[name] = _VARIABLE  # within itself; Brian2 refuses the circle
            with suppress(_UnreadableError):
                found[name] = _written(_parsed(texts[name]), of)
        return found.get(name, _VARIABLE)

    return of


def _written(node: ast.expr, named: Callable[[str], _Written]) -> _Written:
    if isinstance(node, ast.Name):
        one = named(node.id)
    elif isinstance(node, ast.Constant):
        number = float(node.value)
        bits = node.value.bit_length() if isinstance(node.value, int) else 1
        one = _Written(bits=bits, degree=0, value=number, at_0=abs(number), at_1=abs(number))
    else:
        parts = [_written(part, named) for part in _operands(node)]
        one = _OF_NODES[type(node)](node, *parts)
        depth = 1 + max((part.depth for part in parts), default=0)
        one = replace(one, depth=depth, log=one.log or any(part.log for part in parts))
    _check_size(one)
    return one


def _operands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return node.args
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _check_size(one: _Written) -> None:
    if one.terms > MAX_TERMS:
        raise _RefusedError(f"have at most {MAX_TERMS} terms when it is written out")
    if one.size > MAX_SIZE:
        raise _RefusedError(f"have at most {MAX_SIZE} names and numbers when it is written out")
    if one.degree > MAX_DEGREE:
        raise _RefusedError(f"have powers of at most {MAX_DEGREE}")
    if one.bits > MAX_BITS or (one.value is not None and not math.isfinite(one.value)):
        raise _RefusedError("have numbers in the range of floats")
    if one.depth > MAX_DEPTH:
        raise _RefusedError(f"be nested in at most {MAX_DEPTH} levels, with its subexpressions")


def _add(a: _Written, b: _Written, sign: int = 1) -> _Written:
    value = None if a.value is None or b.value is None else a.value + sign * b.value
    return _Written(
        a.terms + b.terms,
        a.size + b.size,
        max(a.bits, b.bits) + 1,
        max(a.degree, b.degree),
        value=value,
        at_0=a.at_0 + b.at_0,
        at_1=a.at_1 + b.at_1,
    )


def _multiply(a: _Written, b: _Written) -> _Written:
    value = None if a.value is None or b.value is None else a.value * b.value
    return _Written(
        a.terms * b.terms,
        a.terms * b.size + b.terms * a.size,
        a.bits + b.bits,
        a.degree + b.degree,
        value=value,
        at_0=a.at_0 * b.at_0,
        at_1=a.at_1 * b.at_1,
    )


def _divide(a: _Written, b: _Written) -> _Written:
    if b.value is None:
        inverse = replace(b, at_0=0.0)
    else:
        inverted = 1 / b.value if b.value else None  # what is not finite is refused with a better message
        size = abs(inverted or 0.0)
        inverse = replace(b, value=inverted, at_0=size, at_1=size)
    return _multiply(a, inverse)


def _power(a: _Written, b: _Written) -> _Written:
    """Write a power out; an exponent ``x + 300`` has a power of 300 in it, and so has ``300 * log(x)``."""
    exponent = b.at_1 if b.log else b.at_0 if b.value is None else abs(b.value)
    if b.log:  # exp(300 * log(x)) is x**300
        a = replace(
            a, **{name: max(getattr(a, name), getattr(b, name)) for name in ("terms", "size", "bits", "degree")}
        )
    if not exponent <= 2.0**31:
        raise _RefusedError("have numbers in the range of floats" if a.value is not None else "have smaller powers")
    value = None
    if a.value is not None and b.value is not None:
        if a.value and abs(exponent * math.log2(abs(a.value))) > 1023:
            raise _RefusedError("have numbers in the range of floats")
        value = abs(a.value) ** b.value if a.value else 0.0
    k = math.ceil(exponent)
    terms = 1 if a.terms == 1 else MAX_TERMS + 1 if k > MAX_TERMS else math.comb(a.terms + k - 1, k)
    size = a.size if a.terms == 1 else terms * max(1, min(k, a.terms)) * math.ceil(a.size / a.terms)
    bits = 0 if k == 0 else k * (a.bits + math.log2(a.terms)) + (b.bits if value is None else 0)
    powered = _Written(terms, size + b.size, bits, max(1, k) * a.degree, value=value)
    sizes = {name: min(getattr(a, name), 1e300) for name in ("at_0", "at_1")}
    return replace(powered, **{name: _powered(one, k) for name, one in sizes.items()})


def _powered(number: float, exponent: int) -> float:
    return 0.0 if number == 0 else 2.0 ** min(1000.0, exponent * math.log2(number))


def _binary(node: ast.BinOp, a: _Written, b: _Written) -> _Written:
    if isinstance(node.op, ast.Add | ast.Sub):
        return _add(a, b, 1 if isinstance(node.op, ast.Add) else -1)
    if isinstance(node.op, ast.Mult):
        return _multiply(a, b)
    if isinstance(node.op, ast.Pow):
        return _power(a, b)
    one = _divide(a, b)
    return one if isinstance(node.op, ast.Div) else replace(one, value=None)


def _unary(node: ast.UnaryOp, a: _Written) -> _Written:
    minus = isinstance(node.op, ast.USub) and a.value is not None
    return replace(a, value=-a.value) if minus else replace(a, value=None) if isinstance(node.op, ast.Not) else a


def _several(node: ast.expr, *parts: _Written) -> _Written:
    """Bound what is made of several: a comparison, or a function, which may give one of its arguments back."""
    largest = {name: max((getattr(part, name) for part in parts), default=1) for name in ("terms", "bits", "degree")}
    return _Written(size=sum(part.size for part in parts) or 1, **largest)


def _call(node: ast.Call, *parts: _Written) -> _Written:
    one, name = _several(node, *parts), node.func.id
    if name in ("exp", "expm1") and len(parts) == 1 and parts[0].log:
        return _power(parts[0], parts[0])
    values = [part.value for part in parts]
    known = DEFAULT_FUNCTIONS.get(name)
    if values and None not in values and known is not None and known.stateless:
        with np.errstate(all="ignore"):
            try:
                value = float(known.pyfunc(*values))
            except (ArithmeticError, TypeError, ValueError):
                value = None  # not with these arguments
        if value is not None and not math.isnan(value):
            one = replace(one, value=value, at_0=abs(value), at_1=abs(value))
    return replace(one, log=name in ("log", "log10", "log1p"))


_OF_NODES: dict[type, Callable[..., _Written]] = {
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _several,
    ast.Compare: _several,
    ast.Call: _call,
}
