"""Statements of populations: which variables they assign."""

from __future__ import annotations

import re

_ASSIGNED = re.compile(r"(?m)(?:^|;)[ \t]*(\w+)[ \t]*(?:[-+*/%]|\*\*|//)?=(?!=)")


def assigned(*texts: str | None) -> set[str]:
    """Return the names that are assigned, by ``=`` or ``+=`` and the like."""
    return {name for text in texts for name in _ASSIGNED.findall(text or "")}
