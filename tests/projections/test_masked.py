"""Masked projections: dense or sparse in memory, they are plain loops over the synapses that exist."""

import naive
import numba
import numpy as np
import pytest
from brian2 import ms
from plasticity.test_rule import BASE, CONSTANTS, RULES, SIDE
from test_brian2_reference import compare

import spikefa as fa
from spikefa.engine.kernels.sparse import COLUMNS, SparseMatrix, clear_absent
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint
from spikefa.projections.connectivity import local_receptive_fields, random_connectivity

SHAPES = [(1, 1, 1), (7, 5, 3), (40, 2 * COLUMNS + 3, 2), (64, 10, 100), (20, 401, 17)]
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


#: Both ways of storing, whatever the fraction.
STORAGE = {
    name: fa.WeightPolicy(sparse_below_batched=below, sparse_below_events=below)
    for name, below in (("dense", 0.0), ("sparse", 1.1))
}


@pytest.fixture(params=STORAGE)
def storage(request):
    return request.param


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


# Projections.


def network(mask, streams, rule=None, momentum=0.0, dtype="float64", seed=0, W=None, storage=None):
    net = fa.Network(streams=streams, dtype=dtype, target="numpy", seed=seed, weight_policy=STORAGE.get(storage))
    fa.Layer(net, "a", 6, SIDE, emit="s = s", current="v")
    fa.Layer(net, "b", 5, SIDE, emit="s = s", current="v")
    plasticity = (
        None if rule is None else fa.Plasticity(rule, CONSTANTS, fa.Momentum(momentum) if momentum else fa.SGD())
    )
    W = fa.uniform(0.9) if W is None else W
    projection = fa.Projection(net, "a", "b", W, bias=np.full(5, 0.2), mask=mask, plasticity=plasticity)
    projection.active = False  # the states below stay as they are set
    rng = np.random.default_rng(2)
    for layer in net.layers:
        layer.view("v")[...] = rng.random((layer.units, streams))
        layer.view("d")[...] = rng.normal(size=(layer.units, streams))
        layer.view("s")[...] = rng.random((layer.units, streams)) < 0.5
    return net, projection


def naive_steps(net, projection, summed, local, steps, momentum):
    """Plain loops over the synapses that exist."""
    W, mask = projection.W.tolist(), projection.mask
    velocity = np.zeros(projection.shape).tolist()
    values = {layer.name: {n: layer.view(n) for n in ("v", "s", "d")} for layer in net.layers}

    def at(layer, unit, k):
        x = {n: float(values[layer][n][unit, k]) for n in ("v", "s", "d")}
        return x | {"psi": x["v"] * (1 - x["v"])}

    for _ in range(steps):
        for i, j in zip(*np.nonzero(mask), strict=True):
            change = sum(summed(at("a", i, k), at("b", j, k), W[i][j]) for k in range(net.streams))
            velocity[i][j] = momentum * velocity[i][j] + change + local(W[i][j])
            W[i][j] += velocity[i][j]
    return np.array(W)


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


def masked(
    model,
    digits,
    storage=None,
    streams=1,
    fraction=0.3,
    seed=0,
    dtype="float32",
    eta=4e-2,
    gamma=1e-6,
    momentum=0.0,
    rule=BASE,
):
    """The published model on digits, every projection with a mask, stored in one of the ways or as the policy says."""
    module, options = model.module, {"mask": random_connectivity(fraction)}
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, weight_policy=STORAGE.get(storage))
    tau, probability = {"tau": net.clock.dt / 0.9}, {"max_spike_probability": 0.95}
    fa.Input(net, "image", 64, module.INPUT, emit=module.INPUT_SPIKES, namespace=probability)
    for name, units in (("h1", 30), ("h2", 20), ("output", 20)):
        fa.Layer(net, name, units, module.LAYER, emit=module.SPIKES, namespace=tau)
    above = fa.ErrorPopulation(net, "error_output", "output", module.ERROR, emit=module.MODULATION, namespace=tau)
    for name in ("h2", "h1"):
        feedback = fa.FeedbackPopulation(
            net, f"feedback_{name}", name, module.FEEDBACK, emit=module.MODULATION, namespace=tau
        )
        fa.Projection(net, above, feedback, fa.uniform(1.0), **options)
        above = feedback
    optimizer = fa.Momentum(momentum) if momentum else fa.SGD()
    plasticity = fa.Plasticity(rule, {"eta": eta, "gamma": gamma}, optimizer)
    for below, name in (("image", "h1"), ("h1", "h2"), ("h2", "output")):
        fa.Projection(net, below, name, fa.uniform(0.3), plasticity=plasticity, **options)
    fa.classification_task(net, 5, 10)
    net.stimulus.show_images(digits.train_images[: 40 * streams], digits.train_labels[: 40 * streams])
    return net, [p.mask for p in net.projections]


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


@pytest.mark.parametrize("streams", [1, 6])
def test_resuming_is_bit_identical(storage, model, digits, tmp_path, streams):
    options = {"storage": storage, "streams": streams, "momentum": 0.5, "gamma": 1e-3}
    whole, _ = masked(model, digits, **options)
    whole.run(40 * ms)
    half, _ = masked(model, digits, **options)
    half.run(20 * ms)
    checkpoint.save(tmp_path / "c.h5", half, {"epoch": 0}, "model")
    again, _ = masked(model, digits, **options)
    checkpoint.load(tmp_path / "c.h5", again, "model")
    rest = slice(20 // again.stimulus.steps_per_image * streams, 40 * streams)
    again.stimulus.show_images(digits.train_images[rest], digits.train_labels[rest])
    again.run(20 * ms)
    for name, array in whole.parameters().items():
        assert np.array_equal(array, again.parameters()[name]), name
    assert not np.array_equal(whole.parameters()["h1_to_h2.W"], half.parameters()["h1_to_h2.W"])


@pytest.mark.parametrize("streams", [1, 6])
def test_weights_are_read_whatever_the_storage(storage, model, digits, tmp_path, streams):
    saved, _ = masked(model, digits, storage, streams=streams)
    saved.run(10 * ms)
    checkpoint.save(tmp_path / "c.h5", saved, {"epoch": 0}, "model")
    for read_by in STORAGE:
        for others in (1, 3):
            net, _ = masked(model, digits, read_by, streams=others)
            checkpoint.load_weights(tmp_path / "c.h5", net)
            for a, b in zip(saved.projections, net.projections, strict=True):
                assert np.array_equal(a.W, b.W) and np.array_equal(a.b, b.b)


@pytest.mark.parametrize("streams", [1, 4])
def test_checkpoint_with_other_synapses_is_refused(model, digits, tmp_path, streams):
    nets = [masked(model, digits, streams=streams, fraction=0.05)[0] for _ in range(2)]
    index = nets[1]["image_to_h1"].weights.matrix.index
    checkpoint.save(tmp_path / "c.h5", nets[0], {"epoch": 0}, "model")
    index[np.flatnonzero(np.diff(index) > 0)[0] + 1] -= 1  # another presynaptic unit
    with pytest.raises(checkpoint.CheckpointError, match="image_to_h1 has other synapses"):
        checkpoint.load(tmp_path / "c.h5", nets[1], "model")


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
    projection.active = True
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


def test_random_masks_follow_the_seed_and_not_the_weights():
    nets = [network(random_connectivity(0.5), 1, seed=seed)[1] for seed in (1, 1, 2)]
    assert np.array_equal(nets[0].mask, nets[1].mask) and not np.array_equal(nets[0].mask, nets[2].mask)
    net = fa.Network(streams=1)
    fa.Layer(net, "a", 300, SIDE, emit="s = s", current="v")
    fa.Layer(net, "b", 300, SIDE, emit="s = s", current="v")
    projection = fa.Projection(net, "a", "b", fa.uniform(1.0), mask=random_connectivity(0.5))
    n = projection.mask.sum()
    assert abs(n / 90000 - 0.5) < 5 * 0.5 / 300  # 5 standard deviations
    assert abs(projection.weights.values[projection.weights.values != 0].mean()) < 5 / (3 * n) ** 0.5


def test_storage_follows_the_density():
    for streams, below in ((1, fa.WeightPolicy().sparse_below_events), (3, fa.WeightPolicy().sparse_below_batched)):
        for fraction, sparse in ((below / 2, True), (min(2 * below, 1), False)):
            net = fa.Network(streams=streams)
            fa.Layer(net, "a", 100, SIDE, emit="s = s", current="v")
            fa.Layer(net, "b", 100, SIDE, emit="s = s", current="v")
            assert (
                fa.Projection(net, "a", "b", fa.uniform(1), mask=random_connectivity(fraction)).weights.sparse == sparse
            )


# Masks.


@pytest.mark.parametrize(
    ("height", "width", "side", "stride", "maps"), [(8, 8, 6, 1, 6), (5, 7, 3, 2, 2), (4, 4, 4, 3, 1)]
)
def test_local_patches_are_squares(height, width, side, stride, maps):
    mask = local_receptive_fields(height, width, side, stride, maps)
    rows, columns = (height - side) // stride + 1, (width - side) // stride + 1
    assert mask.shape == (height * width, maps * rows * columns) and mask.dtype == bool
    for m in range(maps):
        for r in range(rows):
            for c in range(columns):
                received = {(r * stride + y) * width + c * stride + x for y in range(side) for x in range(side)}
                assert set(np.flatnonzero(mask[:, (m * rows + r) * columns + c])) == received


@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
@pytest.mark.parametrize("name", ["height", "width", "side", "stride", "maps"])
def test_bad_patches_are_refused(name, bad):
    good = {"height": 8, "width": 8, "side": 3, "stride": 1, "maps": 2}
    with pytest.raises(
        ArgumentError, match=f"local_receptive_fields: {name} must be a positive whole number, got {bad}"
    ):
        local_receptive_fields(**good | {name: bad})


def test_fields_larger_than_the_image_are_refused():
    with pytest.raises(ArgumentError, match="local_receptive_fields: side must fit the 8 x 5 image, got 6"):
        local_receptive_fields(8, 5, 6, 1, 1)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_bad_fractions_are_refused(fraction):
    with pytest.raises(ArgumentError, match=f"random_connectivity: fraction must be from 0 to 1, got {fraction}"):
        random_connectivity(fraction)
