"""Products with spikes by tables, against plain loops; and projections that use them."""

import naive
import numba
import numpy as np
import pytest
from brian2 import ms

import spikefa as fa
from spikefa.engine.kernels.spikes import choices_of_streams, choices_of_units, propagate_spikes, update_spikes

#: Whole and broken fours of units and streams, whole and broken vectors, several blocks of tables.
SHAPES = [(1, 1, 1), (7, 5, 3), (3, 300, 2), (64, 16, 8), (65, 31, 70), (130, 401, 9), (10, 17, 230)]
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def arrays(rng, shape, dtype, rate=0.5):
    n_pre, n_post, streams = shape
    W, g, b = (rng.normal(size=size).astype(dtype) for size in ((n_pre, n_post), (n_post, streams), n_post))
    return W, (rng.random((n_pre, streams)) < rate).astype(dtype), g, b


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("rate", [0, 0.3, 1])
def test_propagation(rng, dtype, shape, add, rate):
    W, s, g, b = arrays(rng, shape, dtype, rate)
    expected = np.array(naive.propagate(W.tolist(), s.tolist(), b.tolist())) + (g if add else 0)
    current = g.copy() if add else np.full_like(g, 7.0)
    propagate_spikes(W, choices_of_units(s), b, current, add)
    np.testing.assert_allclose(current, expected, rtol=0, atol=TOLERANCE[dtype] * shape[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", [0, 0.3, 1])
def test_update(rng, dtype, shape, rate):
    W, s, g, _ = arrays(rng, shape, dtype, rate)
    expected = np.array(naive.update(W.tolist(), s.tolist(), g.tolist(), -0.3, 1.0))
    update_spikes(W, choices_of_streams(s), g, -0.3)
    np.testing.assert_allclose(W, expected, rtol=0, atol=TOLERANCE[dtype] * shape[2])


@pytest.mark.parametrize("streams", [9, 230])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_that_are_silent_in_all_streams_cost_their_weights_nothing(rng, dtype, streams):
    W, s, g, b = arrays(rng, (203, 70, streams), dtype)
    silent = rng.random(51) < 0.6  # fours of units
    s[np.repeat(silent, 4)[:203]] = 0
    s[120:124, 200:] = 0  # in some of the parts of an update
    W[np.repeat(silent, 4)[:203]] = np.nan
    there = ~np.isnan(W).any(axis=1)
    expected = np.array(naive.propagate(W[there].tolist(), s[there].tolist(), b.tolist()))
    learned = np.array(naive.update(W[there].tolist(), s[there].tolist(), g.tolist(), -0.3, 1.0))
    current = np.empty_like(g)
    propagate_spikes(W, choices_of_units(s), b, current, False)
    update_spikes(W, choices_of_streams(s), g, -0.3)
    np.testing.assert_allclose(current, expected, rtol=0, atol=TOLERANCE[dtype] * len(W))
    np.testing.assert_allclose(W[there], learned, rtol=0, atol=TOLERANCE[dtype] * streams)
    assert np.isnan(W[~there]).all()


def test_nothing_beside_the_arrays_is_touched(rng):
    for shape in SHAPES:
        W, s, g, b = arrays(rng, shape, "float32")
        room, padded = (np.full((units + 40, n), 5, "float32") for units, n in ((shape[0], shape[1]), g.shape))
        weights, current = room[20:-20], padded[20:-20]
        weights[...] = W
        propagate_spikes(weights, choices_of_units(s), b, current, False)
        update_spikes(weights, choices_of_streams(s), g, 1.0)
        for array in (room, padded):
            assert np.all(array[:20] == 5) and np.all(array[-20:] == 5)


@pytest.mark.parametrize("other", [0.5, -1, 2, np.nan, np.inf, 1 + 1e-7])
def test_only_spikes_are_taken(rng, other):
    for i, k in ((0, 0), (8, 6), (4, 3)):
        s = (rng.random((9, 7)) < 0.5).astype("float32")
        assert choices_of_units(s).shape == (3, 8) and choices_of_streams(s).shape == (1, 3, 2, 4)
        s[i, k] = other
        assert choices_of_units(s).size == choices_of_streams(s).size == 0


def test_threads_do_not_change_a_bit(rng):
    W, s, g, b = arrays(rng, (300, 900, 20), "float32")
    results = []
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        weights, current = W.copy(), np.zeros_like(g)
        propagate_spikes(weights, choices_of_units(s), b, current, False)
        update_spikes(weights, choices_of_streams(s), g, 0.1)
        results.append((weights, current))
    assert all(np.array_equal(a, b) for other in results for a, b in zip(results[0], other, strict=True))


UNITS = "p : 1\ns : 1\nI : 1\nd : 1"


def network(streams, emit, rule, tables, mask=None, momentum=0.0):
    """A network of one projection that learns, and what shares its weights; by tables or by BLAS."""
    policy = fa.WeightPolicy(table_streams=8 if tables else 10**9)
    net = fa.Network(streams=streams, seed=3, dt=1 * ms, weight_policy=policy)
    pre = fa.Input(net, "pre", 37, UNITS, emit=emit, stimulus_variable="p")
    post = fa.Layer(net, "post", 21, UNITS, emit="s = int(rand() < 0.5)\nd = I")
    tied = fa.Layer(net, "tied", 21, UNITS, emit="s = int(rand() < 0.5)")
    back = fa.Layer(net, "back", 37, UNITS, emit="s = int(rand() < 0.5)")
    pre.view("p")[...] = np.random.default_rng(0).random((37, streams))
    plasticity = fa.Plasticity(rule, {"eta": 1e-3, "gamma": 1e-4}, fa.Momentum(momentum) if momentum else fa.SGD())
    learning = fa.Projection(net, pre, post, fa.uniform(0.5), mask=mask, plasticity=plasticity)
    fa.TiedProjection(net, pre, tied, learning, bias=True)
    fa.TiedProjection(net, post, back, learning, transpose=True)
    return net, learning


@pytest.mark.parametrize("streams", [8, 13])
@pytest.mark.parametrize("emit", ["s = int(rand() < p)", "s = 2 * int(rand() < p)", "s = p"])
@pytest.mark.parametrize("rule", ["dW = -eta * d_post * s_pre - gamma * W", "dW = -eta * d_post * (s_pre - p_pre)"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_projections_learn_the_same_by_tables_and_by_blas(streams, emit, rule, masked, momentum):
    """Whatever the output and the rule's factor are: what is not 0 or 1 is left to BLAS."""
    mask = fa.random_connectivity(0.7) if masked else None
    seen = []
    for tables in (True, False):
        net, projection = network(streams, emit, rule, tables, mask, momentum)
        assert projection.weights.pre_major == tables
        net.run_steps(20)
        seen.append([projection.W, projection.b, *(net[name].view("I") for name in ("post", "tied", "back"))])
        assert projection.mask is None or not projection.W[~projection.mask].any()
    for by_tables, by_blas in zip(*seen, strict=True):
        np.testing.assert_allclose(by_tables, by_blas, rtol=0, atol=2e-5)


def test_weights_keep_their_shape():
    for tables in (True, False):
        net, projection = network(8, "s = int(rand() < p)", "dW = -eta * d_post * s_pre", tables)
        W = projection.W
        net.run_steps(3)
        assert W.shape == projection.shape == (37, 21) and np.shares_memory(W, projection.W)
        projection.W = np.ones((37, 21))
        assert np.all(W == 1)
