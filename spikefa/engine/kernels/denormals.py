"""Flushing denormal numbers to zero while a kernel runs.

A decaying state ends in denormal numbers, which cost a hundred times a normal operation. The processor can
treat them as zero, per thread: a kernel sets this where its loop begins and restores it where it ends, so
that whatever else runs in the thread keeps IEEE arithmetic::

    old = flush_denormals()
    ...
    restore(old)

On processors other than x86 and aarch64 both do nothing.
"""

import platform

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["flush_denormals", "keep_denormals", "restore"]

#: architecture -> (what reads the control register, what writes it, its bits, those that flush)
_REGISTERS = {
    "x86_64": ("llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr", 32, 0x8040),  # FTZ and DAZ
    "aarch64": ("llvm.aarch64.get.fpcr", "llvm.aarch64.set.fpcr", 64, 1 << 24),  # FZ
}
_ALIASES = {"amd64": "x86_64", "arm64": "aarch64"}
_MACHINE = platform.machine().lower()
_READ, _WRITE, _BITS, FLUSH = _REGISTERS.get(_ALIASES.get(_MACHINE, _MACHINE), (None, None, 64, 0))
_WORD = ir.IntType(_BITS)
# x86 passes the register through memory, aarch64 by value.
_BY_ADDRESS = _READ is not None and "x86" in _READ
_ADDRESS = ir.IntType(8).as_pointer()


def _call(builder, name, result, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(builder.module.declare_intrinsic(name, (), kind), arguments)


@intrinsic
def _read(typingctx):
    def codegen(context, builder, signature, args):
        if _READ is None:
            return ir.Constant(ir.IntType(64), 0)
        if _BY_ADDRESS:
            place = cgutils.alloca_once(builder, _WORD)
            _call(builder, _READ, ir.VoidType(), [builder.bitcast(place, _ADDRESS)])
            value = builder.load(place)
        else:
            value = _call(builder, _READ, _WORD, [])
        return builder.zext(value, ir.IntType(64)) if _BITS < 64 else value

    return types.uint64(), codegen


@intrinsic
def _write(typingctx, word):
    def codegen(context, builder, signature, args):
        if _WRITE is not None:
            value = builder.trunc(args[0], _WORD) if _BITS < 64 else args[0]
            if _BY_ADDRESS:
                place = cgutils.alloca_once(builder, _WORD)
                builder.store(value, place)
                value = builder.bitcast(place, _ADDRESS)
            _call(builder, _WRITE, ir.VoidType(), [value])
        return context.get_dummy_value()

    return types.void(types.uint64), codegen


@njit
def flush_denormals():
    """Treat denormal numbers as zero in this thread; return the control register as it was.

    Returns
    -------
    uint64
        What `restore` takes.
    """
    old = _read()
    _write(old | FLUSH)
    return old


@njit
def restore(old):
    """Set the thread's control register back to what `flush_denormals` returned.

    Parameters
    ----------
    old : uint64
    """
    _write(old)


@njit
def keep_denormals():
    """Compute with denormal numbers in this thread, whatever was set; for kernels that raise before they restore."""
    _write(_read() & ~np.uint64(FLUSH))
