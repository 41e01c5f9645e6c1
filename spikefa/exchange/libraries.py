"""Libraries that only some users need, imported when they are used."""

from __future__ import annotations

import importlib
from types import ModuleType

from spikefa.errors import ArgumentError


def library(module: str, extra: str) -> ModuleType:
    """Import a module of a library that an extra of spikefa installs.

    Raises
    ------
    ArgumentError
        If it is not installed; the message says what to do.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ArgumentError(
            f"exchange: {extra} needs the library {error.name!r}, which is not installed; install spikefa[{extra}]"
        ) from error
