"""Kernels, random numbers and code generation; nothing here knows of networks."""

import warnings

import numba

from spikefa.errors import SpikefaWarning

# Kernels call BLAS and set registers of the processor, which interpreted Python cannot.
if numba.config.DISABLE_JIT:
    numba.config.DISABLE_JIT = 0
    warnings.warn(
        "NUMBA_DISABLE_JIT is set, but spikefa's kernels run only when compiled; so numba compiles in this process",
        SpikefaWarning,
        stacklevel=2,
    )
