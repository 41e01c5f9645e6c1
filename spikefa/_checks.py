"""Checks of arguments, each written once; every message is ``OWNER: NAME must be RULE, got VALUE``."""

from __future__ import annotations

from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spikefa.errors import ArgumentError, did_you_mean


def refuse(owner: str, name: str, rule: str, value: Any) -> None:
    """Raise that a value is against a rule.

    Raises
    ------
    ArgumentError
        Always.
    """
    raise ArgumentError(f"{owner}: {name} must {rule}, got {value!r}")


def is_number(value: Any) -> bool:
    """Return whether a value is one real number, of Python or numpy; true and false are none."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def whole(owner: str, name: str, value: Any, least: int = 0, most: int | None = None, rule: str | None = None) -> int:
    """Return a whole number from `least` to `most` as a plain int.

    Raises
    ------
    ArgumentError
        If it is none; true and false are none.
    """
    fits = isinstance(value, Integral) and not isinstance(value, bool | np.bool_)
    if fits and value >= least and (most is None or value <= most):
        return int(value)
    if rule is None:
        rule = f"from {least} to {most}" if most is not None else f"at least {least}"
        rule = "be a positive whole number" if (least, most) == (1, None) else f"be a whole number, {rule}"
    return refuse(owner, name, rule, value)


def positive_int(owner: str, name: str, value: Any, of: str = "") -> int:
    """Return a whole number of at least 1 as a plain int; `of` says of what, as in ``"steps or None"``."""
    return whole(owner, name, value, 1, rule=f"be a positive whole number{of and f' of {of}'}")


def in_range(
    owner: str,
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
    rule: str | None = None,
) -> float:
    """Return a finite number between two limits as a plain float.

    Raises
    ------
    ArgumentError
        If it is none; NaN is none.
    """
    fits = is_number(value) and bool(np.isfinite(value))
    if fits and (low < value if open_low else low <= value) and (value < high if open_high else value <= high):
        return float(value)
    if rule is None:
        parts = [f"{'above' if open_low else 'at least'} {low:g}"] if low > -np.inf else []
        parts += [f"{'below' if open_high else 'at most'} {high:g}"] if high < np.inf else []
        rule = f"be a finite number{', ' if parts else ''}{' and '.join(parts)}"
    return refuse(owner, name, rule, value)


def one_of(owner: str, name: str, value: Any, known: Collection[Any]) -> Any:
    """Return a value if it is one of those that are known.

    Raises
    ------
    ArgumentError
        If it is none of them, with the most similar one where it is a text.
    """
    if isinstance(value, str | int | float | None) and value in known:
        return value
    listed = ", ".join(map(repr, known))
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    raise ArgumentError(f"{owner}: {name} must be one of {listed}, got {value!r}{hint}")


def true_or_false(owner: str, name: str, value: Any) -> bool:
    """Return true or false, of Python or numpy, as a plain bool.

    Raises
    ------
    ArgumentError
        If it is neither.
    """
    return bool(value) if isinstance(value, bool | np.bool_) else refuse(owner, name, "be true or false", value)


def text(owner: str, name: str, value: Any) -> str:
    """Return a text.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    return value if isinstance(value, str) else refuse(owner, name, "be a text", value)


def finite_array(owner: str, name: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Return numbers of a shape as an array, all of them finite.

    Raises
    ------
    ArgumentError
        If the shape is another, or there is something else than finite numbers.
    """
    values = np.asarray(values)
    if values.shape != shape:
        raise ArgumentError(f"{owner}: {name} must be {shape}, got {values.shape}")
    if values.dtype.kind not in "fiu":
        raise ArgumentError(f"{owner}: {name} must be numbers, got {values.dtype}")
    if not np.isfinite(values).all():
        raise ArgumentError(f"{owner}: {name} must be finite, got {np.sum(~np.isfinite(values))} that are not")
    return values
