"""Small tiles of two products whose sums stay in registers while the weights stream by, each weight read once.

BLAS first copies what it multiplies into blocks, which with few streams takes longer than the product. Numba cannot
say that a tile of sums is to stay in registers; these two functions can. They take addresses as integers. A vector is
32 bytes on every processor, so that sums run in the same order on all.
"""

from __future__ import annotations

from collections.abc import Iterator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from spikefa.engine.kernels.lookup_tables import prefetch

#: Bytes of a vector.
VECTOR = 32
#: Vectors of a panel: the numbers of one stream that lie side by side, a cache line.
PANEL_VECTORS = 2
#: Bytes of a panel.
PANEL = PANEL_VECTORS * VECTOR
#: Streams of a tile of dot products, at most.
MOST_STREAMS = 4
#: Streams of a tile -> its rows, besides single rows: their sums, and what is multiplied, fit into 16 registers.
DOT_ROWS = (0, 6, 6, 4, 3)
#: Rows of a tile of outer products, besides single rows.
OUTER_ROWS = 6

_INT, _LONG = ir.IntType(32), ir.IntType(64)
#: A product and a sum become one instruction where the processor has it.
_FUSED = ("contract",)


def _vector_type(number: ir.Type) -> ir.VectorType:
    return ir.VectorType(number, VECTOR // {"float": 4, "double": 8}[str(number)])


def _pointer(builder, address, kind: ir.Type):
    return builder.inttoptr(address, kind.as_pointer())


def _load(builder, address, kind: ir.VectorType):
    return builder.load(_pointer(builder, address, kind), align=VECTOR // kind.count)


def _everywhere(builder, address, kind: ir.VectorType):
    """Return a vector of one number that lies at an address."""
    undefined = ir.Constant(kind, ir.Undefined)
    number = builder.load(_pointer(builder, address, kind.element), align=VECTOR // kind.count)
    first = builder.insert_element(undefined, number, _INT(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INT, kind.count), [0] * kind.count))


def _multiply_add(builder, a, b, total) -> None:
    builder.store(builder.fadd(builder.load(total), builder.fmul(a, b, flags=_FUSED), flags=_FUSED), total)


def _pairs(builder, kind: ir.VectorType, of_rows: list, of_streams: list) -> Iterator[tuple]:
    """Load the vectors at two lists of addresses, and pair each with each; the shorter list's stay in registers."""
    if len(of_rows) <= len(of_streams):
        kept = [_load(builder, place, kind) for place in of_rows]
        for stream, place in enumerate(of_streams):
            activity = _load(builder, place, kind)
            yield from ((row, stream, weight, activity) for row, weight in enumerate(kept))
    else:
        kept = [_load(builder, place, kind) for place in of_streams]
        for row, place in enumerate(of_rows):
            weight = _load(builder, place, kind)
            yield from ((row, stream, weight, activity) for stream, activity in enumerate(kept))


def _dots(builder, kind: ir.VectorType, args, rows: int, streams: int) -> None:
    weights, row_bytes, panels, panel_bytes, count, sums, ahead = args
    align = VECTOR // kind.count
    places = [_pointer(builder, builder.add(sums, _LONG(VECTOR * place)), kind) for place in range(rows * streams)]
    grown = [cgutils.alloca_once(builder, kind) for _ in places]
    for place, total in zip(places, grown, strict=True):
        builder.store(builder.load(place, align=align), total)
    starts = [builder.add(weights, builder.mul(row_bytes, _LONG(row))) for row in range(rows)]
    with cgutils.for_range(builder, count, intp=_LONG) as loop:
        at, panel = builder.mul(loop.index, _LONG(PANEL)), builder.add(panels, builder.mul(loop.index, panel_bytes))
        for start in starts:
            prefetch(builder, builder.add(start, builder.add(at, ahead)))
        for vector in range(PANEL_VECTORS):
            of_rows = [builder.add(start, builder.add(at, _LONG(vector * VECTOR))) for start in starts]
            of_streams = [builder.add(panel, _LONG(stream * PANEL + vector * VECTOR)) for stream in range(streams)]
            for row, stream, weight, activity in _pairs(builder, kind, of_rows, of_streams):
                _multiply_add(builder, weight, activity, grown[row * streams + stream])
    for place, total in zip(places, grown, strict=True):
        builder.store(builder.load(total), place, align=align)


@intrinsic
def add_dots(typingctx, weights, row_bytes, panels, panel_bytes, count, sums, ahead, rows, streams, number):
    """Add to vectors of sums ``(rows, streams)`` the products of the vectors of each row with those of each stream.

    The dot product of a row and a stream is the sum of its vector's numbers in the end.

    Parameters
    ----------
    weights : int
        Address of the first row.
    row_bytes : int
        From one row to the next.
    panels : int
        Address of the first panel's first stream: `PANEL` bytes of each stream, one after the other.
    panel_bytes : int
        From one panel to the next.
    count : int
        Panels of a row.
    sums : int
        Address of the sums.
    ahead : int
        How many bytes further the weights of a later call lie; they begin to come from memory.
    rows : int
        ``DOT_ROWS[streams]``, or 1.
    streams : int
        From 1 to `MOST_STREAMS`.
    number : float
        Any of the numbers' type.
    """

    def codegen(context, builder, signature, args):
        *given, rows, streams, number = args
        kind = _vector_type(number.type)
        for width in range(1, MOST_STREAMS + 1):
            for height in sorted({1, DOT_ROWS[width]}):
                same = builder.and_(
                    builder.icmp_signed("==", streams, _LONG(width)), builder.icmp_signed("==", rows, _LONG(height))
                )
                with builder.if_then(same):
                    _dots(builder, kind, given, height, width)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 9, number), codegen


def _outer(builder, kind: ir.VectorType, args, rows: int) -> None:
    weights, row_bytes, panels, panel_bytes, count, factors, streams = args
    align = VECTOR // kind.count
    starts = [builder.add(weights, builder.mul(row_bytes, _LONG(row))) for row in range(rows)]
    grown = [[cgutils.alloca_once(builder, kind) for _ in range(PANEL_VECTORS)] for _ in starts]
    with cgutils.for_range(builder, count, intp=_LONG) as loop:
        at, panel = builder.mul(loop.index, _LONG(PANEL)), builder.add(panels, builder.mul(loop.index, panel_bytes))
        places = [
            [
                _pointer(builder, builder.add(start, builder.add(at, _LONG(v * VECTOR))), kind)
                for v in range(PANEL_VECTORS)
            ]
            for start in starts
        ]
        for own, totals in zip(places, grown, strict=True):
            for place, total in zip(own, totals, strict=True):
                builder.store(builder.load(place, align=align), total)
        with cgutils.for_range(builder, streams, intp=_LONG) as inner:
            here = builder.add(panel, builder.mul(inner.index, _LONG(PANEL)))
            own = [_load(builder, builder.add(here, _LONG(v * VECTOR)), kind) for v in range(PANEL_VECTORS)]
            column = builder.add(factors, builder.mul(inner.index, _LONG(OUTER_ROWS * align)))
            for row, totals in enumerate(grown):
                factor = _everywhere(builder, builder.add(column, _LONG(row * align)), kind)
                for one, total in zip(own, totals, strict=True):
                    _multiply_add(builder, one, factor, total)
        for own, totals in zip(places, grown, strict=True):
            for place, total in zip(own, totals, strict=True):
                builder.store(builder.load(total), place, align=align)


@intrinsic
def add_outer_products(typingctx, weights, row_bytes, panels, panel_bytes, count, factors, streams, rows, number):
    """Add to each row the sum over the streams of ``factors[stream, row]`` times the stream's numbers.

    Parameters
    ----------
    weights, row_bytes, panels, panel_bytes, count
        As for `add_dots`.
    factors : int
        Address of numbers ``(streams, OUTER_ROWS)``.
    streams : int
    rows : int
        `OUTER_ROWS`, or 1.
    number : float
        Any of the numbers' type.
    """

    def codegen(context, builder, signature, args):
        *given, rows, number = args
        kind = _vector_type(number.type)
        with builder.if_else(builder.icmp_signed("==", rows, _LONG(1))) as (single, several):
            with single:
                _outer(builder, kind, given, 1)
            with several:
                _outer(builder, kind, given, OUTER_ROWS)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 8, number), codegen


#: Rows of a tile of bytes, and its streams at most.
BYTE_ROWS, BYTE_STREAMS = 4, 2
#: Bytes that are multiplied at once.
BYTES = 16

_BYTES, _SHORTS, _WIDE, _SUMS = (
    ir.VectorType(ir.IntType(bits), lanes) for bits, lanes in ((8, BYTES), (16, BYTES), (32, BYTES), (32, BYTES // 2))
)


def _byte_dots(builder, args, streams: int) -> None:
    weights, row_bytes, integers, stream_bytes, count, sums = args
    grown = [cgutils.alloca_once(builder, _SUMS) for _ in range(BYTE_ROWS * streams)]
    for total in grown:
        builder.store(ir.Constant(_SUMS, [0] * _SUMS.count), total)
    undefined = ir.Constant(_WIDE, ir.Undefined)
    even, odd = (ir.Constant(ir.VectorType(_INT, _SUMS.count), list(range(first, BYTES, 2))) for first in range(2))
    with cgutils.for_range(builder, count, intp=_LONG) as loop:
        at, own = builder.mul(loop.index, _LONG(BYTES)), []
        for stream in range(streams):
            place = builder.add(
                builder.add(integers, builder.mul(stream_bytes, _LONG(stream))), builder.mul(at, _LONG(2))
            )
            own.append(builder.sext(builder.load(_pointer(builder, place, _SHORTS), align=2), _WIDE))
        for row in range(BYTE_ROWS):
            place = builder.add(builder.add(weights, builder.mul(row_bytes, _LONG(row))), at)
            weight = builder.sext(builder.load(_pointer(builder, place, _BYTES), align=1), _WIDE)
            for stream, numbers in enumerate(own):
                # Products of 16 bits, and sums of two neighbours: LLVM knows it as one instruction.
                products = builder.mul(weight, numbers)
                pairs = builder.add(*(builder.shuffle_vector(products, undefined, half) for half in (even, odd)))
                total = grown[row * streams + stream]
                builder.store(builder.add(builder.load(total), pairs), total)
    for place, total in enumerate(grown):
        address = builder.add(sums, _LONG(place * 2 * BYTES))
        builder.store(builder.load(total), _pointer(builder, address, _SUMS), align=4)


@intrinsic
def byte_dots(typingctx, weights, row_bytes, integers, stream_bytes, count, sums, streams):
    """Write vectors of 32-bit sums ``(BYTE_ROWS, streams)`` of the products of rows of bytes with streams' integers.

    Parameters
    ----------
    weights : int
        Address of the first row of 8-bit integers.
    row_bytes : int
        From one row to the next.
    integers : int
        Address of the first stream's 16-bit integers.
    stream_bytes : int
        From one stream to the next.
    count : int
        Vectors of `BYTES` weights in a row.
    sums : int
        Address of the sums.
    streams : int
        From 1 to `BYTE_STREAMS`.
    """

    def codegen(context, builder, signature, args):
        *given, streams = args
        for width in range(1, BYTE_STREAMS + 1):
            with builder.if_then(builder.icmp_signed("==", streams, _LONG(width))):
                _byte_dots(builder, given, width)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), codegen
