"""Products of 8-bit weights with many streams, in tiles of 16-bit numbers whose sums of 32 bits stay in registers.

Every processor with vectors multiplies neighbouring 16-bit integers and adds their products in one instruction. A panel
is the weights of 16 post-synaptic units. A block of it, as 16-bit integers, lies in the first cache while it is
multiplied with five streams at a time. Numba cannot say that a tile of sums is to stay in registers; `add_pairs` can.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.packed import nearest
from spikefa.engine.kernels.tasks import share

#: Bytes of a vector, and how many sums are in one.
VECTOR, LANES = 32, 8
#: Vectors of a tile side by side, and its rows, the streams.
ACROSS, STREAMS = 2, 5
#: Post-synaptic units of a panel.
UNITS = ACROSS * LANES
#: Pairs of presynaptic units of a block: it is 18 KiB, so that it and what it is multiplied with fit in a first cache.
BLOCK = 288

_INT, _LONG = ir.IntType(32), ir.IntType(64)
_SUMS, _PAIRS = ir.VectorType(_INT, LANES), ir.VectorType(ir.IntType(16), 2 * LANES)
_WIDE = ir.VectorType(_INT, 2 * LANES)


def _at(builder, address, offset: int, kind: ir.Type):
    return builder.inttoptr(builder.add(address, _LONG(offset)), kind.as_pointer())


def _add_pairs(builder, panel, numbers, count, sums) -> None:
    undefined = ir.Constant(_WIDE, ir.Undefined)
    halves = [ir.Constant(_SUMS, list(range(first, 2 * LANES, 2))) for first in range(2)]
    same = ir.Constant(_SUMS, [0] * LANES)
    places = [_at(builder, sums, VECTOR * place, _SUMS) for place in range(ACROSS * STREAMS)]
    grown = [cgutils.alloca_once(builder, _SUMS) for _ in places]
    for place, total in zip(places, grown, strict=True):
        builder.store(builder.load(place, align=4), total)
    with cgutils.for_range(builder, count, intp=_LONG) as loop:
        here = builder.add(panel, builder.mul(loop.index, _LONG(ACROSS * VECTOR)))
        beside = builder.add(numbers, builder.mul(loop.index, _LONG(4 * STREAMS)))
        weights = [
            builder.sext(builder.load(_at(builder, here, v * VECTOR, _PAIRS), align=VECTOR), _WIDE)
            for v in range(ACROSS)
        ]
        for stream in range(STREAMS):
            pair = builder.load(_at(builder, beside, 4 * stream, _INT), align=4)
            first = builder.insert_element(ir.Constant(_SUMS, ir.Undefined), pair, _INT(0))
            pairs = builder.bitcast(builder.shuffle_vector(first, ir.Constant(_SUMS, ir.Undefined), same), _PAIRS)
            factor = builder.sext(pairs, _WIDE)
            for weight, total in zip(weights, grown[stream * ACROSS : (stream + 1) * ACROSS], strict=True):
                # Products of 16 bits, and sums of two neighbours: LLVM knows it as one instruction.
                products = builder.mul(weight, factor)
                two = builder.add(*(builder.shuffle_vector(products, undefined, half) for half in halves))
                builder.store(builder.add(builder.load(total), two), total)
    for place, total in zip(places, grown, strict=True):
        builder.store(builder.load(total), place, align=4)


@intrinsic
def add_pairs(typingctx, panel, numbers, count, sums):
    """Add to sums ``(STREAMS, UNITS)`` the products of pairs of weights with pairs of the streams' integers.

    Parameters
    ----------
    panel : int
        Address, a multiple of `VECTOR`, of 16-bit integers ``(count, UNITS, 2)``.
    numbers : int
        Address of 16-bit integers ``(count, STREAMS, 2)``.
    count : int
    sums : int
        Address of 32-bit integers.
    """

    def codegen(context, builder, signature, args):
        _add_pairs(builder, *args)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), codegen


def panels_of(integers: np.ndarray) -> np.ndarray:
    """Return 8-bit weights as they lie for `propagate`.

    Parameters
    ----------
    integers : ndarray of int8 (n_post, n_pre)

    Returns
    -------
    ndarray of int8 (panels, pairs, UNITS, 2)
        0 where there is no unit.
    """
    n_post, n_pre = integers.shape
    panels, pairs = -(-n_post // UNITS), -(-n_pre // 2)
    whole = np.zeros((panels * UNITS, pairs * 2), np.int8)
    whole[:n_post, :n_pre] = integers
    return np.ascontiguousarray(whole.reshape(panels, UNITS, pairs, 2).swapaxes(1, 2))


def room_for_fives(units: int, streams: int) -> np.ndarray:
    """Return zeros for what `round_in_fives` writes."""
    return np.zeros((-(-streams // STREAMS), -(-units // 2), STREAMS, 2), np.int16)


@compiled(nogil=True)
def _round_pair(pair, activity, inverses, integers):
    units, streams = activity.shape
    rounded = np.empty(streams, np.int16)
    for i in range(2 * pair, min(2 * pair + 2, units)):
        row = activity[i]
        for k in range(np.uint64(streams)):
            rounded[k] = nearest(row[k], inverses[k])
        for five in range(len(integers)):
            to = integers[five, pair]
            for k in range(min(STREAMS, streams - STREAMS * five)):
                to[k, i % 2] = rounded[STREAMS * five + k]


@compiled(nogil=True)
def round_in_fives(activity, inverses, integers):
    """Round activities ``(units, streams)`` to integers, written as int16 ``(fives, pairs, STREAMS, 2)``, of zeros."""
    share(_round_pair, integers.shape[1], (activity, inverses, integers))


@compiled(nogil=True)
def _widen(numbers, wide):
    for k in range(np.uint64(numbers.size)):
        wide[k] = numbers[k]


@compiled(nogil=True)
def _propagate_panel(panel, panels, scale, integers, scales, bias, current, add):
    n_post, streams = current.shape
    pairs, fives = panels.shape[1], integers.shape[0]
    room = np.empty(2 * UNITS * BLOCK + VECTOR // 2, np.int16)
    block = room[(-room.ctypes.data % VECTOR) // 2 :]
    sums = np.zeros((STREAMS * fives, UNITS), np.int32)
    for first in range(0, pairs, BLOCK):
        count = min(BLOCK, pairs - first)
        _widen(panels[panel, first : first + count].reshape(2 * UNITS * count), block)
        for five in range(fives):
            numbers, to = integers[five, first:].ctypes.data, sums[STREAMS * five :].ctypes.data
            add_pairs(block.ctypes.data, numbers, count, to)
    for j in range(panel * UNITS, min((panel + 1) * UNITS, n_post)):
        for k in range(streams):
            value = np.float32(sums[k, j % UNITS]) * (scale * scales[k])
            current[j, k] = value + (current[j, k] + bias[j] if add else bias[j])


@compiled(nogil=True)
def propagate(panels, scale, integers, scales, bias, current, add):
    """Compute ``current = scale * weights @ activity + bias``, or ``current +=`` the same if `add`.

    Parameters
    ----------
    panels : ndarray of int8
        As `panels_of` returns them.
    scale : float32
        Of the weights.
    integers : ndarray of int16
        What `round_in_fives` writes.
    scales : ndarray of float32 (streams,)
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    share(_propagate_panel, panels.shape[0], (panels, scale, integers, scales, bias, current, add))
