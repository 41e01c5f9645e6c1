"""Products of fixed weights in 8-bit integers or bfloat16, which take a fourth or half of the bytes of float32.

Integers are summed exactly, in 32 bits: the result is the same on every processor and on any number of threads, also
where it lacks the instruction (see `spikefa.engine.kernels.integer_panels`).
"""

from __future__ import annotations

import numpy as np

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.dot_products import (
    LANES,
    ROWS,
    TILE_ROWS,
    add_dot_products_bfloat16,
    add_dot_products_int8,
)
from spikefa.engine.kernels.register_tiles import BYTE_ROWS, BYTE_STREAMS, BYTES, byte_dots
from spikefa.engine.kernels.tasks import share

#: The largest of the 255 integers.
LARGEST = 127
#: Numbers below this count as 0 where all of a stream, or all weights, are.
SMALLEST = 2.0**-100
#: Rows of bytes of a task.
BYTE_TASK = 16
#: Blocks in which the largest number is looked for.
BLOCKS = 8
#: Numbers that one thread looks through or rounds sooner than it wakes another.
ALONE = 8192


@compiled(nogil=True)
def nearest(value, inverse):
    """Return the nearest integer to ``value * inverse``, ties to even; 0 for what is no number."""
    found = np.rint(value * inverse)
    return np.int32(found) if abs(found) <= np.float32(LARGEST) else np.int32(0)


@compiled(nogil=True)
def _find_other(j, values, integers, scale, others):
    """Note whether a row has a number that is not ``scale`` times its integer."""
    row, own, other = values[j], integers[j], False
    for i in range(np.uint64(row.size)):  # to its end, so that LLVM vectorises it
        other |= row[i] != scale * np.float32(own[i])
    others[j] = other


@compiled(nogil=True)
def are_multiples(values, integers, scale):
    """Whether numbers ``(rows, columns)`` are still ``scale * integers``."""
    others = np.zeros(len(values), np.bool_)
    share(_find_other, len(values), (values, integers, scale, others))
    return not others.any()


@compiled(nogil=True)
def _find_largest(block, activity, largest):
    (units, streams), found = activity.shape, largest[block]
    for i in range(block * units // BLOCKS, (block + 1) * units // BLOCKS):
        row = activity[i]
        for k in range(np.uint64(streams)):
            size = abs(row[k])
            found[k] = size if (size > found[k]) | (size != size) else found[k]


@compiled(nogil=True)
def integer_scales(activity, scales, inverses):
    """Find what a stream's integers are multiplied by: its largest size / 127. NaN if one of its numbers is not finite.

    Parameters
    ----------
    activity : ndarray of float32 (units, streams)
    scales, inverses : ndarray of float32 (streams,)
        Written: the factor and its inverse, both 0 where all numbers are below `SMALLEST`.
    """
    streams = activity.shape[1]
    largest = np.zeros((BLOCKS, streams), activity.dtype)
    if activity.size <= ALONE:
        for block in range(BLOCKS):
            _find_largest(block, activity, largest)
    else:
        share(_find_largest, BLOCKS, (activity, largest))
    top = np.float32(LARGEST)
    for k in range(streams):
        most = np.float32(0)
        for block in range(BLOCKS):
            size = largest[block, k]
            most = size if (size > most) | (size != size) else most
        scales[k] = inverses[k] = 0
        if most >= SMALLEST:
            scales[k], inverses[k] = most / top, top / most
        if not np.isfinite(most):
            scales[k], inverses[k] = np.nan, 0


@compiled(nogil=True)
def _byte(value, inverse):
    return np.uint32(nearest(value, inverse) + np.int32(128))


@compiled(nogil=True)
def _pack_word(word, activity, inverses, words):
    units, streams = activity.shape
    to, i = words[word], 4 * word
    if i + 4 <= units:
        a, b, c, d = activity[i], activity[i + 1], activity[i + 2], activity[i + 3]
        for k in range(np.uint64(streams)):
            low = _byte(a[k], inverses[k]) | (_byte(b[k], inverses[k]) << np.uint32(8))
            high = _byte(c[k], inverses[k]) | (_byte(d[k], inverses[k]) << np.uint32(8))
            to[k] = low | (high << np.uint32(16))
        return
    for k in range(np.uint64(streams)):
        packed = np.uint32(0x80808080)
        for r in range(units - i):
            shift = np.uint32(8 * r)
            packed ^= (np.uint32(0x80) ^ _byte(activity[i + r, k], inverses[k])) << shift
        to[k] = packed


@compiled(nogil=True)
def pack_int8(activity, inverses, words):
    """Round activities to integers, and pack 128 more than those of four units into a word.

    Parameters
    ----------
    activity : ndarray of float32 (units, streams)
    inverses : ndarray of float32 (streams,)
    words : ndarray of uint32 (words, lanes)
        Written in the first `streams` lanes. Units that do not exist are 0.
    """
    share(_pack_word, words.shape[0], (activity, inverses, words))


@compiled(nogil=True)
def _sums(size, number):
    """Room for sums at an address that is a multiple of 64."""
    room = np.empty(size + LANES, number)
    skip = (-room.ctypes.data % 64) // 4
    return room[skip : skip + size]


@compiled(nogil=True)
def less_offset(total, offset):
    """Return ``total - offset`` in 32 bits: of many units both are beyond these, and their difference is not."""
    return np.int32(total - offset)


@compiled(nogil=True)
def _propagate_block_int8(block, weights, offsets, scale, words, scales, vectors, bias, current, add):
    n_post, streams = current.shape
    width, rows = vectors * LANES, TILE_ROWS[vectors]
    row_bytes, word_bytes = 4 * weights.shape[1], 4 * words.shape[1]
    sums = _sums(rows * width, np.int32)
    for first in range(0, streams, width):
        for top in range(block * ROWS, min((block + 1) * ROWS, n_post), rows):
            sums[:] = 0
            a, b = weights.ctypes.data + top * row_bytes, words.ctypes.data + 4 * first
            add_dot_products_int8(a, row_bytes, b, word_bytes, words.shape[0], sums.ctypes.data, vectors)
            for j in range(top, min(top + rows, n_post)):
                own, offset, factors, to = sums[(j - top) * width :], offsets[j], scales[first:], current[j, first:]
                for k in range(np.uint64(min(width, streams - first))):
                    value = np.float32(less_offset(own[k], offset)) * (scale * factors[k])
                    to[k] = value + (to[k] + bias[j] if add else bias[j])


@compiled(nogil=True)
def propagate_int8(weights, offsets, scale, words, scales, vectors, bias, current, add):
    """Compute ``current = scale * weights @ activity + bias``, or ``current +=`` the same if `add`.

    Parameters
    ----------
    weights : ndarray of uint32 (n_post or more, words or more)
        Four integers a word, rows in whole blocks of `ROWS`.
    offsets : ndarray of int32 (n_post or more,)
        128 times the sum of each row of integers.
    scale : float32
        Of the weights.
    words : ndarray of uint32 (words, lanes)
        What `pack_int8` writes.
    scales : ndarray of float32 (streams,)
    vectors : int
        Of a tile, see `tiles_of`.
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    given = weights, offsets, scale, words, scales, vectors, bias, current, add
    share(_propagate_block_int8, -(-len(current) // ROWS), given)


@compiled(nogil=True)
def _round_block(block, activity, inverses, integers):
    units, streams = activity.shape
    for i in range(block * units // BLOCKS, (block + 1) * units // BLOCKS):
        for k in range(streams):
            integers[k, i] = nearest(activity[i, k], inverses[k])


@compiled(nogil=True)
def integers_of(activity, inverses, integers):
    """Round activities ``(units, streams)`` to integers, written as int16 ``(streams, units or more)``."""
    if activity.size <= ALONE:
        for block in range(BLOCKS):
            _round_block(block, activity, inverses, integers)
    else:
        share(_round_block, BLOCKS, (activity, inverses, integers))


@compiled(nogil=True)
def _propagate_byte_rows(task, weights, scale, integers, scales, bias, current, add):
    n_post, streams = current.shape
    row_bytes, stream_bytes = weights.shape[1], 2 * integers.shape[1]
    sums = np.empty((BYTE_ROWS * BYTE_STREAMS, BYTES // 2), np.int32)
    for top in range(task * BYTE_TASK, min((task + 1) * BYTE_TASK, n_post), BYTE_ROWS):
        for first in range(0, streams, BYTE_STREAMS):
            wide = min(BYTE_STREAMS, streams - first)
            a, x = weights.ctypes.data + top * row_bytes, integers.ctypes.data + first * stream_bytes
            byte_dots(a, row_bytes, x, stream_bytes, row_bytes // BYTES, sums.ctypes.data, wide)
            for j in range(top, min(top + BYTE_ROWS, n_post)):
                for k in range(wide):
                    value = np.float32(sums[(j - top) * wide + k].sum()) * (scale * scales[first + k])
                    to = current[j, first + k]
                    current[j, first + k] = value + (to + bias[j] if add else bias[j])


@compiled(nogil=True)
def propagate_bytes(weights, scale, integers, scales, bias, current, add):
    """As `propagate_int8`, to the same bits, with few streams: each weight is read once, as one byte.

    Parameters
    ----------
    weights : ndarray of int8 (n_post or more, n_pre or more)
        Integers, and 0 where there is no unit; whole tiles of rows, and rows of whole cache lines.
    scale : float32
    integers : ndarray of int16 (streams, n_pre or more)
        What `integers_of` writes; rows as long as the weights'.
    scales : ndarray of float32 (streams,)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    given = weights, scale, integers, scales, bias, current, add
    share(_propagate_byte_rows, -(-len(current) // BYTE_TASK), given)


@compiled(nogil=True)
def _nearest_bfloat16(bits):
    """Return the bits of a float32 rounded to bfloat16, ties to even, in the upper half of the word; NaN stays."""
    if (bits & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000):
        return np.uint32(0x7FC00000)
    return (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)


@compiled(nogil=True)
def _round_row_bfloat16(i, bits, rounded):
    for k in range(np.uint64(bits.shape[1])):
        rounded[i, k] = _nearest_bfloat16(bits[i, k])


@compiled(nogil=True)
def round_bfloat16(bits, rounded):
    """Round float32 numbers, as bits ``(rows, columns)`` of uint32, to bfloat16."""
    share(_round_row_bfloat16, bits.shape[0], (bits, rounded))


@compiled(nogil=True)
def _pack_word_bfloat16(word, bits, words):
    units, streams = bits.shape
    to, first, second = words[word], bits[2 * word], bits[min(2 * word + 1, units - 1)]
    there = np.uint32(0xFFFFFFFF if 2 * word + 1 < units else 0)
    for k in range(np.uint64(streams)):
        to[k] = (_nearest_bfloat16(first[k]) >> np.uint32(16)) | (_nearest_bfloat16(second[k]) & there)


@compiled(nogil=True)
def pack_bfloat16(bits, words):
    """Round activities to bfloat16, and pack those of two units into a word.

    Parameters
    ----------
    bits : ndarray of uint32 (units, streams)
        Those of float32 numbers.
    words : ndarray of uint32 (words, lanes)
        Written in the first `streams` lanes. Units that do not exist are 0.
    """
    share(_pack_word_bfloat16, words.shape[0], (bits, words))


@compiled(nogil=True)
def _propagate_block_bfloat16(block, weights, words, vectors, bias, current, add):
    n_post, streams = current.shape
    width, rows = vectors * LANES, TILE_ROWS[vectors]
    row_bytes, word_bytes = 4 * weights.shape[1], 4 * words.shape[1]
    mode = flush_denormals()
    sums = _sums(rows * width, np.float32)
    for first in range(0, streams, width):
        for top in range(block * ROWS, min((block + 1) * ROWS, n_post), rows):
            sums[:] = 0
            a, b = weights.ctypes.data + top * row_bytes, words.ctypes.data + 4 * first
            add_dot_products_bfloat16(a, row_bytes, b, word_bytes, words.shape[0], sums.ctypes.data, vectors)
            for j in range(top, min(top + rows, n_post)):
                own, to = sums[(j - top) * width :], current[j, first:]
                for k in range(np.uint64(min(width, streams - first))):
                    to[k] = own[k] + (to[k] + bias[j] if add else bias[j])
    restore(mode)


@compiled(nogil=True)
def propagate_bfloat16(weights, words, vectors, bias, current, add):
    """Compute ``current = weights @ activity + bias``, or ``current +=`` the same if `add`; sums are float32.

    Parameters
    ----------
    weights : ndarray of uint32 (n_post or more, words or more)
        Two bfloat16 a word, rows in whole blocks of `ROWS`.
    words : ndarray of uint32 (words, lanes)
        What `pack_bfloat16` writes.
    vectors : int
        Of a tile, see `tiles_of`.
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    given = weights, words, vectors, bias, current, add
    share(_propagate_block_bfloat16, -(-len(current) // ROWS), given)
