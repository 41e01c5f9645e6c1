"""Parameters of a model: a frozen dataclass whose annotations say which values each field may have.

::

    @dataclass(frozen=True)
    class Params(fa.Params):
        hidden: tuple[Annotated[int, fa.Range(1)], ...] = (1500, 1500)
        eta: Annotated[float, fa.Range(0)] = 1e-3
        loss: Literal["squared_error", "cross_entropy"] = "squared_error"
        momentum: Annotated[float, fa.Range(0, 1, open_low=True, open_high=True)] | None = None   # off
        tau_m: Annotated[Quantity, ms, fa.Range(1, 100)] = "20 ms"   # from 1 ms to 100 ms

Annotations may be int, float, bool, str, a ``Literal``, tuples of these (``tuple[int, ...]``), each ``| None``, and
numbers ``Annotated`` with a `Range`. A ``Literal`` may be ``Annotated`` with `OrRegistered`. Brian2's ``Quantity`` is
``Annotated`` with a unit, in which it is shown and a range is stated; its value may be given as a text. Any other
annotation is not checked. None is off.
"""

from __future__ import annotations

import dataclasses
import importlib
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from spikefa._checks import Range, is_finite, is_number, refuse, shown, text
from spikefa.errors import ModelError, did_you_mean
from spikefa.experiments.kinds import LARGEST, Kind, UnfitError

__all__ = ["MODULE_PREFIX", "Kind", "OrRegistered", "Params", "Range", "fitted", "kinds_of", "title_of", "value_text"]

#: What a model file's module is called, before the model's name.
MODULE_PREFIX = "spikefa_model_"


def title_of(name: str) -> str:
    """Return how messages name a model: ``Model 'mine'``."""
    return f"Model {name!r}"


@dataclass(frozen=True)
class OrRegistered:
    """Names that an annotated choice also allows: those that were added to a registry from outside its package.

    ``Annotated[Literal["alignment", "direct"], OrRegistered("spikefa.pathways")]`` allows these two, and each pathway
    that another distribution or a user's own code has registered. It allows no other one of spikefa's own. The
    registry is looked at only for a value that the choice itself does not have.

    Parameters
    ----------
    package : str
        Dotted name of the registry's package. The registry bears its last part: ``spikefa.pathways.pathways``.

    Examples
    --------
    >>> from typing import Annotated, Literal
    >>> import spikefa as fa
    >>> Pathway = Annotated[Literal["alignment", "direct"], fa.OrRegistered("spikefa.pathways")]
    """

    package: str

    def __post_init__(self) -> None:
        parts = text("OrRegistered", "package", self.package).split(".")
        if not all(part.isidentifier() for part in parts):
            refuse("OrRegistered", "package", "be the dotted name of a package", self.package)

    def __contains__(self, name: object) -> bool:
        registry = getattr(importlib.import_module(self.package), self.package.rpartition(".")[2])
        if not isinstance(name, str) or name not in registry:
            return False
        return not (getattr(registry[name], "__module__", None) or "").startswith(f"{self.package}.")


class _Number(Kind):
    separators = ",;"

    def __init__(self, whole: bool, within: Range | None):
        self.whole, self.within = whole, within or Range()
        self.range = str(self.within)
        self.text = "whole number" if whole else "number"
        if whole and self.within == Range(1):
            self.text, self.range = "positive whole number", ""
        self.plural = f"{self.text}s{self.range and f', each {self.range}'}"

    def fitted(self, value: Any) -> float:
        if not is_number(value):
            raise UnfitError(f"be a {self.text}")
        if not is_finite(value):
            raise UnfitError("be finite")
        if abs(value) > LARGEST:
            raise UnfitError(f"be within +-{LARGEST:.2g}, the largest float32")
        if self.whole and value != int(value):
            raise UnfitError(f"be a {self.text}")
        if self.whole and abs(value) > 2**53:
            raise UnfitError("be within +-2**53, of which float64 holds all")
        if value not in self.within:
            raise UnfitError(f"be {self.range or f'a {self.text}'}")
        return int(value) if self.whole else float(value)


class _Flag(Kind):
    text = plural = "true or false"
    separators = ",;"

    def fitted(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise UnfitError("be true or false")
        return value

    def parse(self, text: str) -> Any:
        return {"true": True, "false": False}.get(text.strip().lower(), text)


class _Text(Kind):
    text, plural = "text", "texts"

    def fitted(self, value: Any) -> str:
        if not isinstance(value, str):
            raise UnfitError("be a text")
        return value

    def parse(self, text: str) -> str:
        return text


class _Choice(Kind):
    separators = ",;"

    def __init__(self, choices: tuple[Any, ...]):
        self.choices = choices
        self.text = f"one of {', '.join(map(str, choices))}"
        self.plural = f"any of {', '.join(map(str, choices))}"

    def fitted(self, value: Any) -> Any:
        for choice in self.choices:
            if type(choice) is type(value) and choice == value:  # True is not 1
                return choice
        raise UnfitError(f"be {self.text}", did_you_mean(value, map(str, self.choices)))

    def parse(self, text: str) -> Any:
        text = text.strip()
        return text if text in self.choices else super().parse(text)


class _Items(Kind):
    def __init__(self, item: Kind):
        self.item = item
        self.text = self.plural = item.plural

    def fitted(self, value: Any) -> tuple:
        one = isinstance(value, str | bytes) or not hasattr(value, "__iter__") or getattr(value, "ndim", 1) == 0
        if isinstance(value, Mapping | Set | Iterator):  # which have no order, or are used up
            raise UnfitError(f"hold {self.item.plural}")
        try:
            return tuple(self.item.fitted(_plain(item)) for item in ((value,) if one else value))
        except UnfitError as error:
            raise UnfitError(f"hold {self.item.plural}", error.hint) from None

    def parse(self, text: str) -> Any:
        whole = text = text.strip()
        if text[:1] + text[-1:] in ("()", "[]"):  # as Python, JSON and Hydra write lists
            text = text[1:-1]
        if any(bracket in text for bracket in "()[]"):
            return whole  # which the message shows
        return tuple(self.item.parse(_unquoted(part)) for part in text.split(",") if part.strip())

    def recorded(self, value: Any) -> Any:
        return tuple(map(self.item.recorded, value)) if isinstance(value, tuple) else value


def _unquoted(part: str) -> str:
    """Return an item of a list without blanks and quotes around it."""
    part = part.strip()
    return part[1:-1] if len(part) > 1 and part[0] == part[-1] and part[0] in "\"'" else part


class _Optional(Kind):
    def __init__(self, kind: Kind):
        self.kind = kind
        self.text, self.plural, self.range = f"{kind.text}, or none", f"{kind.plural}, or none", kind.range
        self.separators = kind.separators

    def fitted(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return self.kind.fitted(value)
        except UnfitError as error:
            raise UnfitError(f"{error.rule}, or None", error.hint) from None

    def parse(self, text: str) -> Any:
        return None if text.strip().lower() == "none" else self.kind.parse(text)

    def recorded(self, value: Any) -> Any:
        return None if value is None else self.kind.recorded(value)


class _OrRegistered(Kind):
    def __init__(self, kind: Kind, added: OrRegistered):
        self.kind, self.added, self.range, self.separators = kind, added, kind.range, kind.separators
        self.text, self.plural = (f"{words}, or a name added to {added.package}" for words in (kind.text, kind.plural))

    def fitted(self, value: Any) -> Any:
        try:
            return self.kind.fitted(value)
        except UnfitError as error:
            if value in self.added:
                return value
            raise UnfitError(f"{error.rule}, or a name added to {self.added.package}", error.hint) from None

    def parse(self, text: str) -> Any:
        return self.kind.parse(text)


def _annotated(arguments: tuple, within: Range | None) -> Kind:
    hint, *notes = arguments
    within = next((note for note in notes if isinstance(note, Range)), within)
    if (unit := next((note for note in notes if _is_of_brian2(type(note), "Unit")), None)) is not None:
        from spikefa.experiments.quantities import QuantityKind  # of Brian2, which takes a second to import

        return QuantityKind(unit, within)
    kind = kind_of(hint, within)
    added = next((note for note in notes if isinstance(note, OrRegistered)), None)
    return kind if added is None else _OrRegistered(kind, added)


def _is_of_brian2(one: Any, name: str) -> bool:
    return one.__module__.startswith("brian2.") and one.__name__ == name


def _tuple(arguments: tuple, within: Range | None) -> Kind:
    items = {argument for argument in arguments if argument is not ...}
    return _Items(kind_of(items.pop(), within)) if len(items) == 1 else Kind()


def _union(arguments: tuple, within: Range | None) -> Kind:
    others = [argument for argument in arguments if argument is not types.NoneType]
    return _Optional(kind_of(others[0], within)) if len(others) == 1 else Kind()


#: Annotation, or what is before its brackets -> its kind, from what is in the brackets and the range.
_KINDS: dict[Any, Callable[[tuple, Range | None], Kind]] = {
    int: lambda arguments, within: _Number(True, within),
    float: lambda arguments, within: _Number(False, within),
    bool: lambda arguments, within: _Flag(),
    str: lambda arguments, within: _Text(),
    typing.Literal: lambda arguments, within: _Choice(arguments),
    typing.Annotated: _annotated,
    tuple: _tuple,
    typing.Union: _union,
    types.UnionType: _union,
}


def kind_of(hint: Any, within: Range | None = None) -> Kind:
    """Return which values an annotation allows; `within` is a range for its numbers.

    Raises
    ------
    ModelError
        If it is a quantity without a unit.
    """
    if isinstance(hint, type) and _is_of_brian2(hint, "Quantity"):
        raise ModelError("Params: a Quantity must be annotated with its unit, as in Annotated[Quantity, ms]")
    make = _KINDS.get(typing.get_origin(hint) or hint) if _is_hashable(hint) else None
    return make(_arguments(hint), within) if make else Kind()


def _arguments(hint: Any) -> tuple:
    if typing.get_origin(hint) is typing.Annotated:
        return (hint.__origin__, *hint.__metadata__)
    return typing.get_args(hint)


def _is_hashable(hint: Any) -> bool:
    try:
        hash(hint)
    except TypeError:
        return False
    return True


def _plain(value: Any) -> Any:
    """Return a number of numpy as one of Python, as ``run.json`` has them."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value


_kinds_of_classes: WeakKeyDictionary[type, dict[str, Kind]] = WeakKeyDictionary()


def kinds_of(params: type) -> dict[str, Kind]:
    """Return the kind of each field of a dataclass, in their order.

    Annotations are looked up in the module that stated the class, when it is first asked for.
    """
    if params not in _kinds_of_classes:
        hints = typing.get_type_hints(params, include_extras=True)
        names = [field.name for field in dataclasses.fields(params)]
        _kinds_of_classes[params] = {name: kind_of(hints[name]) for name in names}
    return _kinds_of_classes[params]


def fitted(owner: str, name: str, kind: Kind, value: Any) -> Any:
    """Return a value in the type of its kind.

    Raises
    ------
    ModelError
        If it does not fit.
    """
    try:
        return kind.fitted(_plain(value))
    except UnfitError as error:
        raise ModelError(f"{owner}: {name} must {error.rule}, got {shown(value)}{error.hint}") from None


def value_text(value: Any) -> str:
    """Return a value as ``--set NAME=`` takes it: ``none``, ``true``, ``1500,1500``."""
    if isinstance(value, tuple | list):
        return ",".join(map(value_text, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


class Params:
    """Base of a model's ``Params``, whose values are checked, and put into their types, when they are made.

    A model derives a frozen dataclass from it. A docstring after each field says what the field means.

    Raises
    ------
    ModelError
        If a value does not fit its annotation, or the values do not fit each other.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from typing import Annotated
    >>> import spikefa as fa
    >>> @dataclass(frozen=True)
    ... class Params(fa.Params):
    ...     eta: Annotated[float, fa.Range(0)] = 1e-3
    >>> Params(eta=2e-3).eta
    0.002
    >>> try:
    ...     Params(eta=-1)
    ... except fa.ModelError as error:
    ...     print(error)
    Model ...: eta must be at least 0, got -1
    """

    def __post_init__(self) -> None:
        for name, kind in kinds_of(type(self)).items():
            object.__setattr__(self, name, fitted(self._title, name, kind, getattr(self, name)))
        self.validate()

    @property
    def _title(self) -> str:
        return title_of(type(self).__module__.removeprefix(MODULE_PREFIX))

    def validate(self) -> None:
        """Refuse values that do not fit each other. A model with such fields overrides this."""

    def refuse(self, name: str, rule: str) -> typing.NoReturn:
        """Raise that a field is against a rule, such as ``"be direct with feedback_pairs"``.

        Raises
        ------
        ModelError
            Always.
        """
        raise ModelError(f"{self._title}: {name} must {rule}, got {shown(getattr(self, name))}")
