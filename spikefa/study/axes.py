"""The axes of a study: which values each parameter of the model takes, as lists or intervals, in Python or as texts."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from spikefa._checks import in_range, is_number, refuse, true_or_false
from spikefa.errors import ArgumentError, ModelError
from spikefa.experiments.model_file import Model
from spikefa.experiments.params import fitted

#: ``1e-4..1e-2`` or ``log:1e-4..1e-2``.
_INTERVAL = re.compile(r"\s*(log:)?\s*([-+\w.]+?)\s*\.\.\s*([-+\w.]+)\s*")
#: Columns of a study's table of results, which no axis may be called.
COLUMNS = ("run", "seed", "status", "epoch", "images_seen", "train_error", "validation_error", "test_error", "message")


@dataclass(frozen=True)
class Interval:
    """An interval from which values of a parameter are drawn, by chance or by a search.

    Values are rounded to four significant digits, so that they can be read and typed.

    Parameters
    ----------
    low, high : float
        The ends; whole numbers for a parameter that is one.
    log : bool
        Whether to draw the logarithm uniformly, as is usual for learning rates.

    Raises
    ------
    ArgumentError
        If `low` is not below `high`, or not above 0 for a logarithm.

    Examples
    --------
    >>> import spikefa as fa
    >>> vary = {"eta": fa.Interval(1e-4, 1e-2, log=True)}
    >>> study = fa.Study("studies/drawn", "lillicrap2016_spiking", vary, random=5, preset="digits")
    >>> len(study.runs)
    5
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            in_range("Interval", name, getattr(self, name))
            if not isinstance(getattr(self, name), int | float):  # numpy's, which study.json cannot hold
                object.__setattr__(self, name, getattr(self, name).item())
        object.__setattr__(self, "log", true_or_false("Interval", "log", self.log))
        if not self.low < self.high:
            refuse("Interval", "high", f"be above low, {self.low:g}", self.high)
        if self.log and self.low <= 0:
            refuse("Interval", "low", "be above 0 for a logarithm", self.low)

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def at(self, fraction: float) -> float:
        """Return the value at a fraction from 0 to 1 of the interval."""
        if self.whole:  # each whole number has the same share
            low, high = (math.log(self.low), math.log(self.high + 1)) if self.log else (self.low, self.high + 1)
            value = low + fraction * (high - low)
            return min(math.floor(math.exp(value) if self.log else value), self.high)
        if self.log:
            return self.rounded(math.exp(math.log(self.low) + fraction * math.log(self.high / self.low)))
        return self.rounded(self.low + fraction * (self.high - self.low))

    def rounded(self, value: float) -> float:
        """Return a value with four significant digits, within the interval."""
        return value if self.whole else min(max(float(f"{value:.4g}"), self.low), self.high)


#: Name of a parameter -> the values that it takes.
Axes = dict[str, list[Any] | Interval]


def parse(model: Model, assignments: Iterable[str]) -> Axes:
    """Parse texts such as ``eta=1e-3,2e-3``, ``hidden=100,50;200`` or ``eta=log:1e-4..1e-2``.

    See `Kind.parse_several` for commas and semicolons.

    Raises
    ------
    ModelError
        If a text is no assignment, or the name is unknown or there twice.
    """
    axes: Axes = {}
    for text in assignments:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals:
            raise ModelError(f"{model.title}: a parameter must be set by name=value, got {text!r}")
        if name in axes:
            raise ModelError(f"{model.title}: {name} must be set once, with all its values, got {text!r}")
        kind = model.kind(name)
        found = _INTERVAL.fullmatch(values)
        ends = [kind.parse(end) for end in found.groups()[1:]] if found else []
        if found and all(map(is_number, ends)):
            axes[name] = Interval(*ends, log=found[1] is not None)
        else:
            axes[name] = kind.parse_several(values)
    return axes


def items(name: str, rule: str, values: Any) -> list[Any]:
    """Return the items of a list, or of what is as good as one.

    Raises
    ------
    ArgumentError
        If it is something else.
    """
    single = isinstance(values, str | bytes | Mapping | Set) or getattr(values, "ndim", 1) == 0
    if single or not isinstance(values, Collection):
        refuse("Study", name, rule, values)
    return list(values)


def checked(model: Model, vary: Any) -> Axes:
    """Return axes with their values in the types of the model's parameters, quantities as texts such as ``"20 ms"``.

    Raises
    ------
    ArgumentError
        If they are no mapping to lists and intervals, a list is empty, or has a value twice.
    ModelError
        If a name is unknown, or a value does not fit.
    """
    if not isinstance(vary, Mapping):
        refuse("Study", "vary", "be a dict of parameters and their values, or None", vary)
    axes: Axes = {}
    for name, values in vary.items():
        if name in COLUMNS:
            refuse("Study", "vary", f"have no parameter called {name}, which is a column of the results", name)
        kind = model.kind(name)
        if isinstance(values, Interval):
            low, high = (fitted(model.title, name, kind, end) for end in (values.low, values.high))
            if not (is_number(low) and is_number(high)):
                refuse("Study", f"the values of {name}", "be a list, since it is no number", values)
            axes[name] = Interval(low, high, values.log)
            continue
        rule = "be a list or an Interval"
        if isinstance(values, tuple):  # which may be one value of a parameter
            refuse("Study", f"the values of {name}", rule, values)
        listed = items(f"the values of {name}", rule, values)
        axes[name] = [kind.recorded(fitted(model.title, name, kind, value)) for value in listed]
        if not axes[name]:
            refuse("Study", f"the values of {name}", "be at least one", values)
        for i, value in enumerate(axes[name]):
            if value in axes[name][:i]:
                raise ArgumentError(f"Study: the values of {name} must be different, got {value!r} twice")
    return axes


def recorded(axes: Axes) -> dict[str, Any]:
    """Return axes as a record has them."""
    return {
        name: {"low": values.low, "high": values.high, "log": values.log} if isinstance(values, Interval) else values
        for name, values in axes.items()
    }


def restored(record: Mapping[str, Any]) -> Axes:
    """Return the axes of a record."""
    return {name: Interval(**values) if isinstance(values, dict) else values for name, values in record.items()}
