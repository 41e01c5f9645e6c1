"""Statements of populations: which variables they assign."""

from __future__ import annotations

import re

from brian2.utils.stringtools import get_identifiers

_ASSIGNMENT = re.compile(r"(?m)(?:^|;)[ \t]*(\w+)[ \t]*([-+*/%]|\*\*|//)?=(?!=)([^;\n]*)")


def assigned(*texts: str | None) -> set[str]:
    """Return the names that are assigned, by ``=`` or ``+=`` and the like."""
    return {name for text in texts for name, _, _ in _ASSIGNMENT.findall(text or "")}


def overwritten(text: str) -> set[str]:
    """Return the names that are assigned something which does not depend on their own value."""
    found = _ASSIGNMENT.findall(text)
    return {name for name, operator, value in found if not operator and name not in get_identifiers(value)}
