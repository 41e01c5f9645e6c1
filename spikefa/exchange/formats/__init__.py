"""Formats of activity, one short file each; `formats` lists them, also those of other distributions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from spikefa._registry import Registry
from spikefa.exchange.activity import Activity


class Format(NamedTuple):
    """A format of files."""

    suffix: str
    """Of the file; empty if it is a folder."""
    write: Callable[[Activity, Path], None]
    """Writes activity to a path that does not exist yet."""


#: Name -> format.
formats: Registry[Format] = Registry("format", "spikefa.exchange.formats", separator="-")
