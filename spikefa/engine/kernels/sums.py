"""Sums of a layer's outputs, for the readout.

numpy would add them up in one thread. Of a large layer with many streams this takes so long that the other threads go
to sleep meanwhile, and longer to wake in the next kernel than that takes.
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.tasks import share

#: Blocks of rows of a total; a constant, so that it does not depend on the threads.
BLOCKS = 8


@compiled(nogil=True)
def _sum_rows(block, values, totals):
    rows, columns = values.shape
    sums = np.zeros(columns)
    for i in range(block * rows // BLOCKS, (block + 1) * rows // BLOCKS):
        row = values[i]
        for k in range(np.uint64(columns)):
            sums[k] += row[k]
    total = 0.0
    for k in range(columns):
        total += sums[k]
    totals[block] = total


@compiled(nogil=True)
def sum_of_all(values):
    """Return the sum of all numbers of an array ``(rows, columns)``, in float64."""
    totals = np.empty(BLOCKS)
    share(_sum_rows, BLOCKS, (values, totals))
    total = 0.0
    for block in range(BLOCKS):
        total += totals[block]
    return total


@compiled(nogil=True)
def _add_group(group, values, sums):
    rows, columns = values.shape[0] // sums.shape[0], values.shape[1]
    total = np.zeros(columns, values.dtype)
    for i in range(group * rows, (group + 1) * rows):
        row = values[i]
        for k in range(np.uint64(columns)):
            total[k] += row[k]
    own = sums[group]
    for k in range(np.uint64(columns)):
        own[k] += total[k]


@compiled(nogil=True)
def add_groups(values, sums):
    """Add to each row of `sums` the sum of its group of rows, made in their own type.

    Parameters
    ----------
    values : ndarray (groups * rows, columns)
        Group by group.
    sums : ndarray of float64 (groups, columns)
    """
    share(_add_group, len(sums), (values, sums))
