"""Matrix products in place on the device: cuBLAS, or numpy in the simulator.

cuBLAS is called by its C interface, which does not change between CUDA 11 and 13: CuPy's refuses to be captured in a
CUDA graph. It works in memory given to it once, so that nothing is allocated while a graph is captured.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import cuda

from spikefa.engine.cuda import SIMULATED
from spikefa.engine.cuda.launching import stream

#: cuBLAS's own advice for Hopper.
WORKSPACE_BYTES = 32 << 20


def product(
    c: Any, a: Any, b: Any, shape: tuple[int, int, int], transposed: tuple[bool, bool], alpha: float
) -> Callable[[float], None]:
    """Return a function of beta that does ``C = alpha * op(A) @ op(B) + beta * C``.

    Parameters
    ----------
    c, a, b : device arrays, flat
        C (m, n), A (m, k) and B (k, n); or A (k, m), B (n, k) where transposed. Float32 or float64, all alike.
    shape : (m, n, k)
    transposed : (A is, B is)
    alpha : float
    """
    make = _numpy_product if SIMULATED else _cublas_product
    return make(c, a, b, shape, transposed, alpha)


def _numpy_product(c, a, b, shape, transposed, alpha) -> Callable[[float], None]:
    m, n, k = shape

    def matrix(array, rows, columns, flip):
        shaped = array._ary.reshape((columns, rows) if flip else (rows, columns))
        return shaped.T if flip else shaped

    A, B, C = matrix(a, m, k, transposed[0]), matrix(b, k, n, transposed[1]), matrix(c, m, n, False)
    number = C.dtype.type

    def run(beta: float) -> None:
        C[...] = number(alpha) * (A @ B) + number(beta) * C

    return run


def _cublas_product(c, a, b, shape, transposed, alpha) -> Callable[[float], None]:
    m, n, k = shape
    real = {"float32": ctypes.c_float, "float64": ctypes.c_double}[np.dtype(c.dtype).name]
    gemm = getattr(load_cublas(), {ctypes.c_float: "cublasSgemm_v2", ctypes.c_double: "cublasDgemm_v2"}[real])
    flip_a, flip_b = transposed
    # cuBLAS reads columns first, which makes C.T = op(B).T @ op(A).T of the same memory.
    before = (
        _handle(),
        int(flip_b),
        int(flip_a),
        n,
        m,
        k,
        ctypes.byref(real(alpha)),
        _address(b),
        k if flip_b else n,
        _address(a),
        m if flip_a else k,
    )
    place = _address(c)

    def run(beta: float) -> None:
        _check(gemm(*before, ctypes.byref(real(beta)), place, n))

    return run


def _address(array: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.__cuda_array_interface__["data"][0])


@cache
def load_cublas() -> ctypes.CDLL:
    """Load the library of the installed CUDA packages or toolkit.

    Raises
    ------
    ImportError, OSError, RuntimeError
        If it is not there.
    """
    from cuda.pathfinder import load_nvidia_dynamic_lib

    return ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path)


@cache
def _workspace() -> Any:
    return cuda.device_array(WORKSPACE_BYTES, np.uint8)


@cache
def _handle() -> ctypes.c_void_p:
    """Return cuBLAS's handle, bound to our stream and to memory of its own."""
    library, handle = load_cublas(), ctypes.c_void_p()
    _check(library.cublasCreate_v2(ctypes.byref(handle)))
    _check(library.cublasSetStream_v2(handle, ctypes.c_void_p(int(stream()))))
    _check(library.cublasSetWorkspace_v2(handle, _address(_workspace()), ctypes.c_size_t(WORKSPACE_BYTES)))
    return handle


def _check(status: int) -> None:
    if status != 0:
        raise RuntimeError(f"cuBLAS: returned status {status}")
