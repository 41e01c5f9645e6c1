"""Kernels against plain loops."""

import itertools

import naive
import numba
import numpy as np
import pytest

from spikefa.engine.kernels import dense
from spikefa.engine.kernels.blas import BLOCK_UNITS, blocks_of, gemm_address
from spikefa.errors import ArgumentError

SHAPES = [(1, 1, 1), (7, 5, 3), (3, 700, 2), (64, 10, 100), (20, 401, 17)]
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def arrays(rng, shape, dtype):
    n_pre, n_post, streams = shape
    W = rng.normal(size=(n_pre, n_post)).astype(dtype)
    s = (rng.random((n_pre, streams)) < 0.5).astype(dtype)
    s[::3] *= rng.normal()  # graded activity too
    g = rng.normal(size=(n_post, streams)).astype(dtype)
    return W, s, g, rng.normal(size=n_post).astype(dtype)


def propagate(layout, W, s, b, current, add):
    if layout == "batched":
        post_major = np.ascontiguousarray(W.T)
        blocks = blocks_of(W.shape[1])
        dense.propagate_batched(gemm_address(str(W.dtype)), post_major, s, b, current, add, blocks)
    else:
        dense.propagate_events(W, s, b, current, add)


@pytest.mark.parametrize("layout", ["batched", "events"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("add", [False, True])
def test_propagation(rng, layout, dtype, shape, add):
    W, s, g, b = arrays(rng, shape, dtype)
    expected = np.array(naive.propagate(W.tolist(), s.tolist(), b.tolist())) + (g if add else 0)
    current = g.copy() if add else np.full_like(g, 7.0)
    propagate(layout, W, s, b, current, add)
    np.testing.assert_allclose(current, expected, rtol=0, atol=TOLERANCE[dtype] * shape[0])


@pytest.mark.parametrize("layout", ["batched", "events"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_update(rng, layout, dtype, shape):
    W, s, g, _ = arrays(rng, shape, dtype)
    keep = 0.9 if layout == "batched" else 1.0
    expected = np.array(naive.update(W.tolist(), s.tolist(), g.tolist(), -0.3, keep))
    if layout == "batched":
        weights = np.ascontiguousarray(W.T)
        dense.update_batched(gemm_address(dtype), weights, s, g, -0.3, keep, blocks_of(shape[1]))
        weights = weights.T
    else:
        weights = W.copy()
        dense.update_events(weights, s, g, -0.3)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=TOLERANCE[dtype] * shape[2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("add", [False, True])
def test_the_shared_pass_gives_the_bits_of_two_passes(rng, dtype, shape, add):
    W, pre, g, b = arrays(rng, shape, dtype)
    after = arrays(rng, shape, dtype)[1]
    apart, together = (W.copy(), g.copy()), (W.copy(), g.copy())
    dense.update_events(apart[0], pre, g, -0.3)
    dense.propagate_events(apart[0], after, b, apart[1], add)
    dense.update_and_propagate_events(together[0], pre, g, -0.3, after, b, together[1], add)
    assert np.array_equal(apart[0], together[0]) and np.array_equal(apart[1], together[1])


@pytest.mark.parametrize("layout", ["batched", "events"])
def test_threads_do_not_change_a_bit(rng, layout):
    W, s, _, b = arrays(rng, (300, 900, 20), "float32")
    results = []
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        current = np.zeros((900, 20), np.float32)
        propagate(layout, W, s, b, current, False)
        results.append(current)
    assert all(np.array_equal(results[0], other) for other in results)


def test_bias_learns_like_a_unit_that_always_spikes(rng):
    _, _, g, b = arrays(rng, (1, 6, 4), "float64")
    expected = naive.update([b.tolist()], [[1.0] * 4], g.tolist(), 0.1, 0.5)[0]
    dense.update_bias(b, g, 0.1, 0.5)
    np.testing.assert_allclose(b, expected, rtol=1e-14)


def test_blocks_cover_every_unit_and_depend_on_shape_alone():
    for units in (1, 2, 3, 10, BLOCK_UNITS, 1500, 4000):
        blocks = blocks_of(units)
        edges = [block * units // blocks for block in range(blocks + 1)]
        assert edges[0] == 0 and edges[-1] == units and all(a < b for a, b in itertools.pairwise(edges))


def test_unknown_blas_is_refused():
    with pytest.raises(ArgumentError, match="library must be one of 'scipy', 'mkl', got 'atlas'"):
        gemm_address("float32", "atlas")
