"""Kernels, products and memory on an NVIDIA GPU, by numba-cuda and cuBLAS; nothing here knows of networks.

Everything but cuBLAS and CUDA graphs also runs in numba's CUDA simulator (``NUMBA_ENABLE_CUDASIM=1``), on the
processor and slowly: that is how it is tested where there is no GPU. Denormal numbers are not flushed as on the
processor: they cost a GPU nothing.

CuPy is not needed: it refuses cuBLAS calls while a stream is captured, and arrays and streams are numba's.
"""

from __future__ import annotations

import importlib.util

from numba import config

from spikefa.errors import ArgumentError

#: Whether kernels run in numba's simulator.
SIMULATED = bool(config.ENABLE_CUDASIM)


def require_cuda() -> None:
    """Refuse to go on where there is no GPU, or one of the packages is missing.

    Raises
    ------
    ArgumentError
        With what is missing.
    """
    reason = None if SIMULATED else missing()
    if reason is not None:
        raise ArgumentError(
            "Network: device 'cuda' needs an NVIDIA GPU with numba-cuda and cuBLAS "
            f'(pip install "spikefa[cuda]"); {reason}'
        )


def missing() -> str | None:
    """Return what this machine lacks, in a few words; None if it has a GPU and the packages."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed"
    from numba import cuda

    if not cuda.is_available():
        return "no GPU was found"
    from spikefa.engine.cuda.products import load_cublas

    try:
        load_cublas()
    except (ImportError, OSError, RuntimeError) as error:
        return f"cuBLAS cannot be loaded ({error})"
    return None
