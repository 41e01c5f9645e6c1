"""Products with few streams, against plain loops."""

import naive
import numba
import numpy as np
import pytest
from brian2 import ms

import spikefa as fa
from spikefa.engine.aligned import aligned_zeros, whole_rows
from spikefa.engine.dense_weights import FewStreamsWeights
from spikefa.engine.kernels import few_streams

#: Whole and broken tiles of rows and of streams, panels and tasks; more than one chunk of panels.
SHAPES = [(1, 1, 1), (7, 5, 3), (16, 12, 4), (300, 3, 2), (64, 31, 5), (33, 25, 9), (800, 14, 7)]
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_type = pytest.mark.parametrize("dtype", ["float32", "float64"])


def arrays(rng, shape, dtype):
    """Post-major weights in rows of whole cache lines, whose unused numbers are 7; a graded activity, post and bias."""
    n_pre, n_post, streams = shape
    W = whole_rows(aligned_zeros(n_post, n_pre, dtype))
    W[...] = 7
    W[:, :n_pre] = rng.normal(size=(n_post, n_pre))
    x, g = (rng.normal(size=(units, streams)).astype(dtype) for units in (n_pre, n_post))
    return W, x, g, rng.normal(size=n_post).astype(dtype)


@every_type
@every_shape
@pytest.mark.parametrize("add", [False, True])
def test_propagation(rng, dtype, shape, add):
    W, x, g, b = arrays(rng, shape, dtype)
    before = W.copy()
    expected = np.array(naive.propagate(W[:, : shape[0]].T.tolist(), x.tolist(), b.tolist())) + (g if add else 0)
    current = g.copy() if add else np.full_like(g, 7.0)
    few_streams.propagate(W, x, b, current, add)
    np.testing.assert_allclose(current, expected, rtol=0, atol=TOLERANCE[dtype] * shape[0])
    assert np.array_equal(W, before)


@every_type
@every_shape
def test_update(rng, dtype, shape):
    W, x, g, _ = arrays(rng, shape, dtype)
    expected = np.array(naive.update(W[:, : shape[0]].T.tolist(), x.tolist(), g.tolist(), -0.3, 1.0)).T
    few_streams.update(W, x, g, -0.3)
    np.testing.assert_allclose(W[:, : shape[0]], expected, rtol=0, atol=TOLERANCE[dtype] * shape[2])
    assert np.all(W[:, shape[0] :] == 7)


@every_type
@every_shape
@pytest.mark.parametrize("add", [False, True])
def test_the_shared_pass_gives_the_bits_of_two_passes(rng, dtype, shape, add):
    W, pre, g, b = arrays(rng, shape, dtype)
    after = arrays(rng, shape, dtype)[1]
    apart, together = (W.copy(), g.copy()), (W.copy(), g.copy())
    few_streams.update(apart[0], pre, g, -0.3)
    few_streams.propagate(apart[0], after, b, apart[1], add)
    few_streams.update_and_propagate(together[0], pre, g, -0.3, after, b, together[1], add)
    assert np.array_equal(apart[0], together[0]) and np.array_equal(apart[1], together[1])


def test_nothing_beside_the_arrays_is_touched(rng):
    for shape in SHAPES:
        W, x, g, b = arrays(rng, shape, "float32")
        weights, current = (np.full((len(W) + 40, width), 5, "float32") for width in (shape[0], shape[2]))
        weights[20:-20] = W[:, : shape[0]]
        few_streams.propagate(weights[20:-20], x, b, current[20:-20], False)
        few_streams.update(weights[20:-20], x, g, 1.0)
        few_streams.update_and_propagate(weights[20:-20], x, g, 1.0, x, b, current[20:-20], False)
        for array in (weights, current):
            assert np.all(array[:20] == 5) and np.all(array[-20:] == 5)


def test_a_stream_has_the_bits_it_has_alone(rng):
    """However streams are put into tiles."""
    W, x, _, b = arrays(rng, (801, 30, 11), "float32")
    together = np.zeros((30, 11), np.float32)
    few_streams.propagate(W, x, b, together, False)
    for k in range(11):
        alone = np.zeros((30, 1), np.float32)
        few_streams.propagate(W, x[:, k : k + 1].copy(), b, alone, False)
        assert np.array_equal(alone[:, 0], together[:, k])


def test_what_is_not_finite_reaches_its_stream_alone(rng):
    W, x, _, b = arrays(rng, (50, 20, 6), "float32")
    x[49, 4] = np.nan
    current = np.zeros((20, 6), np.float32)
    few_streams.propagate(W, x, b, current, False)
    assert np.isnan(current[:, 4]).all() and np.isfinite(np.delete(current, 4, axis=1)).all()


@pytest.mark.parametrize("streams", [1, 3, 17])
def test_threads_do_not_change_a_bit(rng, streams):
    W, x, g, b = arrays(rng, (1003, 250, streams), "float32")
    results = []
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        weights, current = W.copy(), np.zeros_like(g)
        few_streams.update_and_propagate(weights, x, g, 0.1, x, b, current, False)
        results.append((weights, current))
    assert all(np.array_equal(a, b) for other in results for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("streams", [1, 5])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_projections_learn_the_same_as_by_blas(streams, masked, momentum):
    """Updates wait where they can; whoever asks for the weights between runs finds them up to date."""
    units = "p : 1\ns : 1\nI : 1\nd : 1"
    seen = []
    for synapses in (0, 10**9):
        policy = fa.WeightPolicy(
            event_streams_spikes=0,
            event_streams_learning=0,
            tiled_synapses=synapses,
            tiled_units=0,
            sparse_below_batched=0,
        )
        net = fa.Network(streams=streams, seed=3, dt=1 * ms, weight_policy=policy)
        pre = fa.Input(net, "pre", 37, units, emit="s = int(rand() < p)", stimulus_variable="p")
        post = fa.Layer(net, "post", 21, units, emit="s = int(rand() < 0.5)\nd = I")
        pre.view("p")[...] = np.random.default_rng(0).random((37, streams))
        optimizer = fa.Momentum(momentum) if momentum else fa.SGD()
        rule = fa.Plasticity("dW = -eta * d_post * s_pre - gamma * W", {"eta": 1e-2, "gamma": 1e-4}, optimizer)
        mask = fa.random_connectivity(0.7) if masked else None
        projection = fa.Projection(net, pre, post, fa.uniform(0.5), mask=mask, plasticity=rule)
        assert isinstance(projection.weights, FewStreamsWeights) == (synapses == 0)
        found = []
        for _ in range(3):
            net.run_steps(7)
            found += [projection.W.copy(), projection.b.copy(), post.view("I").copy()]
        seen.append(found)
    for few, blas in zip(*seen, strict=True):
        np.testing.assert_allclose(few, blas, rtol=0, atol=2e-5)
