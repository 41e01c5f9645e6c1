"""Products with many streams, against plain loops."""

import naive
import numba
import numpy as np
import pytest
from numba.core.codegen import get_host_cpu_features

from spikefa.engine.aligned import aligned_zeros, whole_rows
from spikefa.engine.dense_weights import DenseWeights
from spikefa.engine.kernels import many_streams
from spikefa.engine.weight_policy import WeightPolicy

#: Whether the processor has an instruction that multiplies and adds.
FUSED = "+fma" in get_host_cpu_features().split(",")
UNITS, ROWS, LANES = many_streams.UNITS, many_streams.ROWS, many_streams.VECTOR // 4
#: Presynaptic units, post-synaptic units, streams: whole and broken vectors, panels, tiles, tasks, and parts of units.
SHAPES = [
    (1, 1, 1),
    (7, 5, 3),
    (5, ROWS + 1, 2 * LANES),
    (40, 9, 3 * LANES + 1),
    (30, 2 * ROWS, 4 * LANES),
    (97, 3, 5 * LANES - 1),
    (UNITS + 3, ROWS - 1, LANES),
    (2 * UNITS, 2, 9),
]
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_type = pytest.mark.parametrize("dtype", ["float32", "float64"])


def arrays(rng, shape, dtype):
    """Post-major weights in rows of whole cache lines, whose unused numbers are 7; activity, bias and current."""
    n_pre, n_post, streams = shape
    W = whole_rows(aligned_zeros(n_post, n_pre, dtype))
    W[...] = 7
    W[:, :n_pre] = rng.normal(size=(n_post, n_pre))
    x, current = (rng.normal(size=(units, streams)).astype(dtype) for units in (n_pre, n_post))
    return W, x, rng.normal(size=n_post).astype(dtype), current


def propagated(W, x, b, current, add=False):
    current = current.copy()
    many_streams.propagate(W, x, many_streams.room_for_panels(*x.shape, x.dtype), b, current, add)
    return current


@every_type
@every_shape
@pytest.mark.parametrize("add", [False, True])
def test_propagation(rng, dtype, shape, add):
    W, x, b, current = arrays(rng, shape, dtype)
    expected = np.array(naive.propagate(W[:, : shape[0]].T.tolist(), x.tolist(), b.tolist()))
    expected += current if add else 0
    before = W.copy()
    tolerance = {"float32": 1e-6, "float64": 1e-14}[dtype] * np.sqrt(shape[0]) * 4
    np.testing.assert_allclose(propagated(W, x, b, current, add), expected, rtol=0, atol=tolerance)
    assert np.array_equal(W, before)


@every_shape
def test_sums_of_integers_are_exact(rng, shape):
    """So nothing is left out, and nothing comes twice."""
    W, x, b, current = (np.rint(4 * array) for array in arrays(rng, shape, "float32"))
    assert np.array_equal(propagated(W, x, b, current), W[:, : shape[0]].astype(int) @ x.astype(int) + b[:, None])


def test_a_sum_runs_over_parts_of_the_units_one_by_one(rng):
    """Products are added without being rounded, where the processor can; a stream has the bits that it has alone."""
    W, x, b, current = arrays(rng, (UNITS + 50, 3, 30), "float32")
    found = propagated(W, x, b, current)
    for k in (0, 17, 29):
        alone = propagated(W, x[:, k : k + 1].copy(), b, current[:, k : k + 1].copy())
        assert np.array_equal(alone[:, 0], found[:, k])
    for j in range(3):
        total = np.float32(0)
        for first in (0, UNITS):
            part = np.float32(0)
            for i in range(first, min(first + UNITS, len(x))):
                part = np.float32(float(part) + float(W[j, i]) * float(x[i, 0]))  # a float has room for the product
            total = total + part
        assert found[j, 0] == total + b[j] or not FUSED


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_beside_the_arrays_is_touched(rng, shape):
    W, x, b, current = arrays(rng, shape, "float32")
    around = np.full((len(current) + 40, current.shape[1]), 5, "float32")
    many_streams.propagate(W, x, many_streams.room_for_panels(*x.shape, "float32"), b, around[20:-20], False)
    assert np.all(around[:20] == 5) and np.all(around[-20:] == 5)
    room = many_streams.room_for_panels(*x.shape, "float32")
    guarded = np.full(room.size + 64, 5, "float32")
    many_streams.propagate(W, x, guarded[32:-32], b, current, False)
    assert np.all(guarded[:32] == 5) and np.all(guarded[-32:] == 5)


def test_what_is_not_finite_reaches_its_stream_alone(rng):
    W, x, b, current = arrays(rng, (50, 20, 30), "float32")
    x[49, 4], x[0, 11] = np.nan, np.inf
    found = propagated(W, x, b, current)
    assert np.isnan(found[:, 4]).all() and not np.isfinite(found[:, 11]).any()
    assert np.isfinite(np.delete(found, [4, 11], axis=1)).all()


@pytest.mark.parametrize("streams", [1, 24, 100])
def test_threads_do_not_change_a_bit(rng, streams):
    W, x, b, current = arrays(rng, (1003, 250, streams), "float32")
    results = []
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        results.append(propagated(W, x, b, current))
    assert all(np.array_equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize(("vector", "sums", "widest"), [(32, 12, 3), (64, 24, 4)])
def test_vectors_of_other_processors_have_the_same_bits(rng, vector, sums, widest):
    add = many_streams.tiles_of(vector, sums, widest)

    @numba.njit
    def tile(weights, last, panel, to, wide, number):
        row_bytes, sums_bytes = weights.strides[0], to.strides[0]
        count = len(panel)
        add(weights.ctypes.data, row_bytes, last, panel.ctypes.data, count, to.ctypes.data, sums_bytes, wide, number)

    for wide in range(1, widest + 1):
        rows, lanes = sums // wide, vector // 4
        weights = rng.normal(size=(rows, 60)).astype("float32")
        panel = rng.normal(size=(60, wide * lanes)).astype("float32")
        for last in (0, rows - 1):
            to = np.zeros((rows, wide * lanes), "float32")
            tile(weights, last, panel, to, wide, np.float32(0))
            bias, current = np.zeros(last + 1, "float32"), np.zeros((last + 1, wide * lanes), "float32")
            assert np.array_equal(to[: last + 1], propagated(weights[: last + 1], panel, bias, current))


@pytest.mark.parametrize("spikes", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_in_tiles_compute_what_weights_by_blas_do(rng, spikes, dtype):
    """Both ways, of activities of several widths in turn; masked updates, too."""
    W, mask = rng.normal(size=(70, 50)), rng.random((70, 50)) < 0.6
    kinds = [
        WeightPolicy(tiled_synapses=synapses, tiled_units=0, sparse_below_batched=0).make(
            W * mask, mask, np.dtype(dtype), 30, spikes=spikes, learns=True
        )
        for synapses in (0, 10**9)
    ]
    assert [weights.tiled for weights in kinds] == [True, False]
    assert all(isinstance(weights, DenseWeights) for weights in kinds)
    found = []
    for weights in kinds:
        rng = np.random.default_rng(5)
        for streams in (30, 3, 30):
            pre, post = (rng.normal(size=(units, streams)).astype(dtype) for units in (70, 50))
            forward, back = post.copy(), pre.copy()
            weights.propagate(pre, post[:, 0].copy(), forward, True)
            weights.propagate_transposed(post, pre[:, 0].copy(), back, False)
            weights.update(weights.values, pre, post, 0.1, 1.0)
            weights.update(weights.values, pre, post, 0.1, 0.5)
            found.append((forward, back, weights.dense().copy()))
        assert not weights.dense()[~mask].any()
    tolerance = {"float32": 1e-4, "float64": 1e-12}[dtype]
    for ours, theirs in zip(found[:3], found[3:], strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)
