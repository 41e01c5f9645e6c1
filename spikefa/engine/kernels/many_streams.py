"""Products with graded signals of many streams, whose weights are read where they lie, in rows of what is summed.

Activities are copied into panels, a few vectors of streams wide. A tile is a few rows by the streams of a panel: its
sums stay in registers while each weight, spread over a vector, multiplies its unit's streams. A sum runs over `UNITS`
units one by one, and is added to that of those before. So its bits depend on no tile, no thread and no other stream,
and are the same on every processor that multiplies and adds in one instruction.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_name
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from spikefa.engine.aligned import aligned_zeros
from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.denormals import flush_denormals, restore
from spikefa.engine.kernels.tasks import share

#: Units that are summed apart. Fewer roundings then follow each other, and a panel of them stays in the caches.
UNITS = 384
#: Units whose activities are copied by one thread.
PART = 96


def _vectors() -> tuple[int, int]:
    """Return the bytes of a vector of the processor that numba compiles for, and how many sums its registers hold."""
    other = numba.config.CPU_NAME is not None or numba.config.CPU_FEATURES is not None
    if other or "+avx512vl" not in get_host_cpu_features().split(","):
        return 32, 12
    return (32 if get_host_cpu_name() == "znver4" else 64), 24  # Zen 4 computes long vectors by halves


VECTOR, SUMS = _vectors()
#: Rows of a task: whole tiles, however wide. Two tiles of a panel in turn take 6 % less time than one (1500 x 1500, 100
#: streams, an AMD EPYC of Zen 3: 3.60 and 3.39 ms, medians of 240 turns of a script that was not kept).
ROWS = 24
#: Vectors of a panel, at most: those that are multiplied fit into the registers beside the sums and a weight.
WIDEST = 3 if SUMS == 12 else 4

_INT, _LONG = ir.IntType(32), ir.IntType(64)
#: A product and a sum become one instruction where the processor has it.
_FUSED = ("contract",)


def _at(builder, address, offset, kind: ir.Type):
    return builder.inttoptr(builder.add(address, offset), kind.as_pointer())


def _add_tile(builder, kind: ir.VectorType, size: int, args, rows: int, wide: int) -> None:
    weights, row_bytes, last, panel, count, sums, sums_bytes = args
    undefined, everywhere = ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(_INT, kind.count), None)
    vector = size * kind.count
    lines = [builder.mul(sums_bytes, _LONG(row)) for row in range(rows)]
    places = [_at(builder, sums, builder.add(line, _LONG(vector * v)), kind) for line in lines for v in range(wide)]
    grown = [cgutils.alloca_once(builder, kind) for _ in places]
    for total in grown:
        builder.store(ir.Constant(kind, None), total)
    starts = []
    for row in range(rows):  # rows that a tile lacks are its last row again, and summed for nothing
        own = builder.select(builder.icmp_signed("<", last, _LONG(row)), last, _LONG(row))
        starts.append(builder.add(weights, builder.mul(row_bytes, own)))
    with cgutils.for_range(builder, count, intp=_LONG) as loop:
        beside = builder.mul(loop.index, _LONG(wide * vector))
        streams = [
            builder.load(_at(builder, panel, builder.add(beside, _LONG(vector * v)), kind), align=size)
            for v in range(wide)
        ]
        here = builder.mul(loop.index, _LONG(size))
        for row, start in enumerate(starts):
            weight = builder.load(_at(builder, start, here, kind.element), align=size)
            first = builder.insert_element(undefined, weight, _INT(0))
            spread = builder.shuffle_vector(first, undefined, everywhere)
            for numbers, total in zip(streams, grown[row * wide : (row + 1) * wide], strict=True):
                product = builder.fmul(spread, numbers, flags=_FUSED)
                builder.store(builder.fadd(builder.load(total), product, flags=_FUSED), total)
    for place, total in zip(places, grown, strict=True):
        builder.store(builder.fadd(builder.load(place, align=size), builder.load(total)), place, align=size)


def tiles_of(vector: int, most_sums: int, widest: int):
    """Return a function of numba's that adds the products of a tile to its sums.

    Parameters
    ----------
    vector : int
        Bytes of a vector.
    most_sums : int
        Vectors of sums of a tile. A tile of a panel so many vectors wide has ``most_sums // wide`` rows.
    widest : int
        Vectors of a panel, at most.

    Returns
    -------
    callable
        ``add_products(weights, row_bytes, last, panel, count, sums, sums_bytes, wide, number)``: the addresses of
        weights, of a panel ``(count, wide * lanes)`` and of sums; how far apart rows of weights and of sums are; the
        tile's last row; units; vectors of the panel; any number of the type. There are sums for all rows of a tile.
    """

    @intrinsic
    def add_products(typingctx, weights, row_bytes, last, panel, count, sums, sums_bytes, wide, number):
        def codegen(context, builder, signature, args):
            *given, wide, number = args
            size = {"float": 4, "double": 8}[str(number.type)]
            kind = ir.VectorType(number.type, vector // size)
            for width in range(1, widest + 1):
                with builder.if_then(builder.icmp_signed("==", wide, _LONG(width))):
                    _add_tile(builder, kind, size, given, most_sums // width, width)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 8, number), codegen

    return add_products


add_products = tiles_of(VECTOR, SUMS, WIDEST)


@intrinsic
def _copy_vectors(typingctx, rows, row_bytes, panel, count, wide, number):
    """Copy some vectors of each row, at an address, into a panel; other numbers than the row's may follow them."""

    def codegen(context, builder, signature, args):
        rows, row_bytes, panel, count, wide, number = args
        size = {"float": 4, "double": 8}[str(number.type)]
        kind = ir.VectorType(number.type, VECTOR // size)
        for width in range(1, WIDEST + 1):
            with (
                builder.if_then(builder.icmp_signed("==", wide, _LONG(width))),
                cgutils.for_range(builder, count, intp=_LONG) as loop,
            ):
                row = builder.add(rows, builder.mul(loop.index, row_bytes))
                to = builder.add(panel, builder.mul(loop.index, _LONG(width * VECTOR)))
                for v in range(width):
                    numbers = builder.load(_at(builder, row, _LONG(v * VECTOR), kind), align=size)
                    builder.store(numbers, _at(builder, to, _LONG(v * VECTOR), kind), align=size)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5, number), codegen


def room_for_panels(units: int, streams: int, dtype: np.dtype | type) -> np.ndarray:
    """Return zeros for the panels of activities ``(units, streams)``, whose last vector may be broken."""
    lanes = VECTOR // np.dtype(dtype).itemsize
    return aligned_zeros(1, units * -(-streams // lanes) * lanes, dtype)[0]


@compiled(nogil=True)
def _panel(which, panels, vectors):
    """Return the first vector of a panel, and how many it has: as equal as can be."""
    first = which * vectors // panels
    return first, (which + 1) * vectors // panels - first


@compiled(nogil=True)
def _copy_units(part, activity, room):
    (n_pre, streams), size = activity.shape, activity.itemsize
    lanes = VECTOR // size
    vectors = room.size // n_pre // lanes
    panels = -(-vectors // WIDEST)
    begin, end = part * PART, min((part + 1) * PART, n_pre)
    for which in range(panels):
        first, wide = _panel(which, panels, vectors)
        here, to = first * lanes, first * n_pre + begin * wide
        inside = (n_pre * streams - here - wide * lanes) // streams + 1  # units whose vectors end within the array
        whole = max(0, min(inside, end) - begin)
        rows = activity.ctypes.data + (begin * streams + here) * size
        _copy_vectors(rows, streams * size, room.ctypes.data + to * VECTOR, whole, wide, activity.dtype.type(0))
        for i in range(whole, end - begin):
            for k in range(min(wide * lanes, streams - here)):
                room[(to + i * wide) * lanes + k] = activity[begin + i, here + k]


@compiled(nogil=True)
def _propagate_rows(task, weights, n_pre, room, bias, current, add):
    mode = flush_denormals()
    (n_post, streams), size = current.shape, bias.itemsize
    begin, end = task * ROWS, min((task + 1) * ROWS, n_post)
    vectors = room.size // n_pre // (VECTOR // size)
    panels = -(-vectors // WIDEST)
    row_bytes, sums_bytes = weights.shape[1] * size, vectors * VECTOR
    sums = np.zeros((ROWS, sums_bytes // size), bias.dtype)
    for done in range(0, n_pre, UNITS):
        count = min(UNITS, n_pre - done)
        for which in range(panels):
            first, wide = _panel(which, panels, vectors)
            panel = room.ctypes.data + (first * n_pre + done * wide) * VECTOR
            for row in range(begin, end, SUMS // wide):
                rows = weights.ctypes.data + row * row_bytes + done * size
                to = sums.ctypes.data + (row - begin) * sums_bytes + first * VECTOR
                add_products(rows, row_bytes, end - 1 - row, panel, count, to, sums_bytes, wide, bias.dtype.type(0))
    for j in range(begin, end):
        total = sums[j - begin]
        for k in range(np.uint64(streams)):
            current[j, k] = total[k] + (current[j, k] + bias[j] if add else bias[j])
    restore(mode)


@compiled(nogil=True)
def propagate(weights, activity, room, bias, current, add):
    """Compute ``current = weights @ activity + bias``, or ``current +=`` the same if `add`.

    Parameters
    ----------
    weights : ndarray (n_post, n_pre or more)
    activity : ndarray (n_pre, streams)
    room : ndarray
        As `room_for_panels` returns it for the activity.
    bias : ndarray (n_post,)
    current : ndarray (n_post, streams)
    add : bool
    """
    n_pre, n_post = len(activity), len(current)
    share(_copy_units, -(-n_pre // PART), (activity, room))
    share(_propagate_rows, -(-n_post // ROWS), (weights, n_pre, room, bias, current, add))
