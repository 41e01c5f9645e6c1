"""Parameters with units: quantities, and their texts ``"20 ms"``, as ``--set`` and ``run.json`` have them.

No text is evaluated: a unit is read factor by factor, and looked up among Brian2's.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from brian2 import Quantity, Unit, get_unit
from brian2.core.namespace import DEFAULT_UNITS

from spikefa._checks import Range, is_finite
from spikefa.experiments.kinds import LARGEST, Kind, UnfitError

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*(\*(?!\*))?\s*")
_FACTOR = re.compile(r"\s*([A-Za-z]\w*)\s*(?:(?:\*\*|\^)\s*(-?[1-9]))?\s*")
_SIGN = re.compile(r"\*(?!\*)|/")
#: A unit has fewer factors, and its name fewer characters.
_LONGEST = 100


class QuantityKind(Kind):
    """One value with a unit, of Brian2 or as a text.

    Parameters
    ----------
    unit : Unit
        In which it is shown and recorded; values may be in any unit of its dimension.
    within : Range, optional
        Of its number in this unit.
    """

    separators = ",;"

    def __init__(self, unit: Unit, within: Range | None):
        self.unit, self.within, self.name = unit, within or Range(), name_of(unit)
        self.range = f"{self.within} {self.name}" if within else ""
        self.text, self.plural = f"quantity in {self.name}", f"quantities in {self.name}"
        self.plural += f", each {self.range}" if within else ""

    def fitted(self, value: Any) -> Quantity:
        """Return the value as a quantity that cannot be changed."""
        found = parsed(value) if isinstance(value, str) else value
        if not isinstance(found, Quantity) or found.ndim or found.dim is not self.unit.dim:
            raise UnfitError(f"be a quantity in {self.name}, such as 1 {self.name}")
        number = float(found)
        if not is_finite(number):
            raise UnfitError("be finite")
        if abs(number) > LARGEST:
            raise UnfitError(f"be within +-{LARGEST:.2g} in base units, the largest float32")
        if number not in self._range_in_base_units():
            raise UnfitError(f"be {self.range}")
        held = Quantity.with_dimensions(number, found.dim)
        held.setflags(write=False)
        return held

    def _range_in_base_units(self) -> Range:
        limits = {end: getattr(self.within, end) for end in ("low", "high")}
        scaled = {end: limit * float(self.unit) for end, limit in limits.items() if limit is not None}
        return dataclasses.replace(self.within, **scaled)

    def parse(self, text: str) -> str:
        """Return the text, which `fitted` reads."""
        return text.strip()

    def recorded(self, value: Any) -> Any:
        """Return a quantity as a text."""
        of_its_unit = isinstance(value, Quantity) and not value.ndim and value.dim is self.unit.dim
        return text_of(value, self.unit) if of_its_unit else value


def parsed(text: str) -> Quantity | None:
    """Return the quantity of a text such as ``"20 ms"``, ``"20*ms"`` or ``"-1.5e3 mV/ms"``; None if it is none.

    Units have the names that they have in equations: those of Brian2, with their prefixes. They are joined by ``*`` and
    ``/``, and raised to whole powers by ``**``.
    """
    number = _NUMBER.match(text)
    unit = number and unit_of(text[number.end() :])
    if unit is None or not math.isfinite(float(number[1])):
        return None
    return float(number[1]) * unit


def unit_of(text: str) -> Unit | None:
    """Return the unit that a text such as ``"mV"`` or ``"nA / ms**2"`` names; None if it names none."""
    if len(text) > _LONGEST:
        return None
    unit, at, divides = None, 0, False
    while True:
        factor = _FACTOR.match(text, at)
        if factor is None or factor[1] not in DEFAULT_UNITS:
            return None
        one = DEFAULT_UNITS[factor[1]]
        one = one if factor[2] is None else one ** int(factor[2])
        unit = one if unit is None else unit / one if divides else unit * one
        at = factor.end()
        if at == len(text):
            return unit
        sign = _SIGN.match(text, at)
        if sign is None:
            return None
        at, divides = sign.end(), sign[0] == "/"


def text_of(quantity: Quantity, unit: Unit) -> str:
    """Return one value as a text of which `parsed` makes the same quantity, to the last bit.

    It is written in `unit`; where no number of it is the value, in base units.
    """
    for one in (unit, get_unit(quantity.dim)):
        name = name_of(one)
        number = _number_of(float(quantity), float(unit_of(name)))
        if number is not None:
            return f"{number!r}".removesuffix(".0") + f" {name}"
    raise AssertionError(f"{quantity!r} has a base unit")


def name_of(unit: Unit) -> str:
    """Return a unit as `unit_of` reads it: ``"ms"``, ``"mV/ms"``; the base unit's name if it has none such."""
    base = get_unit(unit.dim)
    for one in (unit, base):
        for text in (str(one), repr(one)):
            name = re.sub(r"[()]", "", text).replace("^", "**")
            found = unit_of(name)  # without brackets, the text may say something else
            if found is not None and found.dim is one.dim and float(found) == float(one):
                return name
    raise AssertionError(f"{unit!r} has a base unit")


def _number_of(value: float, scale: float) -> float | None:
    """Return the number that is the value when it is multiplied by the scale, the shortest first."""
    nearest = value / scale
    numbers = (float(f"{nearest:.15g}"), nearest, *(math.nextafter(nearest, end) for end in (-math.inf, math.inf)))
    return next((number for number in numbers if number * scale == value), None)
