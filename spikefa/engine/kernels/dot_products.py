"""Dot products of packed numbers by the processor's own instructions, for a tile of sums that stays in registers.

A word of 32 bits holds four 8-bit integers or two bfloat16. ``vpdpbusd`` and ``vpdpbf16ps`` multiply the words of two
vectors number by number, and add each word's products to a sum of 32 bits. Numba cannot say so; these functions can.
They take addresses as integers.
"""

from __future__ import annotations

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

#: Words of a vector.
LANES = 16
#: Vectors of a tile, at most: with more, the sums of three rows would not stay in the 32 registers.
WIDEST = 7
#: Vectors of a tile -> its rows: as many as fit in the registers beside what is multiplied, and divide `ROWS`.
TILE_ROWS = (0, 16, 12, 8, 6, 4, 4, 3)
#: Rows of weights come in blocks of so many.
ROWS = 48

_INT, _LONG = ir.IntType(32), ir.IntType(64)
_WORDS = ir.VectorType(_INT, LANES)
#: Precision -> LLVM's name of the instruction, and the type of the sums. LLVM takes these signatures in every version:
#: where it now has others, it translates them.
_INSTRUCTIONS = {
    "int8": ("llvm.x86.avx512.vpdpbusd.512", _INT),
    "bfloat16": ("llvm.x86.avx512bf16.dpbf16ps.512", ir.FloatType()),
}
#: Precision -> what a processor has that has the instruction, and what one has that is slow at it: those with matrix
#: tiles (AMX) are faster in float32 than by vpdpbf16ps.
_FEATURES = {"int8": ("+avx512vnni", None), "bfloat16": ("+avx512bf16", "+amx-bf16")}


def has_dot_products(precision: str, fast: bool = True) -> bool:
    """Return whether numba compiles for this processor, and this has the instruction.

    Parameters
    ----------
    precision : {"int8", "bfloat16"}
    fast : bool
        Whether it also has to be faster than without.
    """
    if numba.config.CPU_NAME is not None or numba.config.CPU_FEATURES is not None:
        return False
    features, (needed, slow) = get_host_cpu_features().split(","), _FEATURES[precision]
    return needed in features and not (fast and slow in features)


def tiles_of(streams: int) -> tuple[int, int]:
    """Return vectors of a tile, and how many tiles streams are cut into: as few as can be, of equal width."""
    vectors = -(-streams // LANES)
    tiles = -(-vectors // WIDEST)
    return -(-vectors // tiles), tiles


def _adding_tiles(precision: str):
    name, number = _INSTRUCTIONS[precision]
    sums_type = ir.VectorType(number, LANES)

    def pointer(builder, address, kind):
        return builder.inttoptr(address, kind.as_pointer())

    def add_tile(builder, args, rows: int, vectors: int) -> None:
        weights, row_bytes, words, word_bytes, count, sums = args
        kind = ir.FunctionType(sums_type, [sums_type, _WORDS, _WORDS])
        dot = cgutils.get_or_insert_function(builder.module, kind, name)
        places = [
            pointer(builder, builder.add(sums, _LONG(4 * LANES * place)), sums_type) for place in range(rows * vectors)
        ]
        grown = [cgutils.alloca_once(builder, sums_type) for _ in places]
        for place, total in zip(places, grown, strict=True):
            builder.store(builder.load(place, align=4 * LANES), total)
        starts = [builder.add(weights, builder.mul(row_bytes, _LONG(row))) for row in range(rows)]
        undefined = ir.Constant(_WORDS, ir.Undefined)
        with cgutils.for_range(builder, count, intp=_LONG) as loop:
            at = builder.add(words, builder.mul(loop.index, word_bytes))
            ahead = [pointer(builder, builder.add(at, _LONG(4 * LANES * v)), _WORDS) for v in range(vectors)]
            panel = [builder.load(place, align=4 * LANES) for place in ahead]
            for row, start in enumerate(starts):
                word = pointer(builder, builder.add(start, builder.mul(loop.index, _LONG(4))), _INT)
                first = builder.insert_element(undefined, builder.load(word, align=4), _INT(0))
                same = builder.shuffle_vector(first, undefined, ir.Constant(_WORDS, [0] * LANES))
                for vector, total in zip(panel, grown[row * vectors : (row + 1) * vectors], strict=True):
                    builder.store(builder.call(dot, [builder.load(total), vector, same]), total)
        for place, total in zip(places, grown, strict=True):
            builder.store(builder.load(total), place, align=4 * LANES)

    @intrinsic
    def add_dot_products(typingctx, weights, row_bytes, words, word_bytes, count, sums, vectors):
        """Add to ``sums[row, lane]`` the dot product of a row of weights and a lane of words.

        Parameters
        ----------
        weights : int
            Address of the first of ``TILE_ROWS[vectors]`` rows.
        row_bytes : int
            From one row to the next.
        words : int
            Address, a multiple of 64, of the lanes' first words.
        word_bytes : int
            From there to their next words.
        count : int
            Words of a row.
        sums : int
            Address, a multiple of 64, of the sums ``(rows, 16 vectors)``.
        vectors : int
            From 1 to `WIDEST`.
        """

        def codegen(context, builder, signature, args):
            *given, vectors = args
            for width in range(1, WIDEST + 1):
                with builder.if_then(builder.icmp_signed("==", vectors, _LONG(width))):
                    add_tile(builder, given, TILE_ROWS[width], width)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 7), codegen

    return add_dot_products


#: Of unsigned words with signed weights, into 32-bit integers.
add_dot_products_int8 = _adding_tiles("int8")
#: Of bfloat16, into float32.
add_dot_products_bfloat16 = _adding_tiles("bfloat16")
