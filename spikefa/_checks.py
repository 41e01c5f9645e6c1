"""Checks of arguments, each written once; every message is ``OWNER: NAME must be RULE, got VALUE``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from spikefa.errors import ArgumentError, SpikefaError, did_you_mean

#: The largest whole number that is taken for a number of things: floats hold it and those below exactly.
LARGEST = 2**53


@dataclass(frozen=True)
class Range:
    """The range of a number, or of each number of a tuple, in an annotation: ``Annotated[float, Range(0, 1)]``.

    Parameters
    ----------
    low, high : float, optional
        The limits; None is no limit.
    open_low, open_high : bool
        Whether a limit is itself outside the range.

    Examples
    --------
    >>> import spikefa as fa
    >>> 0.5 in fa.Range(0, 1), 0 in fa.Range(0, 1, open_low=True)
    (True, False)
    """

    low: float | None = None
    high: float | None = None
    open_low: bool = field(default=False, kw_only=True)
    open_high: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            if getattr(self, name) is not None:
                in_range("Range", name, getattr(self, name))
        for name in ("open_low", "open_high"):
            true_or_false("Range", name, getattr(self, name))

    def __contains__(self, value: float) -> bool:
        above = self.low is None or (self.low < value if self.open_low else self.low <= value)
        return above and (self.high is None or (value < self.high if self.open_high else value <= self.high))

    def __str__(self) -> str:
        limits = []
        if self.low is not None:
            limits.append(f"{'above' if self.open_low else 'at least'} {self.low:g}")
        if self.high is not None:
            limits.append(f"{'below' if self.open_high else 'at most'} {self.high:g}")
        return " and ".join(limits)


def refuse(owner: str, name: str, rule: str, value: Any) -> NoReturn:
    """Raise that a value is against a rule.

    Raises
    ------
    ArgumentError
        Always.
    """
    raise ArgumentError(f"{owner}: {name} must {rule}, got {shown(value)}")


def shown(value: Any, most: int = 120) -> str:
    """Return a value as messages show it: on one line, cut if it is long; of an array, shape and type."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array {value.shape} of {value.dtype}"
    try:
        # A quantity is an array of no dimension: as Brian2 prints it, "5. mV", and not as the Python that makes it.
        text = " ".join((str(value) if isinstance(value, np.ndarray) else repr(value)).split())
    except Exception:  # another's repr, or a whole number of too many digits
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= most else f"{text[:most]}..."


def is_number(value: Any) -> bool:
    """Return whether a value is one real number, of Python or numpy. True and False do not count as numbers."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def is_finite(value: Any) -> bool:
    """Return whether a number is finite, also as a float."""
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond the floats
        return False


def is_whole(value: Any) -> bool:
    """Return whether a value is of an integer type, of Python or numpy. True and False do not count as numbers."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def whole(owner: str, name: str, value: Any, least: int = 0, most: int | None = None, rule: str | None = None) -> int:
    """Return a whole number from `least` to `most` as a plain int.

    Raises
    ------
    ArgumentError
        If the value is not of an integer type, or outside these limits. True and False are refused.
    """
    if is_whole(value) and least <= value <= (LARGEST if most is None else most):
        return int(value)
    if is_whole(value) and value > LARGEST:
        rule = f"be a whole number of at most {LARGEST}"
    if rule is None:
        rule = f"from {least} to {most}" if most is not None else f"at least {least}"
        rule = "be a positive whole number" if (least, most) == (1, None) else f"be a whole number, {rule}"
    refuse(owner, name, rule, value)


def positive_int(owner: str, name: str, value: Any, of: str = "") -> int:
    """Return a whole number of at least 1 as a plain int; `of` says of what, as in ``"steps or None"``.

    Raises
    ------
    ArgumentError
        If the value is not of an integer type, or below 1. True and False are refused.
    """
    return whole(owner, name, value, 1, rule=f"be a positive whole number{of and f' of {of}'}")


def in_range(
    owner: str,
    name: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    open_low: bool = False,
    open_high: bool = False,
    rule: str | None = None,
) -> float:
    """Return a finite number between two limits, see `Range`, as a plain float.

    Raises
    ------
    ArgumentError
        If the value is not a number, not finite, or outside the limits. True and False are refused.
    """
    if is_number(value) and is_finite(value):
        limits = None if low is high is None else Range(low, high, open_low=open_low, open_high=open_high)
        if limits is None or value in limits:
            return float(value)
    words = "" if low is high is None else str(Range(low, high, open_low=open_low, open_high=open_high))
    refuse(owner, name, f"be a finite number{words and f', {words}'}" if rule is None else rule, value)


def duration(owner: str, name: str, value: Any) -> Any:
    """Return a Brian2 quantity of time that is above 0.

    Raises
    ------
    ArgumentError
        If the value is a plain number, a quantity of another dimension or of several values, not finite, or not above
        0.
    """
    from brian2 import Quantity, have_same_dimensions, second  # takes a second to import

    is_time = isinstance(value, Quantity) and np.ndim(value) == 0 and have_same_dimensions(value, second)
    if is_time and 0 < float(value) < np.inf:
        return value
    refuse(owner, name, "be a time above 0, such as 1*ms", value)


def time_from_zero(owner: str, name: str, value: Any) -> Any:
    """Return a Brian2 quantity of time that is finite and at least 0.

    Raises
    ------
    ArgumentError
        If it is anything else.
    """
    from brian2 import Quantity, have_same_dimensions, second

    is_time = isinstance(value, Quantity) and np.ndim(value) == 0 and have_same_dimensions(value, second)
    if is_time and 0 <= float(value) < np.inf:
        return value
    refuse(owner, name, "be a time of at least 0, such as 100*ms", value)


def steps_of(owner: str, name: str, time: Any, dt: Any, least: int) -> int:
    """Return how many steps of `dt` a quantity of time is.

    Raises
    ------
    ArgumentError
        If it is no quantity of time, not a multiple of dt, or less than `least` steps.
    """
    from brian2 import Quantity, have_same_dimensions, second

    is_time = isinstance(time, Quantity) and np.ndim(time) == 0 and have_same_dimensions(time, second)
    if is_time and np.isfinite(float(time)):
        steps = round(float(time) / float(dt))
        if steps >= least and abs(float(time) / float(dt) - steps) < 1e-6:
            return steps
    refuse(owner, name, f"be a time of {least} or more whole steps of {dt}", time)


def one_of(owner: str, name: str, value: Any, known: Collection[Any]) -> Any:
    """Return a value if it is one of those that are known.

    Raises
    ------
    ArgumentError
        If the value is another one. For a text, the message suggests the most similar one.
    """
    if (value is None or isinstance(value, str | int | float)) and value in known:
        return value
    listed = ", ".join(map(repr, known))
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    raise ArgumentError(f"{owner}: {name} must be one of {listed}, got {shown(value)}{hint}")


def true_or_false(owner: str, name: str, value: Any) -> bool:
    """Return true or false, of Python or numpy, as a plain bool.

    Raises
    ------
    ArgumentError
        If the value is of another type.
    """
    return bool(value) if isinstance(value, bool | np.bool_) else refuse(owner, name, "be true or false", value)


def text(owner: str, name: str, value: Any) -> str:
    """Return a text.

    Raises
    ------
    ArgumentError
        If the value is of another type.
    """
    return value if isinstance(value, str) else refuse(owner, name, "be a text", value)


def instance(owner: str, name: str, value: Any, kind: type | tuple[type, ...], what: str) -> Any:
    """Return a value if it is of a type; `what` says so in words, such as ``"a Network"``.

    Raises
    ------
    ArgumentError
        If the value is of another type.
    """
    return value if isinstance(value, kind) else refuse(owner, name, f"be {what}", value)


def identifier(owner: str, name: str, value: Any, star: bool = False) -> str:
    """Return the name of an object of Brian2: letters, digits and ``_``; with `star`, ``*`` at the end for a number.

    Raises
    ------
    ArgumentError
        If the value is no text, or no such name.
    """
    plain = value.removesuffix("*") if star and isinstance(value, str) else value
    if isinstance(plain, str) and plain.isascii() and plain.isidentifier() and len(plain) <= 200:
        return value
    refuse(owner, name, "be a name of letters, digits and _ that does not begin with a digit", value)


def called(owner: str, name: str, function: Callable, *given: Any) -> Any:
    """Return what a function of the user's returns.

    Raises
    ------
    ArgumentError
        If it raises; its own exception is the cause.
    """
    try:
        return function(*given)
    except SpikefaError:
        raise
    except Exception as error:
        said = shown(str(error))
        raise ArgumentError(f"{owner}: the function {name} failed with {type(error).__name__}: {said}") from error


def array(owner: str, name: str, values: Any) -> np.ndarray:
    """Return values as an array of numbers, truth values or texts.

    Raises
    ------
    ArgumentError
        If they are something else, or rows differ in their lengths.
    """
    try:
        made = np.asarray(values)
    except Exception as error:  # of numpy, or of the object's own conversion
        raise ArgumentError(f"{owner}: {name} must be an array, got {shown(values)}") from error
    return made if made.dtype.kind in "biufcSU" else refuse(owner, name, "be an array of numbers", values)


def path(owner: str, name: str, value: Any) -> Path:
    """Return a path of a file or directory.

    Raises
    ------
    ArgumentError
        If it is none, or so long that no file system takes it.
    """
    if isinstance(value, str | os.PathLike) and value != "":
        made = os.fsdecode(os.fspath(value))
        if "\0" not in made and len(made) < 4096 and all(len(os.fsencode(part)) < 256 for part in Path(made).parts):
            return user_path(made)
    refuse(owner, name, "be a path", value)


def real_array(owner: str, name: str, values: ArrayLike, dtype: DTypeLike | None = None) -> np.ndarray:
    """Return real numbers of any shape as an array, of a type if one is given. True and False are 1 and 0.

    Raises
    ------
    ArgumentError
        If they are not real numbers.
    """
    made = array(owner, name, values)
    if made.dtype.kind not in "biuf":
        raise ArgumentError(f"{owner}: {name} must hold real numbers, got dtype {made.dtype}")
    return made if dtype is None else made.astype(dtype, copy=False)


def finite_array(
    owner: str, name: str, values: ArrayLike, shape: tuple[int, ...], dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Return numbers of a shape as an array, all of them finite, also in `dtype` if it is a float type.

    Raises
    ------
    ArgumentError
        If the shape is another, or there is something else than such numbers.
    """
    values = array(owner, name, values)
    if values.shape != shape:
        raise ArgumentError(f"{owner}: {name} must be {shape}, got {values.shape}")
    if values.dtype.kind not in "fiu":
        raise ArgumentError(f"{owner}: {name} must be numbers, got {values.dtype}")
    if not np.isfinite(values).all():
        raise ArgumentError(f"{owner}: {name} must be finite, got {np.sum(~np.isfinite(values))} that are not")
    if np.dtype(dtype).kind == "f":
        for extreme in (values.min(initial=0), values.max(initial=0)):
            within_range(owner, name, extreme, dtype)
    return values


def within_range(owner: str, name: str, value: Any, dtype: DTypeLike) -> None:
    """Refuse a finite number that is infinite as a float of a type.

    Raises
    ------
    ArgumentError
        If it is.
    """
    with np.errstate(over="ignore"):
        cast = np.asarray(value).astype(dtype)
    if not np.isfinite(cast):
        raise ArgumentError(f"{owner}: {name} must be within {np.dtype(dtype)}'s range, got {value:g}")


def user_path(path: str | os.PathLike) -> Path:
    """Return a path that a user gives, with the home directory for ``~``, or as it is for a user without a home."""
    return Path(os.path.expanduser(path))
