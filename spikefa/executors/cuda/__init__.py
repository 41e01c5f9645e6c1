"""The executor ``cuda``: the same network on an NVIDIA GPU.

Each object of a network becomes launches, in the order of the schedule, by a function of its own (`lowering`).
"""

from __future__ import annotations

from spikefa.core.executor import Executor, executors
from spikefa.core.network import Network
from spikefa.engine.cuda import require_cuda


@executors.register("cuda")
def cuda(network: Network) -> Executor:
    """Return the executor of a network.

    Raises
    ------
    ArgumentError
        If there is no GPU, or the network's equations are not of the numba target.
    """
    require_cuda()
    from spikefa.executors.cuda import optimizers, parts  # noqa: F401  which register; they need numba's CUDA target
    from spikefa.executors.cuda.executor import CudaExecutor

    return CudaExecutor(network)
