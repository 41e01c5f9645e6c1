"""Bounds of weights and Dale's law: kept after the summed update, in every storage and by every optimizer."""

import numpy as np
import pytest
from brian2 import ms
from masked_networks import STORAGE
from test_brian2_reference import compare

import spikefa as fa
from spikefa.errors import ArgumentError
from spikefa.plasticity.optimizers import optimizers

UNITS = "I : 1\ns : 1\nd : 1"
PRE, POST = 6, 5
BOUNDS = {"below": (0, None), "both": (0.1, 0.6), "negative": (-0.7, -0.1)}


def network(streams, bounds, rule="dW = 0.5 * s_pre * d_post", mask=None, storage=None, optimizer=None, **options):
    net = fa.Network(streams=streams, dtype="float64", target="numpy", seed=2, weight_policy=STORAGE.get(storage))
    fa.Population(net, "a", PRE, UNITS, emit="s = int(rand() < 0.5)")
    fa.Population(net, "b", POST, UNITS, emit="s = 1; d = randn()")
    low, high = (-1 if bounds[0] is None else bounds[0]), (1 if bounds[1] is None else bounds[1])
    learns = fa.Plasticity(rule, optimizer=optimizer or fa.SGD())
    given = {"bounds": bounds} | options
    return net, fa.Projection(net, "a", "b", fa.uniform(low, high), mask=mask, plasticity=learns, **given)


def within(projection, bounds):
    W = projection.W[projection.synapses()]
    return (bounds[0] is None or W.min() >= bounds[0]) and (bounds[1] is None or W.max() <= bounds[1])


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("mask", [None, fa.random_connectivity(0.6)], ids=["whole", "masked"])
@pytest.mark.parametrize("storage", ["dense", "sparse"])
@pytest.mark.parametrize("streams", [1, 3, 40])
def test_weights_are_clipped_after_the_summed_update(streams, storage, mask, bounds):
    """By plain arrays: event-driven, by BLAS, by tables and sparse; the bias is not."""
    bounds = BOUNDS[bounds]
    net, projection = network(streams, bounds, mask=mask, storage=storage)
    W, b = projection.W.copy(), projection.b.copy()
    exists = np.ones(W.shape, bool) if projection.mask is None else projection.mask
    low, high = (none if limit is None else limit for limit, none in zip(bounds, (-np.inf, np.inf), strict=True))
    reached = False
    for _ in range(5):
        net.run_steps(1)
        s, d = net["a"].view("s"), net["b"].view("d")
        whole = W + 0.5 * s @ d.T
        W = np.where(exists, whole.clip(low, high), 0)
        b += 0.5 * d.sum(1)
        reached |= bool((whole != W)[exists].any())
        np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
        np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)
    assert reached and within(projection, bounds) and not within_all(b, bounds)


def within_all(values, bounds):
    return (bounds[0] is None or values.min() >= bounds[0]) and (bounds[1] is None or values.max() <= bounds[1])


@pytest.mark.parametrize("rule", ["0.5 * s_pre * d_post - 0.01 * W", "0.5 * tanh(s_pre - d_post)", "-0.2 * W - 0.3"])
@pytest.mark.parametrize("name", optimizers)
@pytest.mark.parametrize("streams", [1, 3])
def test_every_rule_and_optimizer_keeps_them(streams, name, rule):
    net = fa.Network(streams=streams, target="numpy")
    for population, units in (("a", PRE), ("b", POST)):
        fa.Population(net, population, units, UNITS, emit="s = int(rand() < 0.5); d = randn()")
    learns = fa.Plasticity(f"dW = {rule}", optimizer=optimizers[name]())
    projection = fa.Projection(net, "a", "b", fa.uniform(0.1, 0.3), bounds=(0.1, 0.3), plasticity=learns)
    low, high = np.float32([0.1, 0.3])
    for _ in range(8):
        net.run_steps(1)
        assert projection.W.min() >= low and projection.W.max() <= high
    assert ((low == projection.W) | (high == projection.W)).any()


@pytest.mark.parametrize(("sign", "W"), [("excitatory", fa.uniform(0, 0.5)), ("inhibitory", fa.uniform(-0.5, 0))])
def test_dales_law_is_kept(sign, W):
    net, projection = dale(sign, W)
    least = []
    for _ in range(20):
        net.run_steps(1)
        sides = projection.W * {"excitatory": 1, "inhibitory": -1}[sign]
        least.append(sides.min())
    assert min(least) == 0 < sides.max() and projection.sign == sign


def dale(sign, W, **options):
    net = fa.Network(streams=3, dtype="float64", target="numpy", seed=2)
    fa.Population(net, "a", PRE, UNITS, emit="s = int(rand() < 0.5)")
    fa.Population(net, "b", POST, UNITS, emit="s = 1; d = randn()")
    rule = fa.Plasticity("dW = 0.5 * s_pre * d_post")
    return net, fa.Projection(net, "a", "b", W, plasticity=rule, sign=sign, **options)


def test_sign_and_bounds_are_both_kept():
    assert dale("excitatory", fa.uniform(0, 0.2), bounds=(-1, 0.2))[1].bounds == (0, 0.2)
    assert dale("inhibitory", fa.uniform(-0.2, 0), bounds=(-0.2, None))[1].bounds == (-0.2, 0)


def test_averages_are_within_bounds_too():
    net = fa.Network(streams=2, dtype="float64", target="numpy")
    fa.Input(net, "a", PRE)
    fa.Layer(net, "b", POST, UNITS, emit="s = 1; d = randn()")
    rule = fa.Plasticity("dW = 0.5 * s_pre * d_post")
    projection = fa.Projection(net, "a", "b", fa.uniform(0, 0.3), bounds=(0, 0.3), plasticity=rule)
    fa.WeightAverage(net, 10, every=1)
    fa.regression_task(net, 2)
    net.stimulus.show_images(np.ones((20, PRE)))
    net.run_steps(20)
    with net.averaged():
        assert within(projection, (0, 0.3)) and projection.W.std() > 0


def test_weights_that_are_set_must_be_within_bounds():
    _, projection = network(1, (0, 1))
    before = projection.W.copy()
    with pytest.raises(ArgumentError, match=r"weights must be at least 0 and at most 1, got -1 \(and 0 more\)"):
        projection.W = np.where(np.arange(30).reshape(6, 5) == 7, -1, 0.5)
    assert np.array_equal(projection.W, before)
    projection.W = np.ones((PRE, POST))


def test_weights_that_are_written_one_by_one_are_looked_at_when_a_run_begins():
    net, projection = dale("excitatory", fa.uniform(0, 0.2))
    projection.W[1, 2] = -1
    with pytest.raises(ArgumentError, match=r"weights must be at least 0 \(sign='excitatory'\), got -1"):
        net.run_steps(1)
    projection.W[1, 2] = 0
    net.run_steps(1)


BAD = [
    ({"sign": "excitatory"}, fa.uniform(0.5), r"weights must be at least 0 \(sign='excitatory'\), got -0"),
    ({"sign": "inhibitory"}, fa.uniform(0.5), r"weights must be at most 0 \(sign='inhibitory'\), got 0"),
    ({"bounds": (0, 1)}, np.full((6, 5), 2.0), r"weights must be at least 0 and at most 1, got 2 \(and 29 more\)"),
    ({"sign": "positive"}, 0, "sign must be one of 'excitatory', 'inhibitory', got 'positive'"),
    ({"bounds": (1, 0)}, 0, r"bounds must be in order, the least below the largest, got \(1, 0\)"),
    ({"bounds": (1, 1)}, 0, "bounds must be in order"),
    ({"bounds": (0, np.nan)}, 0, r"bounds must be \(least, largest\), numbers of which one may be None, got nan"),
    ({"bounds": (0, 1e300)}, 0, r"bounds must be within float32's range, got 1e\+300"),
    ({"bounds": (0, np.inf)}, 0, r"bounds must be \(least, largest\)"),
    ({"bounds": (None, None)}, 0, r"bounds must be \(least, largest\), .* got \(None, None\)"),
    ({"bounds": 1.0}, 0, r"bounds must be \(least, largest\), .* got 1.0"),
    ({"bounds": ("0", "1")}, 0, r"bounds must be \(least, largest\), .* got '0'"),
    ({"bounds": (0, 1, 2)}, 0, r"bounds must be \(least, largest\)"),
    ({"bounds": (-2, -1), "sign": "excitatory"}, 0, r"bounds must leave room for sign='excitatory', got \(-2, -1\)"),
]


@pytest.mark.parametrize(("options", "W", "message"), BAD)
def test_bad_bounds_and_weights_are_refused(options, W, message):
    net = fa.Network(target="numpy")
    for population, units in (("a", PRE), ("b", POST)):
        fa.Population(net, population, units, UNITS, emit="s = 1")
    W = np.full((PRE, POST), W) if np.isscalar(W) else W
    with pytest.raises(ArgumentError, match=f"^Projection 'a->b': {message}"):
        fa.Projection(net, "a", "b", W, **options)
    assert not net.projections


def test_absent_synapses_need_not_be_within_bounds():
    mask = np.eye(PRE, POST, dtype=bool)
    _, projection = network(1, (0.1, 1), mask=mask, storage="dense")
    projection.W = 0.5 * mask


LAYER = "dv/dt = (I - v) / (5*ms) : 1\nI : 1\np = 1 / (1 + exp(-v)) : 1\npsi = p * (1 - p) : 1\ns : 1"


@pytest.mark.parametrize("optimizer", [fa.SGD(), fa.Momentum(0.5), fa.RMSprop(0.9)])
def test_the_reference_keeps_them_too(digits, optimizer):
    net = fa.Network(dtype="float64", seed=1)
    fa.Input(net, "image", 64)
    for name, units in (("h1", 12), ("output", 10)):
        fa.Layer(net, name, units, LAYER, emit="s = int(rand() < p)")
    fa.feedback_alignment(
        net,
        error="du/dt = (layer_s - target - u) / (2*ms) : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / (2*ms) : 1\nJ : 1\ndelta : 1",
        B=fa.uniform(0.5),
    )
    rule = fa.Plasticity("dW = -0.05 * delta_post * psi_post * s_pre", optimizer=optimizer)
    W = fa.uniform(0, 0.2)
    first = fa.Projection(net, "image", "h1", W, plasticity=rule, sign="excitatory", bounds=(None, 0.25))
    fa.Projection(net, "h1", "output", W, plasticity=rule, bounds=(0, None), delay=1 * ms)
    fa.classification_task(net, 7, 10)
    compare(net, digits)
    assert (first.W == 0).any() and (first.W == 0.25).any()
