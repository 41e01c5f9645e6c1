"""Projections whose weights follow another's: in every layout, against plain arrays."""

from zlib import crc32

import numba
import numpy as np
import pytest

import spikefa as fa
from spikefa.errors import ArgumentError

PRE, POST = 7, 5
UNITS = "I : 1\ny : 1"


def network(streams=1, dtype="float64", **options):
    """Two populations with outputs of their own, `low` and `high`, and two that listen, `up` and `down`."""
    net = fa.Network(streams=streams, dtype=dtype, target="numpy", **options)
    rng = np.random.default_rng(streams)
    for name, units in (("low", PRE), ("high", POST), ("up", POST), ("down", PRE)):
        fa.Population(net, name, units, UNITS, output="y", threshold=None)
        net[name].view("y")[:] = rng.normal(size=(units, streams)) * (rng.random((units, streams)) < 0.7)
    return net


def source(net, mask=None, **options):
    drawn = fa.uniform(1.0)
    return fa.Projection(net, "low", "high", drawn, bias=np.arange(POST) / 10, mask=mask, **options)


MASKS = {"dense": None, "masked": fa.random_connectivity(0.6), "sparse": fa.random_connectivity(0.08)}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("streams", [1, 2, 3, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shared_weights_are_the_sources(streams, mask, dtype):
    """Both ways, with and without bias, alone and as a second projection; before and after the source changes."""
    net = network(streams, dtype, weight_policy=fa.WeightPolicy(event_streams_fixed=2))
    one = source(net, MASKS[mask])
    assert one.weights.sparse == (mask == "sparse")
    up = fa.TiedProjection(net, "low", "up", "low_to_high", bias=True)
    down = fa.TiedProjection(net, "high", "down", one, transpose=True)
    more = fa.TiedProjection(net, "down", "up", one)  # adds
    back = fa.TiedProjection(net, "up", "down", one, transpose=True)
    for change in (1.0, -2.0):
        one.W = change * one.W
        net.run_steps(1)
        y = {name: net[name].view("y").astype(float) for name in ("low", "high", "up", "down")}
        W, b = np.array(one.W, float), one.b.astype(float)[:, None]
        close = dict(rtol=0, atol={"float32": 1e-5, "float64": 1e-12}[dtype])
        np.testing.assert_allclose(net["up"].view("I"), W.T @ y["low"] + b + W.T @ y["down"], **close)
        np.testing.assert_allclose(net["down"].view("I"), W @ y["high"] + W @ y["up"], **close)
        for shared, expected in ((up, W), (down, W.T), (more, W), (back, W.T)):
            assert np.array_equal(shared.W, expected) and shared.shape == expected.shape
            assert shared.masked == one.masked and not shared.state_arrays() and shared.learning is None
        assert np.array_equal(up.b, one.b) and not more.b.any()
    if one.masked:
        assert np.array_equal(down.mask, one.mask.T) and np.array_equal(up.mask, one.mask)


def test_nothing_is_copied():
    for streams in (1, 40):
        net = network(streams)
        one = source(net)
        down = fa.TiedProjection(net, "high", "down", one, transpose=True)
        assert np.shares_memory(down.W, one.W) and down.weights.values is one.weights.values


@pytest.mark.parametrize("streams", [1, 30])
def test_results_do_not_depend_on_the_threads(streams):
    """At a size that is cut into several blocks, and work for more than one thread."""

    def run(threads):
        numba.set_num_threads(threads)
        net = fa.Network(streams=streams, target="numpy")
        for name, units in (("a", 2100), ("b", 1900), ("c", 2100)):
            fa.Population(net, name, units, UNITS, output="y", threshold=None)
        net["b"].view("y")[:] = np.random.default_rng(0).normal(size=(1900, streams))
        one = fa.Projection(net, "a", "b", fa.uniform(1.0))
        fa.TiedProjection(net, "b", "c", one, transpose=True)
        net.run_steps(1)
        return net["c"].view("I").copy()

    most = numba.config.NUMBA_NUM_THREADS
    try:
        assert np.array_equal(run(1), run(most))
    finally:
        numba.set_num_threads(most)


@pytest.mark.parametrize("streams", [1, 3])
def test_a_source_may_come_later_and_learn(streams):
    """And within a step what is shared are the weights at its start, as for every other projection."""
    net = network(streams)
    shared = fa.TiedProjection(net, "high", "down", "low_to_high", transpose=True)
    rule = fa.Plasticity("dW = eta * y_post * y_pre", {"eta": 0.1})
    one = source(net, plasticity=rule)
    for _ in range(3):
        W = one.W.copy()
        net.run_steps(1)
        np.testing.assert_allclose(net["down"].view("I"), W @ net["high"].view("y"), rtol=0, atol=1e-12)
        assert not np.array_equal(W, one.W) and np.array_equal(shared.W, one.W.T)
    W = one.W.copy()
    net.run_steps(4)
    step = 0.1 * net["low"].view("y") @ net["high"].view("y").T
    np.testing.assert_allclose(net["down"].view("I"), (W + 3 * step) @ net["high"].view("y"), rtol=0, atol=1e-12)


@pytest.mark.parametrize("streams", [1, 3])
def test_following_weights_are_computed_when_they_should(streams):
    net = network(streams)
    one = source(net)
    follows = fa.DerivedProjection(net, "high", "down", one, lambda W: 2 * W.T, every=3)
    assert np.array_equal(follows.W, 2 * one.W.T)  # from the start
    computed = follows.W.copy()
    for step in range(7):
        one.W = one.W + 1
        net.run_steps(1)
        computed = 2 * one.W.T if step % 3 == 0 else computed
        assert np.array_equal(follows.W, computed), step
        np.testing.assert_allclose(net["down"].view("I"), computed.T @ net["high"].view("y"), rtol=0, atol=1e-12)
    assert set(follows.state_arrays()) == {"W", "b"}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("streams", [1, 3])
def test_reshuffled_columns_are_new_in_every_step(streams, mask):
    net = network(streams)
    B = fa.ShuffledProjection(net, "high", "down", fa.uniform(1.0), mask=MASKS[mask])
    also = fa.ShuffledProjection(net, "low", "down", fa.uniform(1.0))  # adds
    orders = []
    for step in range(5):
        net.run_steps(1)
        expected = 0
        for projection in (B, also):
            order = projection.permutation(step)
            key = [0, crc32(projection.name.encode()), step]
            assert np.array_equal(order, np.random.default_rng(key).permutation(PRE))
            expected = expected + projection.W[:, order].T @ projection.pre.view("y")
            orders.append(tuple(order))
        np.testing.assert_allclose(net["down"].view("I"), expected, rtol=0, atol=1e-12)
    assert len(set(orders)) == 10 and all(sorted(order) == list(range(PRE)) for order in orders)


@pytest.mark.parametrize("first", ["high", "up"])
def test_the_first_of_two_projections_overwrites_whatever_their_names(first):
    second = {"high": "up", "up": "high"}[first]
    net = network()
    W = {name: np.full((POST, PRE), 1.0 + (name == "up")) for name in (first, second)}
    for name in (first, second):
        fa.Projection(net, name, "down", W[name])
    for _ in range(2):
        net.run_steps(1)
        expected = sum(W[name].T @ net[name].view("y") for name in W)
        np.testing.assert_allclose(net["down"].view("I"), expected, rtol=0, atol=1e-12)


def test_statements_between_projection_and_integration():
    """`receive` sees the whole current; `random_numbers_of` gives another population's numbers."""
    net = fa.Network(streams=50, dtype="float64", target="numpy")
    fa.Population(net, "a", 4, "x : 1", emit="x = randn()", output="x", threshold=None)
    fa.Population(net, "b", 4, "x : 1", emit="x = randn()", output="x", threshold=None, random_numbers_of="a")
    fa.Population(net, "c", 4, "x : 1", emit="x = randn()", output="x", threshold=None)
    fa.Population(
        net, "d", 4, "v = 2 * I : 1\nI : 1\ny : 1", receive="I = I + 1", emit="y = v", output="y", threshold=None
    )
    fa.Projection(net, "a", "d", np.eye(4))
    net.run_steps(2)
    assert np.array_equal(net["a"].view("x"), net["b"].view("x"))
    assert not np.array_equal(net["a"].view("x"), net["c"].view("x"))
    np.testing.assert_allclose(net["d"].view("y"), 2 * (net["a"].view("x") + 1), rtol=0, atol=1e-12)


BAD = [
    (
        lambda n: fa.TiedProjection(n, "high", "down", "low_to_high"),
        r"TiedProjection 'high->down': the weights of Projection 'low->high' must be \(5, 7\), got \(7, 5\)",
    ),
    (
        lambda n: fa.TiedProjection(n, "low", "up", "low_to_high", transpose=True),
        r"TiedProjection 'low->up': the transposed weights of Projection 'low->high' must be \(7, 5\), got \(5, 7\)",
    ),
    (
        lambda n: fa.TiedProjection(n, "high", "down", "low_to_high", transpose=True, bias=True),
        "a transpose has no bias",
    ),
    (lambda n: fa.TiedProjection(n, "high", "down", 3), "source must be a projection or the name of one, got 3"),
    (
        lambda n: fa.TiedProjection(n, "low", "up", source(network())),
        "the source, Projection 'low->high', is of another network",
    ),
    (
        lambda n: [fa.TiedProjection(n, "low", *two) for two in (("up", "low_to_high"), ("hi", "low_to_up"))],
        "TiedProjection 'low->up' has no weights of its own to share",
    ),
    (
        lambda n: (fa.TiedProjection(n, "low", "up", "nowhere"), n.run_steps(1)),
        r"TiedProjection 'low->up': there is no projection 'nowhere'; there are \['low_to_high', 'low_to_up'\]",
    ),
    (lambda n: fa.TiedProjection(n, "low", "high", "low_to_high"), "already has an object called 'low_to_high'"),
    (
        lambda n: fa.DerivedProjection(n, "high", "down", "low_to_high", lambda W: W),
        r"DerivedProjection 'high->down': weights must be \(5, 7\), got \(7, 5\)",
    ),
    (lambda n: fa.DerivedProjection(n, "high", "down", "low_to_high", lambda W: W.T / 0), "weights must be finite"),
    (lambda n: fa.DerivedProjection(n, "high", "down", "low_to_high", 3), "must be a function of weights, got 3"),
    (
        lambda n: fa.DerivedProjection(n, "high", "down", "low_to_high", np.transpose, every=1.5),
        "every must be a positive whole number of steps, got 1.5",
    ),
    (
        lambda n: fa.ShuffledProjection(n, "high", "down", np.zeros((7, 5))),
        r"ShuffledProjection 'high->down': weights must be \(5, 7\), got \(7, 5\)",
    ),
]


@pytest.mark.parametrize(("what", "message"), BAD)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_bad_projections_are_refused(what, message):
    net = network()
    source(net)
    fa.Population(net, "hi", POST, UNITS, output="y", threshold=None)
    with pytest.raises(ArgumentError, match=message):
        what(net)


def test_shared_weights_cannot_be_set():
    net = network()
    source(net)
    shared = fa.TiedProjection(net, "low", "up", "low_to_high", bias=True)
    with pytest.raises(AttributeError, match="'low->up': has the weights of Projection 'low->high'; set those"):
        shared.W = np.zeros((PRE, POST))
    with pytest.raises(AttributeError, match="has no bias of its own; set that of Projection 'low->high'"):
        shared.b = np.zeros(POST)
    for array in (shared.W, shared.b):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert net["low_to_high"].W.any()


def test_a_function_of_weights_that_places_share_is_refused():
    net = fa.Network(target="numpy")
    unit = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    for name, grid in (("below", (1, 4, 4)), ("above", (2, 3, 3)), ("back", (1, 4, 4))):
        fa.Layer(net, name, grid, **unit)
    fa.convolution(net, "below", "above", fa.uniform(0.5), field=2)
    with pytest.raises(ArgumentError, match=r"'above->back': Convolution 'below->above' must have weights of each syn"):
        fa.DerivedProjection(net, "above", "back", "below_to_above", np.transpose)
