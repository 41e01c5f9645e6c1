"""Projections: what they refuse; dense or sparse in memory, they are plain loops over the synapses that exist."""

import numpy as np
import pytest
from brian2 import NeuronGroup, ms
from layered_networks import LAYER, build, build_with
from masked_networks import STORAGE, masked, naive_steps, network
from rule_networks import RULES, SIDE
from test_brian2_reference import compare

import spikefa as fa
from spikefa.errors import ArgumentError
from spikefa.projections.connectivity import local_receptive_fields, random_connectivity


@pytest.mark.parametrize(
    ("equations", "options", "got"),
    [
        (LAYER.replace("s : 1", "s : integer"), {}, "the output 's' of 'h1' must be .*, got one of type int32"),
        (LAYER.replace("s : 1", "s : boolean"), {}, "the output 's' .*, got one of type bool"),
        (LAYER.replace("s : 1", "s : 1 (shared)"), {}, "the output 's' .*, got a shared variable"),
        (LAYER + "\np = v + 1 : 1", {"output": "p"}, "the output 'p' .*, got a subexpression"),
        (LAYER + "\nJ : integer", {"current": "J"}, "the current 'J' of 'h1' must be .*, got one of type int32"),
    ],
)
def test_what_kernels_cannot_read(equations, options, got):
    net = build(equations, **options)
    fa.Layer(net, "h2", 2, LAYER, emit="s = 0", namespace={"tau": net.clock.dt})
    pair = ("h2", "h1") if "current" in options else ("h1", "h2")
    with pytest.raises(ArgumentError, match=f"Projection '{pair[0]}->{pair[1]}': {got}"):
        fa.Projection(net, *pair, fa.uniform(0.1))


@pytest.mark.parametrize("rule", ["dW = v_pre", fa.Plasticity("dW = trace_pre"), fa.Plasticity("dW = b")])
def test_a_projection_that_is_refused_leaves_the_network_as_it_was(rule):
    net = build_with(lambda n: None)
    with pytest.raises(ArgumentError, match="Projection 'image->h'"):
        fa.Projection(net, "image", "h", fa.uniform(0.1), plasticity=rule)
    assert not net.projections
    fa.Projection(net, "image", "h", fa.uniform(0.1), plasticity=fa.Plasticity("dW = v_post"))
    net.run_steps(1)


BAD_PROJECTIONS = [
    (
        lambda n: fa.Projection(n, "image", "h", np.zeros((3, 4))),
        r"Projection 'image->h': weights must be \(4, 3\), got \(3, 4\)",
    ),
    (
        lambda n: fa.Projection(n, "image", "h", np.full((4, 3), np.nan)),
        r"Projection 'image->h': weights must be finite, got 12 that are not",
    ),
    (
        lambda n: fa.Projection(n, "image", "h", np.full((4, 3), 1e300)),
        r"^Projection 'image->h': weights must be within float32's range, got 1e\+300$",
    ),
    (
        lambda n: fa.Projection(n, "image", "h", fa.uniform(-1e300, -1e299)),
        r"^Projection 'image->h': weights must be within float32's range, got -[\d.]+e\+299$",
    ),
    (
        lambda n: fa.Projection(n, "image", "h", np.zeros((4, 3)), bias=[0, -1e39, 0]),
        r"^Projection 'image->h': bias must be within float32's range, got -1e\+39$",
    ),
    (
        lambda n: fa.Projection(n, "image", "h", np.zeros((4, 3)), bias=np.zeros(4)),
        r"Projection 'image->h': bias must be \(3,\), got \(4,\)",
    ),
    (lambda n: fa.Projection(n, "image", "h", np.full((4, 3), "a")), r"weights must be numbers, got <U1"),
    (lambda n: fa.uniform(-0.1), r"uniform: limit must be finite and at least 0, got -0.1"),
    (lambda n: fa.Projection(n, "h", "image", 0), r"the equations of 'image' must have the parameter 'I', which"),
    (
        lambda n: fa.Projection(n, NeuronGroup(4, "s : 1", name="stock"), "h", fa.uniform(0.1)),
        r"Source of NeuronGroup 'stock': must have the network's dt, 1. ms, got 100. us",
    ),
    (
        lambda n: fa.Projection(n, "image", "h7", fa.uniform(0.1)),
        r"Projection: post must be one of the network's populations \['image', 'h'\], got 'h7'",
    ),
    (
        lambda n: fa.Projection(fa.Network(streams=3), n["image"], n["h"], fa.uniform(0.1)),
        r"Projection: post must be one of the network's populations \[\], got Layer 'h'",
    ),
]


@pytest.mark.parametrize(("what", "message"), BAD_PROJECTIONS)
def test_bad_projections_are_refused(what, message):
    with pytest.raises(ArgumentError, match=message):
        build_with(what)


def test_weights_that_are_set_must_be_finite_in_the_float_type(small):
    projection = small()["h1_to_h2"]
    for name in ("W", "b"):
        values = getattr(projection, name)
        before, largest = values.copy(), np.full(values.shape, float(np.finfo(np.float32).max))
        with pytest.raises(ArgumentError, match=r"(weights|bias) must be within float32's range, got 6.80565e\+38$"):
            setattr(projection, name, 2 * largest)
        assert np.array_equal(getattr(projection, name), before)
        setattr(projection, name, largest)
        assert np.array_equal(getattr(projection, name), largest)
    projection = small(dtype="float64")["h1_to_h2"]
    projection.W = np.full((30, 20), 1e300)
    assert (projection.W == 1e300).all()


def test_weights_can_be_read_and_set_in_one_shape(small):
    for streams in (1, 50):
        net = small(streams)
        projection = net["h1_to_h2"]
        W = np.arange(600.0).reshape(30, 20)
        projection.W = W
        assert projection.W.shape == (30, 20) and np.array_equal(projection.W, W)
        projection.W[3, 4] = -1
        assert projection.W[3, 4] == -1


@pytest.fixture(params=STORAGE)
def storage(request):
    return request.param


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("streams", "momentum"), [(1, 0.8), (4, 0.0)])
def test_rules_learn_only_what_exists(storage, name, streams, momentum):
    rule, summed, local = RULES[name]
    net, projection = network(random_connectivity(0.5), streams, rule, momentum, storage=storage)
    assert projection.weights.sparse == (storage == "sparse")
    W = naive_steps(net, projection, summed, local, 4, momentum)
    before = projection.W.copy()
    net.run(4 * ms)
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
    assert (projection.W[~projection.mask] == 0).all() and not np.array_equal(projection.W, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_absent_synapses_stay_0_through_learning_decay_and_momentum(storage, model, digits, dtype):
    net, _ = masked(model, digits, storage, streams=6, dtype=dtype, momentum=0.7, gamma=1e-3)
    before = {p.name: p.W.copy() for p in net.projections}
    net.run(60 * ms)
    for projection in net.projections:
        present = projection.mask
        assert (projection.W[~present] == 0).all() and np.isfinite(projection.W).all()
        if projection.learning:
            moved = abs(projection.W - before[projection.name]) > 0
            assert moved[present].mean() > 0.5


@pytest.mark.parametrize("streams", [1, 2, 5])
def test_dense_and_sparse_storage_agree(model, digits, streams):
    results = []
    for storage in STORAGE:
        net, masks = masked(model, digits, storage, streams=streams, dtype="float64", momentum=0.5, gamma=1e-3)
        net.run(50 * ms)
        results.append((net, masks))
    for first, second, mask_1, mask_2 in zip(
        results[0][0].projections, results[1][0].projections, results[0][1], results[1][1], strict=True
    ):
        assert np.array_equal(mask_1, mask_2) and not first.weights.sparse and second.weights.sparse
        np.testing.assert_allclose(first.W, second.W, rtol=0, atol=1e-11)


@pytest.mark.parametrize("changes", [{}, {"momentum": 0.7, "gamma": 1e-3, "eta": 1e-2}])
def test_stock_brian2_agrees(storage, model, digits, changes):
    net, _ = masked(model, digits, storage, dtype="float64", seed=4, **changes)
    compare(net, digits)


@pytest.mark.parametrize("rule", ["dW = -eta * delta_post * psi_post * s_pre * (1 - W**2) - gamma * W"])
def test_stock_brian2_agrees_where_the_rule_is_no_product(storage, model, digits, rule):
    net, _ = masked(model, digits, storage, dtype="float64", rule=rule, momentum=0.5, eta=1e-2)
    compare(net, digits)


@pytest.mark.parametrize("streams", [1, 4])
def test_store_and_restore(storage, streams):
    net, projection = network(
        random_connectivity(0.5), streams, RULES["three factors"][0], momentum=0.5, storage=storage
    )
    net.store()
    before = projection.W.copy()
    net.run(3 * ms)
    assert not np.array_equal(projection.W, before)
    net.restore()
    assert np.array_equal(projection.W, before)


@pytest.mark.parametrize("streams", [1, 4])
def test_W_is_read_only_and_set_as_a_whole(storage, streams):
    _, projection = network(random_connectivity(0.5), streams, storage=storage)
    mask = projection.mask
    assert projection.W.shape == (6, 5)
    with pytest.raises(ValueError, match="read-only"):
        projection.W[0, 0] = 1
    projection.W = 3.0 * mask
    assert np.array_equal(projection.W, 3.0 * mask)
    with pytest.raises(ArgumentError, match=r"Projection 'a->b': weights must be 0 where the mask is False, got 2.0"):
        projection.W = np.full((6, 5), 2.0)
    assert np.array_equal(projection.W, 3.0 * mask)


def test_a_view_of_the_weights_can_be_set():
    _, projection = network(None, 4)
    flipped = projection.W[::-1].copy()
    projection.W = projection.W[::-1]
    assert np.array_equal(projection.W, flipped)


@pytest.mark.parametrize("mask", [np.zeros((6, 5), bool), np.ones((6, 5), bool), np.eye(6, 5, dtype=bool)])
@pytest.mark.parametrize("streams", [1, 4])
def test_empty_rows_and_full_masks(storage, mask, streams):
    net, projection = network(mask, streams, RULES["three factors"][0], storage=storage)
    net.run(3 * ms)
    assert np.array_equal(projection.W != 0, mask)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((5, 6), bool), r"Projection 'a->b': mask must be \(6, 5\), got \(5, 6\)"),
        (np.ones((6, 5)), r"Projection 'a->b': mask must be bool, got float64"),
        (lambda rng, shape: rng.random(shape), r"Projection 'a->b': mask must be bool, got float64"),
        (local_receptive_fields(2, 3, 1, 1, 1), r"Projection 'a->b': mask must be \(6, 5\), got \(6, 6\)"),
    ],
)
def test_bad_masks_are_refused(mask, message):
    with pytest.raises(ArgumentError, match=message):
        network(mask, 1)


def test_weights_given_must_fit_the_mask():
    with pytest.raises(ArgumentError, match=r"weights must be 0 where the mask is False, got 1.0 \(and 24 more\)"):
        network(np.eye(6, 5, dtype=bool), 1, W=np.ones((6, 5)))


def test_storage_follows_the_density():
    for streams, below in ((1, fa.WeightPolicy().sparse_below_events), (3, fa.WeightPolicy().sparse_below_batched)):
        for fraction, sparse in ((below / 2, True), (min(2 * below, 1), False)):
            net = fa.Network(streams=streams)
            fa.Layer(net, "a", 100, SIDE, emit="s = s")
            fa.Layer(net, "b", 100, SIDE, emit="s = s")
            assert (
                fa.Projection(net, "a", "b", fa.uniform(1), mask=random_connectivity(fraction)).weights.sparse == sparse
            )
