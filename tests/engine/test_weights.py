"""Weights: every kind computes what plain loops do, and a policy chooses among them."""

import naive
import numba
import numpy as np
import pytest

import spikefa as fa
from spikefa.engine.dense_weights import DenseWeights, EventDrivenWeights, FewStreamsWeights, LookupTableWeights
from spikefa.engine.sparse_weights import SparseWeights
from spikefa.engine.weights import TransposedWeights

PRE, POST = 11, 6
SPIKES = {"spikes": True, "learns": True}

#: Kind -> the policy and the streams by which it is chosen for units that spike and weights that learn.
KINDS = {
    "dense": (fa.WeightPolicy(event_streams_spikes=0, table_streams=10**9, sparse_below_batched=0), 3),
    "few": (fa.WeightPolicy(event_streams_spikes=0, tiled_synapses=0, tiled_units=0, sparse_below_batched=0), 3),
    "tables": (fa.WeightPolicy(event_streams_spikes=0, table_streams=1, sparse_below_batched=0), 9),
    "events": (fa.WeightPolicy(event_streams_spikes=2, sparse_below_events=0), 2),
    "sparse": (fa.WeightPolicy(event_streams_spikes=0, sparse_below_batched=1.1), 3),
    "sparse events": (fa.WeightPolicy(event_streams_spikes=2, sparse_below_events=1.1), 2),
}
CLASSES = {
    "dense": DenseWeights,
    "few": FewStreamsWeights,
    "tables": LookupTableWeights,
    "events": EventDrivenWeights,
    "sparse": SparseWeights,
    "sparse events": SparseWeights,
}
every_kind = pytest.mark.parametrize(
    ("kind", "masked"), [(kind, masked) for kind in KINDS for masked in (False, True) if masked or "sparse" not in kind]
)


def made(kind, masked, rng):
    """Weights of a kind, their mask or None, and their values as an array."""
    policy, streams = KINDS[kind]
    mask = rng.random((PRE, POST)) < 0.5 if masked else None
    W = rng.normal(size=(PRE, POST)) * (1 if mask is None else mask)
    weights = policy.make(W, mask, np.dtype("float64"), streams, **SPIKES)
    assert type(weights) is CLASSES[kind]
    return weights, mask, W, streams


def factors(rng, streams, graded=False):
    pre = (rng.random((PRE, streams)) < 0.5) * (rng.normal(size=(PRE, streams)) if graded else 1.0)
    return pre, rng.normal(size=(POST, streams)), rng.normal(size=POST)


@every_kind
@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("add", [False, True])
def test_propagation_equals_plain_loops(kind, masked, graded, add, rng):
    weights, _, W, streams = made(kind, masked, rng)
    pre, current, bias = factors(rng, streams, graded)
    expected = np.array(naive.propagate(W.tolist(), pre.tolist(), bias.tolist())) + (current if add else 0)
    weights.propagate(pre, bias, current, add)
    np.testing.assert_allclose(current, expected, rtol=0, atol=1e-12)


@every_kind
@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("factor", [1.0, 0.9])
def test_an_update_equals_plain_loops(kind, masked, graded, factor, rng):
    weights, mask, W, streams = made(kind, masked, rng)
    pre, post, _ = factors(rng, streams, graded)
    expected = np.array(naive.update(W.tolist(), pre.tolist(), post.tolist(), -0.3, factor))
    weights.update(weights.values, pre, post, -0.3, factor)
    np.testing.assert_allclose(weights.dense(), expected * (1 if mask is None else mask), rtol=0, atol=1e-12)


@every_kind
@pytest.mark.parametrize("add", [False, True])
def test_the_transpose_is_a_view(kind, masked, add, rng):
    """It propagates the other way, and follows when the source learns."""
    weights, _, W, streams = made(kind, masked, rng)
    view = TransposedWeights(weights)
    assert view.shape == (POST, PRE) and view.sparse == weights.sparse and view.masked == weights.masked == masked
    pre, post, _ = factors(rng, streams)
    weights.update(weights.values, pre, post, 0.5, 1.0)
    learned = weights.dense().copy()
    assert not np.array_equal(learned, W) and np.array_equal(view.dense(), learned.T)
    bias, current = rng.normal(size=PRE), rng.normal(size=(PRE, streams))
    expected = np.array(naive.propagate(learned.T.tolist(), post.tolist(), bias.tolist())) + (current if add else 0)
    view.propagate(post, bias, current, add)
    np.testing.assert_allclose(current, expected, rtol=0, atol=1e-12)
    forward = rng.normal(size=(POST, streams))
    expected = np.array(naive.propagate(learned.tolist(), pre.tolist(), [0.0] * POST))
    view.propagate_transposed(pre, np.zeros(POST), forward, False)
    np.testing.assert_allclose(forward, expected, rtol=0, atol=1e-12)
    assert [s.tolist() for s in view.synapses()] == [s.tolist() for s in weights.synapses()[::-1]]


@every_kind
def test_synapses_and_assignment(kind, masked, rng):
    weights, mask, W, _ = made(kind, masked, rng)
    pre, post = weights.synapses()
    exists = np.ones((PRE, POST), bool) if mask is None else mask
    again = np.zeros_like(exists)
    again[pre, post] = True
    assert pre.size == exists.sum() and np.array_equal(again, exists)
    np.testing.assert_array_equal(weights.dense(), W)
    new = rng.normal(size=(PRE, POST))
    weights.assign(new)
    np.testing.assert_array_equal(weights.dense(), new * exists)


@pytest.mark.parametrize("kind", ["events", "few"])
def test_an_update_that_waits_is_done_when_the_weights_are_looked_at_or_propagate(kind, rng):
    for look in ("values", "dense", None):
        weights, _, W, streams = made(kind, False, rng)
        pre, post, bias = factors(rng, streams)
        expected = np.array(naive.update(W.tolist(), pre.tolist(), post.tolist(), 0.2, 1.0))
        assert weights.may_wait
        weights.update_later(pre, post, 0.2)
        pre[:] = 0  # it keeps the values of its step
        if look is None:
            activity, current, _ = factors(rng, streams)
            weights.propagate(activity, bias, current, False)
            by_loops = naive.propagate(expected.tolist(), activity.tolist(), bias.tolist())
            np.testing.assert_allclose(current, by_loops, rtol=0, atol=1e-12)
        found = weights.dense() if look == "dense" else weights.stated(weights.values)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def chosen(streams, spikes, learns, fraction=None, policy=None, units=100):
    mask = None if fraction is None else np.arange(units**2).reshape(units, units) % 100 < 100 * fraction
    W = np.ones((units, units)) * (1 if mask is None else mask)
    return (policy or fa.WeightPolicy()).make(W, mask, np.dtype("float32"), streams, spikes, learns)


@pytest.mark.parametrize(
    ("streams", "spikes", "learns", "kind"),
    [
        (2, True, False, EventDrivenWeights),
        (3, True, False, DenseWeights),
        (23, True, True, DenseWeights),
        (24, True, True, LookupTableWeights),
        (1, False, True, EventDrivenWeights),
        (2, False, True, DenseWeights),
        (1, False, False, EventDrivenWeights),
        (2, False, False, DenseWeights),
        (100, False, True, DenseWeights),
    ],
)
def test_the_policy_goes_by_streams_spikes_and_learning(streams, spikes, learns, kind):
    assert type(chosen(streams, spikes, learns)) is kind


@pytest.mark.parametrize(
    ("streams", "spikes", "learns", "kind"),
    [
        (2, True, True, EventDrivenWeights),
        (3, True, True, FewStreamsWeights),
        (12, True, True, FewStreamsWeights),
        (13, True, True, DenseWeights),
        (24, True, True, LookupTableWeights),
        (1, False, True, EventDrivenWeights),
        (1, False, False, EventDrivenWeights),
        (2, False, False, FewStreamsWeights),
        (3, False, False, FewStreamsWeights),
        (4, False, False, DenseWeights),
    ],
)
def test_the_policy_goes_by_size_too_and_not_by_threads(streams, spikes, learns, kind):
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        assert type(chosen(streams, spikes, learns, units=500)) is kind


@pytest.mark.parametrize(("shape", "tiled"), [((500, 500), True), ((490, 510), False), ((30_000, 10), False)])
def test_tiles_are_for_weights_that_are_neither_small_nor_narrow(shape, tiled):
    for W in (np.ones(shape), np.ones(shape[::-1])):
        assert fa.WeightPolicy().make(W, None, np.dtype("float32"), 100, spikes=False, learns=True).tiled is tiled


@pytest.mark.parametrize(
    ("streams", "fraction", "sparse"), [(1, 0.10, True), (1, 0.11, False), (50, 0.24, True), (50, 0.25, False)]
)
def test_the_policy_stores_few_synapses_sparsely(streams, fraction, sparse):
    weights = chosen(streams, True, True, fraction)
    assert weights.sparse == sparse and weights.masked
    assert weights.pre_major == (streams == 1 or not sparse)


def test_a_policy_can_be_given():
    everything = fa.WeightPolicy(event_streams_fixed=1000)
    assert type(chosen(500, False, False, policy=everything)) is EventDrivenWeights
    assert type(chosen(500, False, True, policy=everything)) is DenseWeights
