"""Sums of four vectors, made once for all 16 choices among them, and then looked up.

Numba cannot say that a few sums are to stay in registers while a loop runs; these two functions can. They take
addresses as integers. A vector is 64 bytes: 16 floats or 8 doubles, whatever the processor's own width.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Bytes of a vector.
VECTOR = 64
#: Sums of a table: for each choice among four vectors.
CHOICES = 16
#: Bytes of a table.
TABLE = CHOICES * VECTOR
#: Sums that grow side by side, so that none waits for its own last addition.
ABREAST = 4

_BYTE, _SHORT, _INT, _LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def _vector_type(number: ir.Type) -> ir.VectorType:
    return ir.VectorType(number, VECTOR // {"float": 4, "double": 8}[str(number)])


def _pointer(builder, address, kind: ir.Type):
    return builder.inttoptr(address, kind.as_pointer())


def prefetch(builder, address) -> None:
    """Let what lies at an address begin to come from memory."""
    arguments = [_BYTE.as_pointer(), _INT, _INT, _INT]
    function = builder.module.declare_intrinsic(
        "llvm.prefetch", [arguments[0]], ir.FunctionType(ir.VoidType(), arguments)
    )
    to_read, keep, data = (_INT(value) for value in (0, 3, 1))
    builder.call(function, [_pointer(builder, address, _BYTE), to_read, keep, data])


@intrinsic
def make_table(typingctx, table, row0, row1, row2, row3, ahead, number):
    """Store the 16 sums of four vectors: bit r of a sum's place says whether the vector at `row{r}` is in it.

    Parameters
    ----------
    table : int
        Address, a multiple of 64, of `TABLE` bytes.
    row0, row1, row2, row3 : int
        Addresses of the vectors.
    ahead : int
        How many bytes further the vectors of a later call lie; they begin to come from memory.
    number : float
        Any of the vectors' type.
    """

    def codegen(context, builder, signature, args):
        table, *rows, ahead, number = args
        kind = _vector_type(number.type)
        align = VECTOR // kind.count
        sums = [ir.Constant(kind, [0.0] * kind.count)]
        for row in rows:
            prefetch(builder, builder.add(row, ahead))
            vector = builder.load(_pointer(builder, row, kind), align=align)
            sums += [vector, *(builder.fadd(lower, vector) for lower in sums[1:])]
        for place, value in enumerate(sums):
            address = builder.add(table, _LONG(place * VECTOR))
            builder.store(value, _pointer(builder, address, kind), align=VECTOR)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6, number), codegen


@intrinsic
def add_looked_up(typingctx, tables, count, choices, step, sums, distance, ahead, number):
    """Add to each of four vectors one sum of every table.

    Parameters
    ----------
    tables : int
        Address, a multiple of 64, of the first of `count` tables.
    count : int
    choices : int
        Address of four ``uint16``, one a vector: the place of its sum in the first table, in bytes.
    step : int
        Bytes from there to the choices for the next table.
    sums : int
        Address of the first vector.
    distance : int
        Bytes from one vector to the next.
    ahead : int
        How many bytes further the vectors of a later call lie; they begin to come from memory.
    number : float
        Any of the vectors' type.
    """

    def codegen(context, builder, signature, args):
        tables, count, choices, step, sums, distance, ahead, number = args
        kind = _vector_type(number.type)
        align = VECTOR // kind.count
        places = [builder.add(sums, builder.mul(distance, _LONG(row))) for row in range(ABREAST)]
        grown = [cgutils.alloca_once(builder, kind) for _ in places]
        for place, total in zip(places, grown, strict=True):
            prefetch(builder, builder.add(place, ahead))
            builder.store(builder.load(_pointer(builder, place, kind), align=align), total)
        with cgutils.for_range(builder, count, intp=_LONG) as loop:
            table = builder.add(tables, builder.mul(loop.index, _LONG(TABLE)))
            word = builder.add(choices, builder.mul(loop.index, step))
            four = builder.load(_pointer(builder, word, _LONG), align=2)  # one load instead of four
            for row, total in enumerate(grown):
                choice = builder.and_(builder.lshr(four, _LONG(16 * row)), _LONG(0xFFFF))
                vector = builder.load(_pointer(builder, builder.add(table, choice), kind), align=VECTOR)
                builder.store(builder.fadd(builder.load(total), vector), total)
        for place, total in zip(places, grown, strict=True):
            builder.store(builder.load(total), _pointer(builder, place, kind), align=align)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7, number), codegen
