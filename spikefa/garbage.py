"""Brian2 collects garbage before each run, which takes 0.1 s and more, most of it for what was imported."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_FROZEN_AT_START = gc.get_freeze_count()  # by the interpreter


@contextmanager
def older_objects_kept() -> Iterator[None]:
    """Collect garbage now, and within the block look only at objects made in it."""
    if gc.get_freeze_count() > _FROZEN_AT_START:  # the caller's own, which could not be put back
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
