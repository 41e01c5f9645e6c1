"""Sparse weights and their kernels, against plain loops."""

import naive
import numba
import numpy as np
import pytest

from spikefa.engine.kernels.sparse import COLUMNS, SparseMatrix, clear_absent

SHAPES = [(1, 1, 1), (7, 5, 3), (40, 2 * COLUMNS + 3, 2), (64, 10, 100), (20, 401, 17)]


TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def weights_and_factors(rng, shape, dtype, fraction=0.3):
    n_pre, n_post, streams = shape
    mask = rng.random((n_pre, n_post)) < fraction
    mask[:, n_post // 2] = False  # units that receive from none, and, at the end, reach none
    mask[-1] = False
    W = (rng.normal(size=(n_pre, n_post)) * mask).astype(dtype)
    s = ((rng.random((n_pre, streams)) < 0.5) * rng.normal(size=(n_pre, 1))).astype(dtype)
    g = rng.normal(size=(n_post, streams)).astype(dtype)
    return mask, W, s, g, rng.normal(size=n_post).astype(dtype)


@pytest.mark.parametrize("event_driven", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("add", [False, True])
def test_propagation(rng, event_driven, dtype, shape, add):
    mask, W, s, g, b = weights_and_factors(rng, shape, dtype)
    expected = np.array(naive.propagate(W.tolist(), s.tolist(), b.tolist())) + (g if add else 0)
    current = g.copy() if add else np.full_like(g, np.nan)
    SparseMatrix(W, mask, event_driven, np.dtype(dtype)).propagate(s, b, current, add)
    np.testing.assert_allclose(current, expected, rtol=0, atol=TOLERANCE[dtype] * shape[0])


@pytest.mark.parametrize("event_driven", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("keep", [1.0, 0.9])
def test_update(rng, event_driven, dtype, shape, keep):
    mask, W, s, g, _ = weights_and_factors(rng, shape, dtype)
    expected = np.array(naive.update(W.tolist(), s.tolist(), g.tolist(), -0.3, keep)) * mask
    weights = SparseMatrix(W, mask, event_driven, np.dtype(dtype))
    weights.update(weights.values, s, g, -0.3, keep)
    np.testing.assert_allclose(weights.dense(), expected, rtol=0, atol=TOLERANCE[dtype] * shape[2])


@pytest.mark.parametrize("event_driven", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_synapses_are_the_mask(rng, event_driven, shape):
    mask, W, *_ = weights_and_factors(rng, shape, "float64")
    weights = SparseMatrix(W, mask, event_driven, W.dtype)
    pre, post = weights.synapses()
    again = np.zeros_like(mask)
    again[pre, post] = True
    assert pre.size == mask.sum() and np.array_equal(again, mask)
    assert np.array_equal(weights.dense(), W)


@pytest.mark.parametrize("event_driven", [False, True])
def test_threads_do_not_change_a_bit(rng, event_driven):
    mask, W, s, g, b = weights_and_factors(rng, (300, 1300, 20), "float32")
    results = []
    most = numba.config.NUMBA_NUM_THREADS
    try:
        for threads in range(1, most + 1):
            numba.set_num_threads(threads)
            weights = SparseMatrix(W, mask, event_driven, W.dtype)
            current = np.zeros_like(g)
            weights.propagate(s, b, current, False)
            weights.update(weights.values, s, g, 0.1, 0.9)
            results.append((current, weights.values))
    finally:
        numba.set_num_threads(most)
    assert all(np.array_equal(a, b) for other in results for a, b in zip(results[0], other, strict=True))


def test_clearing_touches_chosen_rows_only(rng):
    weights = rng.normal(size=(6, 9))
    weights[2, 3] = np.inf
    before, mask = weights.copy(), rng.random((6, 9)) < 0.5
    mask[2, 3] = False
    clear_absent(weights, mask, np.array([0, 2]))
    assert np.array_equal(weights[[0, 2]], np.where(mask, before, 0)[[0, 2]])
    assert np.array_equal(weights[[1, 3, 4, 5]], before[[1, 3, 4, 5]])


@pytest.mark.parametrize("event_driven", [False, True])
def test_memory_is_that_of_the_synapses(rng, event_driven):
    def size(n_pre, n_post, fraction):
        mask = rng.random((n_pre, n_post)) < fraction
        return SparseMatrix(np.ones(mask.shape), mask, event_driven, np.dtype("float32")).nbytes / mask.sum()

    most = 8.1 if not event_driven else 6.5  # bytes a synapse: value, index, and a little for where units start
    assert size(2000, 1500, 0.1) < most
    assert size(1000, 1500, 0.2) < most
