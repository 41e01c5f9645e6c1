"""Kinds of parameters: the base of the classes that say which values an annotation allows."""

from __future__ import annotations

import ast
import re
from typing import Any

#: Beyond it, a number is infinite in a network of float32.
LARGEST = 3.4028234663852886e38


class UnfitError(Exception):
    """A value does not fit a kind; the arguments are the rule and a hint."""

    def __init__(self, rule: str, hint: str = ""):
        super().__init__(rule)
        self.rule, self.hint = rule, hint


class Kind:
    """Which values a parameter may have. This one takes any.

    Attributes
    ----------
    text, plural : str
        The values in words: ``"positive whole number"``.
    range : str
        The range in words; empty if there is none.
    separators : str
        What stands between several values in one text, see `parse_several`.
    """

    text = plural = "any value"
    range = ""
    separators = ";"

    def fitted(self, value: Any) -> Any:
        """Return a value in the type of the annotation, or raise what `fitted` makes a `ModelError` of."""
        return value

    def parse(self, text: str) -> Any:
        """Return the value of a text as in ``--set NAME=TEXT``; it may still not fit."""
        text = text.strip()
        try:
            return ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):  # no literal, or nested too deeply
            return text

    def parse_several(self, text: str) -> list[Any]:
        """Return the values of a text such as ``1e-3,2e-3`` or ``100,50;200``.

        A semicolon ends a value. A comma does, too, where it cannot be a part of one: in numbers, choices and flags,
        but not in tuples and texts.
        """
        return [self.parse(part) for part in re.split(f"[{self.separators}]", text)]

    def recorded(self, value: Any) -> Any:
        """Return a value as ``run.json`` holds it; `fitted` makes the same value of it again."""
        return value
