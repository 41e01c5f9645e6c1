"""Products with spikes, without multiplications: what units that are 0 or 1 choose is looked up.

A product with spikes adds some rows of a matrix. For every four rows all 16 sums that can come out are made once, in
a table that stays in the first cache, and each stream (or, in an update, each presynaptic unit) adds one of them:
a fourth of the additions (the "method of four Russians": Arlazarov, Dinic, Kronrod & Faradzev 1970). BLAS cannot,
since it does not know that the numbers are 0 and 1. Groups of four units that are silent in all streams are skipped,
as at the margin of most images. Weights are pre-major, ``(n_pre, n_post)``.

Their times beside those of BLAS: `spikefa.engine.weight_policy.WeightPolicy`.
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.lookup_tables import ABREAST, CHOICES, TABLE, VECTOR, add_looked_up, make_table
from spikefa.engine.kernels.tasks import share

#: Tables at a time of a propagation: 16 KiB, so that they and what is added to them fit in a first cache of 32.
TABLES = 16
#: Tables at a time of an update, which adds to rows that pass by: those of 100 streams are 25 KiB. (1500 x 1500, an
#: AMD EPYC of Zen 3, medians of 25 turns of a script that was not kept: 1.47 ms, 1.61 in two parts of 16 at most.)
UPDATE_TABLES = 26
#: Vectors of a row that a propagation reads one soon after the other: each row is a memory page of its own, or more.
STRIPS = 8
#: How many fours of rows further an update asks for memory (1.38 ms in the same turns; 1.47 with 2).
AHEAD = 8


@compiled(nogil=True)
def _only_spikes(row):
    other = False
    for k in range(np.uint64(row.size)):  # to its end, so that LLVM vectorises it
        other |= (row[k] != 0) & (row[k] != 1)
    return not other


@compiled(nogil=True)
def _choose_for_four_units(four, activity, choices, others):
    units, streams = activity.shape
    to = choices[four]
    for i in range(4 * four, min(4 * four + 4, units)):
        row = activity[i]
        others[four] |= not _only_spikes(row)
        place = np.uint16(VECTOR << (i % 4))
        for k in range(np.uint64(streams)):
            to[k] += np.uint16(row[k] != 0) * place


@compiled(nogil=True)
def choose_for_units(activity, choices, others):
    """Fill in `choices_of_units`, of zeros at first, and whether in each four an activity is neither 0 nor 1."""
    share(_choose_for_four_units, len(choices), (activity, choices, others))


def choices_of_units(activity: np.ndarray) -> np.ndarray:
    """Where each stream finds the sum for each four units, if all activities are 0 or 1.

    Parameters
    ----------
    activity : ndarray (units, streams)

    Returns
    -------
    ndarray of uint16 (ceil(units / 4), 4 ceil(streams / 4))
        Places in bytes; of no size where an activity is neither 0 nor 1.
    """
    units, streams = activity.shape
    choices = np.zeros((-(-units // 4), -(-streams // ABREAST) * ABREAST), np.uint16)
    others = np.zeros(len(choices), np.bool_)
    choose_for_units(activity, choices, others)  # numba would take as long again to compile the other lines
    return choices[:0] if others.any() else choices


@compiled(nogil=True)
def _choose(a, b, c, d, first, choices):
    """Write where four units find the sums for fours of streams, from stream `first` on."""
    number = a.dtype.type
    one, two, four, eight = number(VECTOR), number(2 * VECTOR), number(4 * VECTOR), number(8 * VECTOR)
    for g in range(np.uint64(len(choices))):  # four lines, as LLVM would not vectorise a loop of them
        k = np.uint64(first) + np.uint64(4) * g
        k1, k2, k3 = k + np.uint64(1), k + np.uint64(2), k + np.uint64(3)
        choices[g, 0] = np.uint16(np.int32(a[k] * one + a[k1] * two + a[k2] * four + a[k3] * eight))
        choices[g, 1] = np.uint16(np.int32(b[k] * one + b[k1] * two + b[k2] * four + b[k3] * eight))
        choices[g, 2] = np.uint16(np.int32(c[k] * one + c[k1] * two + c[k2] * four + c[k3] * eight))
        choices[g, 3] = np.uint16(np.int32(d[k] * one + d[k1] * two + d[k2] * four + d[k3] * eight))


@compiled(nogil=True)
def _choose_slowly(activity, i, first, last, choices):
    """Do the same for the streams from `first` to `last`, where units or streams lack; of zeros at first."""
    for r in range(min(ABREAST, len(activity) - i)):
        for k in range(first, last):
            choices[(k - first) // 4, r] += np.uint16(activity[i + r, k] != 0) * np.uint16(VECTOR << ((k - first) % 4))


@compiled(nogil=True)
def _choose_four_for_streams(four, activity, choices, others):
    units, streams = activity.shape
    i = ABREAST * four
    for r in range(min(ABREAST, units - i)):
        others[four] |= not _only_spikes(activity[i + r])
    for part in range(choices.shape[0]):
        to, first = choices[part, four], 4 * part * choices.shape[2]
        last = min(first + 4 * len(to), streams)
        whole = (last - first) // 4 if i + ABREAST <= units and not others[four] else 0
        if whole:
            _choose(activity[i], activity[i + 1], activity[i + 2], activity[i + 3], first, to[:whole])
        _choose_slowly(activity, i, first + 4 * whole, last, to[whole:])


@compiled(nogil=True)
def choose_for_streams(activity, choices, others):
    """Fill in `choices_of_streams`, of zeros at first, and whether in each four an activity is neither 0 nor 1."""
    share(_choose_four_for_streams, choices.shape[1], (activity, choices, others))


def choices_of_streams(activity: np.ndarray) -> np.ndarray:
    """Where each unit finds the sum for each four streams, if all activities are 0 or 1.

    Parameters
    ----------
    activity : ndarray (units, streams)

    Returns
    -------
    ndarray of uint16 (parts, ceil(units / 4), fours of streams in a part, 4)
        Places in bytes, of four units side by side; of no size where an activity is neither 0 nor 1. An update reads
        them part by part, each at most `UPDATE_TABLES` fours of streams; what the last part lacks is 0.
    """
    units, streams = activity.shape
    groups = -(-streams // 4)
    parts = -(-groups // UPDATE_TABLES)
    choices = np.zeros((parts, -(-units // ABREAST), -(-groups // parts), ABREAST), np.uint16)
    others = np.zeros(choices.shape[1], np.bool_)
    choose_for_streams(activity, choices, others)
    return choices[:0] if others.any() else choices


@compiled(nogil=True)
def _aligned(vectors, number):
    """Room for so many vectors, at an address that is a multiple of theirs."""
    lanes = VECTOR // number.itemsize
    room = np.empty((vectors + 1) * lanes, number.dtype)
    skip = (-room.ctypes.data % VECTOR) // number.itemsize
    return room[skip : skip + vectors * lanes].reshape(vectors, lanes)


@compiled(nogil=True)
def _copied(rows, first, left, vectors):
    """Copy what there is of a strip of `rows`, from row `first` and column `left` on, into vectors; else 0."""
    for r in range(vectors.shape[0]):
        for v in range(vectors.shape[1]):
            there = first + r < rows.shape[0] and left + v < rows.shape[1]
            vectors[r, v] = rows[first + r, left + v] if there else rows.dtype.type(0)


@compiled(nogil=True)
def _copy(numbers, to):
    """Copy numbers, one by one: numba would take 3 s to compile the error message of a slice assignment."""
    for k in range(np.uint64(len(numbers))):
        to[k] = numbers[k]


@compiled(nogil=True)
def _rows_with_spikes(choices):
    """Return the rows in which not every choice is 0, in their order."""
    rows = np.empty(len(choices), np.int64)
    count = 0
    for row in range(len(choices)):
        for place in choices[row]:
            if place:
                rows[count] = row
                count += 1
                break
    return rows[:count]


@compiled(nogil=True)
def _propagate_strips(block, weights, groups, choices, bias, current, add):
    (n_pre, width), (n_post, streams) = weights.shape, current.shape
    padded = choices.shape[1]
    size = weights.itemsize
    lanes, row = VECTOR // size, width * size
    zero = weights.dtype.type(0)
    mode = flush_denormals()
    begin, end = block * STRIPS * lanes, min((block + 1) * STRIPS * lanes, n_post)
    tables, sums, four = _aligned(TABLES * CHOICES, bias), _aligned(STRIPS * padded, bias), _aligned(4, bias)
    sums[:] = 0
    for first in range(0, len(groups), TABLES):
        count = min(TABLES, len(groups) - first)
        for left in range(begin, end, lanes):
            for g in range(count):
                i = 4 * groups[first + g]
                table = tables.ctypes.data + g * TABLE
                if left + lanes <= width and i + 4 <= n_pre:
                    a = weights.ctypes.data + i * row + left * size
                    ahead = (4 * groups[min(first + g + TABLES, len(groups) - 1)] - i) * row
                    make_table(table, a, a + row, a + 2 * row, a + 3 * row, ahead, zero)
                else:
                    _copied(weights, i, left, four)
                    a = four.ctypes.data
                    make_table(table, a, a + VECTOR, a + 2 * VECTOR, a + 3 * VECTOR, 0, zero)
            own = sums.ctypes.data + (left - begin) * size * padded
            for k in range(0, padded, ABREAST):
                chosen = choices.ctypes.data + 2 * (first * padded + k)
                add_looked_up(tables.ctypes.data, count, chosen, 2 * padded, own + k * VECTOR, VECTOR, 0, zero)
    for j in range(begin, end):
        own = sums[(j - begin) // lanes * padded :]
        for k in range(streams):
            current[j, k] = own[k, (j - begin) % lanes] + (current[j, k] + bias[j] if add else bias[j])
    restore(mode)


@compiled(nogil=True)
def propagate_spikes(weights, choices, bias, current, add):
    """Compute ``current = weights.T @ activity + bias``, or ``current +=`` the same if `add`.

    Parameters
    ----------
    weights : ndarray (n_pre, n_post or more)
    choices : ndarray of uint16
        `choices_of_units` of the activity.
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    groups = _rows_with_spikes(choices)
    chosen = choices
    if len(groups) < len(choices):
        chosen = np.empty((len(groups), choices.shape[1]), choices.dtype)
        for g in range(len(groups)):
            _copy(choices[groups[g]], chosen[g])
    tasks = -(-len(current) // (STRIPS * VECTOR // weights.itemsize))
    share(_propagate_strips, tasks, (weights, groups, chosen, bias, current, add))


@compiled(nogil=True)
def _update_strip(strip, weights, spiking, counts, choices, post, scale):
    (n_pre, width), (n_post, streams) = weights.shape, post.shape
    parts, fours, tables_of_part = choices.shape[:3]
    groups = -(-streams // 4)
    size = weights.itemsize
    lanes, row = VECTOR // size, width * size
    number = weights.dtype.type
    mode = flush_denormals()
    left = strip * lanes
    wide = min(lanes, n_post - left)
    tables, factors = _aligned(UPDATE_TABLES * CHOICES, post), _aligned(4 * groups, post)
    factors[:] = 0
    for v in range(wide):
        for k in range(streams):
            factors[k, v] = number(scale) * post[left + v, k]
    whole = n_pre // ABREAST if left + lanes <= width else 0  # so many fours of rows are changed where they lie
    rest = _aligned(ABREAST * (fours - whole), post)
    _copied(weights, ABREAST * whole, left, rest)
    for part in range(parts):
        first = part * tables_of_part
        last = min(first + tables_of_part, groups)
        for g in range(first, last):
            a = factors[4 * g :].ctypes.data
            table = tables.ctypes.data + (g - first) * TABLE
            make_table(table, a, a + VECTOR, a + 2 * VECTOR, a + 3 * VECTOR, 0, number(0))
        count = counts[part]
        for place in range(count):
            four, later = spiking[part, place], spiking[part, min(place + AHEAD, count - 1)]
            chosen = choices.ctypes.data + 2 * ABREAST * tables_of_part * (part * fours + four)
            a, distance = weights.ctypes.data + ABREAST * four * row + left * size, row
            ahead = ABREAST * (later - four) * row
            if four >= whole:
                a, distance, ahead = rest.ctypes.data + ABREAST * (four - whole) * VECTOR, VECTOR, 0
            add_looked_up(tables.ctypes.data, last - first, chosen, 2 * ABREAST, a, distance, ahead, number(0))
    for i in range(ABREAST * whole, n_pre):
        for v in range(wide):
            weights[i, left + v] = rest[i - ABREAST * whole, v]
    restore(mode)


@compiled(nogil=True)
def update_spikes(weights, choices, post, scale):
    """``weights += scale * pre @ post.T``.

    Parameters
    ----------
    weights : ndarray (n_pre, n_post or more)
    choices : ndarray of uint16
        `choices_of_streams` of the presynaptic factor.
    post : ndarray (n_post, streams)
    scale : float
    """
    parts, fours, tables = choices.shape[:3]
    spiking, counts = np.empty((parts, fours), np.int64), np.empty(parts, np.int64)
    for part in range(parts):
        found = _rows_with_spikes(choices[part].reshape(fours, tables * ABREAST))
        counts[part] = len(found)
        _copy(found, spiking[part])
    lanes = VECTOR // weights.itemsize
    share(_update_strip, -(-len(post) // lanes), (weights, spiking, counts, choices, post, scale))
