"""Libraries that only some users need: imported where they are used, with a sentence if they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from spikefa.errors import SpikefaError


def optional(module: str, owner: str, extra: str) -> Any:
    """Return an optional library.

    Parameters
    ----------
    module : str
        Its name.
    owner : str
        Who needs it, for the message.
    extra : str
        The extra of this package that installs it.

    Raises
    ------
    SpikefaError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise SpikefaError(
            f'{owner}: needs {module}, which is not installed; run: pip install "spikefa[{extra}]"'
        ) from error
