"""The matrix products of a training step, done alone: by the engine's own kernels, and all of them by BLAS."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import numpy as np
from scipy.linalg import blas
from threadpoolctl import threadpool_limits

from spikefa.bench.harness import all_threads, mean_seconds
from spikefa.core.network import Network
from spikefa.engine.kernels.blas import gemm_address, single_threaded_blas
from spikefa.projections.projection import Projection

#: Factor of the updates done here: the same work (BLAS skips a product with 0), and the weights hardly move.
TINY = 1e-12


def own_products(network: Network, count: int, library: str | None = None) -> Callable[[], float]:
    """Return a job: mean seconds of all products of a step by the network's own kernels on its own arrays.

    Parameters
    ----------
    network : Network
        With so many streams that it runs batched; it must have done a step.
    count : int
        How many times a turn.
    library : {"scipy", "mkl"}, optional
        Another BLAS than the network's.
    """

    def products() -> None:
        for projection in network.projections:
            projection.run()
            for f, g, values in updates_of(projection):
                projection.weights.update(values, f, g, TINY, 1.0)

    def job() -> float:
        with blas_of(network, library), single_threaded_blas():
            return mean_seconds(products, count)

    return job


@contextmanager
def blas_of(network: Network, library: str | None) -> Iterator[None]:
    """Let a network's products be done by another BLAS, ``"scipy"`` or ``"mkl"``, inside; None changes nothing."""
    by_blas = [projection.weights for projection in network.projections if hasattr(projection.weights, "gemm")]
    before = [(weights.gemm, weights.tiled) for weights in by_blas]
    try:
        if library is not None:
            for weights in by_blas:
                weights.gemm, weights.tiled = gemm_address(str(network.dtype), library), False
        yield
    finally:
        for weights, own in zip(by_blas, before, strict=True):
            weights.gemm, weights.tiled = own


def scipy_products(network: Network, count: int, layout: str) -> Callable[[], float]:
    """Return a job: mean seconds of the same products by SciPy's own multi-threaded gemm.

    Parameters
    ----------
    network : Network
    count : int
    layout : {"units_x_streams", "streams_x_units"}
        Of the activities in memory; the weights lie post-major in the first and pre-major in the second.
        With the first, the arrays are the network's own, but for copies of weights.
    """
    gemm = blas.get_blas_funcs("gemm", dtype=network.dtype)
    stream_minor = layout == "units_x_streams"
    place: dict[Hashable, np.ndarray] = {}

    def placed(array: np.ndarray) -> np.ndarray:
        if stream_minor:
            return array.T
        return place.setdefault(array.ctypes.data, np.ascontiguousarray(array.T)).T

    def weights_of(projection: Projection, array: np.ndarray) -> np.ndarray:
        transposed = projection.weights.pre_major
        copy = np.ascontiguousarray(array.T if transposed else array)
        return placed(place.setdefault((array.ctypes.data, transposed), copy))

    calls = []
    for projection in network.projections:
        pre = placed(projection.pre.view(projection.pre.output_variable))
        current = placed(projection.post.view(projection.into))
        weights = weights_of(projection, projection.weights.values)
        # BLAS reads memory column by column: all of these are the transposes, and contiguous for it.
        if stream_minor:  # current (streams, post) = pre (streams, n_pre) @ weights (n_pre, n_post)
            calls.append(((1, pre, weights), {"beta": 0, "c": current}))
        else:  # current (post, streams) = weights (n_post, n_pre) @ pre (n_pre, streams)
            calls.append(((1, weights, pre), {"beta": 0, "c": current}))
        for f, g, values in updates_of(projection):
            pair = (placed(f), placed(g)) if stream_minor else (placed(g), placed(f))
            flags = {"trans_a": stream_minor, "trans_b": not stream_minor}
            calls.append(((TINY, *pair), {"beta": 1, "c": weights_of(projection, values), **flags}))

    def products() -> None:
        for arguments, options in calls:
            gemm(*arguments, overwrite_c=1, **options)

    def job() -> float:
        with threadpool_limits(all_threads(), user_api="blas"):
            return mean_seconds(products, count)

    return job


def operations(network: Network) -> float:
    """Return floating-point operations of a step's products: two for each synapse, stream and product."""
    synapses = sum(p.weights.values.size * (1 + len(updates_of(p))) for p in network.projections)
    return 2.0 * network.streams * synapses


def updates_of(projection: Projection) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return (pre factor, post factor, what accumulates) of each rank-`streams` update."""
    learning = projection.learning
    if learning is None:
        return []
    values = projection.weights.values if learning.change is None else learning.change
    return [(term.pre, term.post, values) for term in learning.terms or ()]
