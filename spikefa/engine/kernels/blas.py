"""Matrix products in place, by a single-threaded BLAS called from numba's threads.

One thread pool only: OpenBLAS's own threads spinning beside numba's cost a factor of two to four on two
cores. Each product is cut into blocks of post-synaptic units; the cut depends on the shape alone, so the
result is the same to the bit for any number of threads. (Measured, 1500 x 1500 x 100, float32, 2 cores:
2.3-2.4 ms, as OpenBLAS with two threads of its own.)
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic
from threadpoolctl import ThreadpoolController

from spikefa._checks import one_of
from spikefa.errors import ArgumentError

#: Post-synaptic units a block: small enough to share out, large enough that packing stays below 3 %.
BLOCK_UNITS = 192


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold every BLAS library of the process to one thread; numba's pool does the sharing out."""
    with _libraries(len(sys.modules)).limit(limits=1, user_api="blas"):
        yield


@lru_cache(1)
def _libraries(modules: int) -> ThreadpoolController:
    """Return the libraries that are loaded; looked for anew once there are other modules, which may bring some."""
    return ThreadpoolController()


@cache
def gemm_address(dtype: str, library: str | None = None) -> int:
    """Address of a Fortran ``sgemm`` or ``dgemm``.

    Parameters
    ----------
    dtype : str
        ``"float32"`` or ``"float64"``.
    library : {"scipy", "mkl"}, optional
        SciPy's BLAS, or Intel MKL if the ``mkl`` package is installed. By default what the environment variable
        ``SPIKEFA_BLAS`` says, or SciPy's.

    Returns
    -------
    int
        The function's address.

    Raises
    ------
    ArgumentError
        If the library is unknown or not installed.
    """
    if library is None:
        library = os.environ.get("SPIKEFA_BLAS", "scipy")
    symbol = {"float32": "sgemm", "float64": "dgemm"}[dtype]
    if library == "scipy":
        return get_cython_function_address("scipy.linalg.cython_blas", symbol)
    if library == "mkl":
        mkl = _load_mkl()
        if mkl is None:
            raise ArgumentError("BLAS 'mkl': the mkl package is not installed; run: pip install mkl")
        return ctypes.cast(getattr(mkl, symbol + "_"), ctypes.c_void_p).value
    return one_of("BLAS", "library", library, ("scipy", "mkl"))


def _load_mkl() -> ctypes.CDLL | None:
    if importlib.util.find_spec("mkl") is None and not list(Path(sys.prefix, "lib").glob("libmkl_rt.so*")):
        return None
    places = [
        *Path(sys.prefix, "lib").glob("libmkl_rt.so*"),
        *Path(sys.prefix).glob("Library/bin/mkl_rt*.dll"),
    ]
    name = str(places[0]) if places else ctypes.util.find_library("mkl_rt")
    if name is None:
        return None
    mkl = ctypes.CDLL(name)
    mkl.MKL_Set_Threading_Layer(1)  # 1 is sequential: the threads are numba's
    return mkl


@intrinsic
def call_gemm(typingctx, address, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """Call a Fortran gemm at `address` with everything by reference; a, b, c are integer addresses."""
    arguments = (trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)

    def codegen(context, builder, signature, args):
        pointer = ir.IntType(8).as_pointer()
        function_type = ir.FunctionType(ir.VoidType(), [pointer] * 13)
        function = builder.inttoptr(args[0], function_type.as_pointer())
        passed = []
        for position, value in enumerate(args[1:]):
            if position in (6, 8, 11):
                passed.append(builder.inttoptr(value, pointer))
            else:  # one slot a call site in the entry block: an alloca in a loop would grow the stack
                slot = cgutils.alloca_once_value(builder, value)
                builder.store(value, slot)
                passed.append(builder.bitcast(slot, pointer))
        builder.call(function, passed)
        return context.get_dummy_value()

    return types.void(address, *arguments), codegen


def blocks_of(n_post: int) -> int:
    """Return how many blocks a product with `n_post` post-synaptic units is cut into; even, by shape alone."""
    return max(2 * round(n_post / (2 * BLOCK_UNITS)), min(2, n_post))


#: gemm's letters as bytes.
N, T = np.uint8(ord("N")), np.uint8(ord("T"))
