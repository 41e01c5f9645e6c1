"""Brian2 collects garbage before each run, which takes 0.1 s and more: here it does so when that is worth its time.

A loop of short runs of a small network would spend most of its time on it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Garbage is collected when as many times as long as that last took have passed since.
PAUSE = 10

_due = 0.0


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Collect garbage if it is due; within the block, collections look only at objects made in it.

    What the caller has frozen (`gc.freeze`) no longer is afterwards.
    """
    global _due
    start = time.monotonic()
    if start >= _due:
        gc.collect()  # tells, by Brian2's warning, of objects that are in no network
        end = time.monotonic()
        _due = end + PAUSE * (end - start)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
