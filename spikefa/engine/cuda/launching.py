"""How kernels are compiled and launched: one stream, one unit a thread, loops that fit any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import config, cuda

from spikefa.engine.cuda import SIMULATED

# A population of some hundred units does not fill a GPU, and cannot.
config.CUDA_LOW_OCCUPANCY_WARNINGS = 0

#: Threads of a block, and most blocks of a launch. The simulator makes an operating-system thread of each.
THREADS, MOST_BLOCKS = (1, 2) if SIMULATED else (128, 4096)


@cache
def stream() -> Any:
    """Return the stream on which everything is launched and copied."""
    return cuda.stream()


def bound(kernel: Callable, work: int, *arguments: Any) -> Callable[..., None]:
    """Bind a kernel to the device for `work` threads, or fewer that loop, and to its first arguments.

    Returns
    -------
    function
        Launches the kernel; takes the remaining arguments.
    """
    blocks = min(-(-work // THREADS), MOST_BLOCKS)
    launch = kernel[blocks, THREADS, stream()]
    return lambda *more: launch(*arguments, *more)
