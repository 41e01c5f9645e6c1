"""Every registered optimizer through the same checks: plain loops, storage, resuming, no error, stock Brian2.

The plain loops are `naive.OPTIMIZERS`. One from elsewhere may be without; it is not compared with any then.
"""

import naive
import numpy as np
import pytest
from brian2 import ms
from test_brian2_reference import compare

import spikefa as fa
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint
from spikefa.plasticity.optimizers import Optimizer, optimizers

UNITS = """dv/dt = (I - v) / (2*ms) : 1
I : 1
d : 1
s : 1
"""
THREE_FACTORS = ("dW = eta * d_post * s_pre - gamma * W", lambda s, d, W: 0.1 * d * s, lambda W: -0.01 * W)
SOFT_BOUNDS = ("dW = eta * s_pre * d_post * (1 - W)", lambda s, d, W: 0.1 * s * d * (1 - W), lambda W: 0.0)
CONSTANTS = {"eta": 0.1, "gamma": 0.01}
PRE, POST = 6, 5


def network(name, streams=4, rule=THREE_FACTORS[0], dtype="float64", mask=None, policy=None, lr=0.5):
    """Two layers whose states stay as they are set, and a projection that learns."""
    net = fa.Network(streams=streams, dtype=dtype, weight_policy=policy)
    for layer, units in (("a", PRE), ("b", POST)):
        fa.Layer(net, layer, units, "I : 1\nd : 1\ns : 1", emit="s = s")
    rng = np.random.default_rng(3)
    rule = fa.Plasticity(rule, {k: v for k, v in CONSTANTS.items() if k in rule}, optimizers[name](), lr=lr)
    W = rng.uniform(0.1, 0.9, (PRE, POST)) * (1 if mask is None else mask)
    projection = fa.Projection(net, "a", "b", W, bias=np.full(POST, 0.2), mask=mask, plasticity=rule)
    net["a"].view("s")[...] = rng.random((PRE, streams)) < 0.5
    net["b"].view("d")[...] = rng.normal(size=(POST, streams))
    return net, projection


def naive_steps(name, net, projection, rule, steps, lr, memories=None):
    """The same by plain loops; `memories` goes on from step to step."""
    _, summed, local = rule
    if name not in naive.OPTIMIZERS:
        pytest.skip("it has no plain loops to be compared with")
    move, memories = naive.OPTIMIZERS[name], {} if memories is None else memories
    s, d = net["a"].view("s").tolist(), net["b"].view("d").tolist()
    W, b = projection.W.tolist(), projection.b.tolist()
    exists = np.ones((PRE, POST), bool) if projection.mask is None else projection.mask
    for _ in range(steps):
        for j in range(POST):
            for i in range(PRE):
                if exists[i, j]:
                    change = sum(summed(s[i][k], d[j][k], W[i][j]) for k in range(net.streams))
                    W[i][j] += move(memories.setdefault((i, j), {}), change, local(W[i][j]), lr)
            change = sum(summed(1.0, d[j][k], b[j]) for k in range(net.streams))
            b[j] += move(memories.setdefault(j, {}), change, local(b[j]), lr)
    return np.array(W), np.array(b)


def assert_close(projection, W, b, tolerance=1e-11):
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=tolerance)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", optimizers)
@pytest.mark.parametrize("streams", [1, 4, 40])
@pytest.mark.parametrize("rule", [THREE_FACTORS, SOFT_BOUNDS], ids=["product", "no product"])
def test_equals_plain_loops(name, streams, rule):
    net, projection = network(name, streams, rule[0])
    before = projection.W.copy()
    W, b = naive_steps(name, net, projection, rule, 6, 0.5)
    net.run_steps(6)
    assert_close(projection, W, b)
    assert abs(projection.W - before).max() > 1e-3


@pytest.mark.parametrize("name", optimizers)
@pytest.mark.parametrize("below", [0.0, 1.1], ids=["dense", "sparse"])
@pytest.mark.parametrize("streams", [1, 4])
def test_only_synapses_that_exist_move(name, below, streams):
    mask = np.random.default_rng(5).random((PRE, POST)) < 0.6
    policy = fa.WeightPolicy(sparse_below_batched=below, sparse_below_events=below)
    net, projection = network(name, streams, mask=mask, policy=policy)
    assert projection.weights.sparse == (below > 1)
    W, b = naive_steps(name, net, projection, THREE_FACTORS, 6, 0.5)
    net.run_steps(6)
    assert_close(projection, W, b)
    assert (projection.W[~mask] == 0).all()


@pytest.mark.parametrize("name", optimizers)
def test_float32_is_near(name):
    nets = [network(name, 4, dtype=dtype) for dtype in ("float32", "float64")]
    for net, _ in nets:
        net.run_steps(6)
    np.testing.assert_allclose(nets[0][1].W, nets[1][1].W, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", optimizers)
@pytest.mark.parametrize("streams", [1, 4])
def test_goes_on_bit_for_bit_from_a_checkpoint(name, streams, tmp_path):
    def built():
        net, projection = network(name, streams, dtype="float32")
        fa.Input(net, "image", 2)
        fa.classification_task(net, 1, 5)
        return net, projection

    whole, projection = built()
    whole.run_steps(8)
    half, _ = built()
    half.run_steps(3)
    checkpoint.save(tmp_path / "c.h5", half, {}, "model")
    again, resumed = built()
    checkpoint.load(tmp_path / "c.h5", again, "model")
    again.run_steps(5)
    assert np.array_equal(projection.W, resumed.W) and np.array_equal(projection.b, resumed.b)
    for name_, array in whole.parameters().items():
        assert np.array_equal(array, again.parameters()[name_]), name_


@pytest.mark.parametrize("name", optimizers)
def test_store_and_restore(name):
    net, projection = network(name)
    net.run_steps(2)
    net.store()
    net.run_steps(3)
    W = projection.W.copy()
    net.restore()
    net.run_steps(3)
    assert np.array_equal(projection.W, W)


@pytest.mark.parametrize("name", optimizers)
def test_without_an_error_nothing_moves(name):
    net, projection = network(name, rule="dW = eta * d_post * s_pre")
    net["b"].view("d")[...] = 0
    before = projection.W.copy(), projection.b.copy()
    net.run_steps(4)
    assert np.array_equal(projection.W, before[0]) and np.array_equal(projection.b, before[1])


@pytest.mark.parametrize("name", optimizers)
def test_with_an_lr_factor_of_0_it_rests_and_begins_anew(name):
    net, projection = network(name)
    net.run_steps(3)
    before = projection.W.copy()
    projection.learning.lr_factor = 0.0
    net.run_steps(3)
    assert np.array_equal(projection.W, before)
    projection.learning.lr_factor = 0.5
    if name != "rmsprop":  # which remembers mean squares: they say nothing of a direction
        W, b = naive_steps(name, net, projection, THREE_FACTORS, 3, 0.25)
        net.run_steps(3)
        assert_close(projection, W, b)


@pytest.mark.parametrize("name", optimizers)
def test_stock_brian2_agrees(name, digits):
    net = fa.Network(streams=1, seed=2, dtype="float64")
    fa.Input(net, "image", 64)
    for layer, units in (("h1", 20), ("output", 10)):
        equations = "dv/dt = (I - v) / (1.1*ms) : 1\nI : 1\np = 1 / (1 + exp(-v)) : 1\npsi = p * (1 - p) : 1\ns : 1"
        fa.Layer(net, layer, units, equations, emit="s = int(rand() < p)")
    fa.feedback_alignment(
        net,
        B=fa.uniform(0.5),
        error="du/dt = (layer_s - target - u) / (1.1*ms) : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / (1.1*ms) : 1\nJ : 1\ndelta : 1",
    )
    rule = fa.Plasticity(
        "dW = -eta * delta_post * psi_post * s_pre - gamma * W",
        {"eta": 0.05, "gamma": 1e-3},
        optimizers[name](),
        lr=0.1,
    )
    fa.Projection(net, "image", "h1", fa.uniform(0.3), plasticity=rule)
    fa.Projection(net, "h1", "output", fa.uniform(0.3), plasticity=rule)
    fa.classification_task(net, 5, 10)
    compare(net, digits)


def test_published_defaults():
    assert fa.Adam() == fa.Adam(beta1=0.9, beta2=0.999, epsilon=1e-8)
    assert fa.Momentum() == fa.Momentum(0.9) and fa.RMSprop() == fa.RMSprop(0.99)
    assert fa.Plasticity("dW = -W * 0.1").optimizer == fa.SGD()


def test_adam_moves_by_the_learning_rate_in_its_first_step():
    """Whatever the size of the update, since each mean is divided by its correction (Kingma & Ba 2015, section 2.1)."""
    for eta in (1.0, 1e4):
        net, projection = network("adam", rule="dW = eta * d_post * s_pre")
        projection.learning.plasticity.constants["eta"] = eta
        before = projection.W.copy()
        net.run_steps(1)
        moved = abs(projection.W - before)
        np.testing.assert_allclose(moved[moved > 1e-6], 0.5, rtol=1e-6)


BAD = [
    (lambda: fa.Momentum(1.0), r"Momentum: momentum must be a finite number, at least 0 and below 1, got 1.0"),
    (lambda: fa.Momentum("a little"), r"Momentum: momentum must be .*, got 'a little'"),
    (lambda: fa.RMSprop(-0.1), r"RMSprop: decay must be a finite number, at least 0 and below 1, got -0.1"),
    (lambda: fa.Adam(beta2=float("nan")), r"Adam: beta2 must be .*, got nan"),
    (lambda: fa.Adam(epsilon=0), r"Adam: epsilon must be a finite number, above 0, got 0"),
    (lambda: fa.Plasticity("dW = W", optimizer=0.9), r"Rule 'dW = W': optimizer must be one such as .*, got 0.9"),
    (lambda: fa.Plasticity("dW = W", lr=float("inf")), r"Rule 'dW = W': lr must be a finite number, got inf"),
    (lambda: optimizers["adm"], r"no optimizer 'adm'; there are .*; did you mean 'adam'\?"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_optimizers_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_every_kind_is_an_optimizer_and_those_of_the_package_have_an_oracle():
    assert len(naive.OPTIMIZERS) >= 4
    for name, kind in optimizers.items():
        assert issubclass(kind, Optimizer)
        assert name in naive.OPTIMIZERS or not kind.__module__.startswith("spikefa.")


def test_one_rule_serves_several_projections_each_with_a_memory_of_its_own():
    net = fa.Network(streams=4, dtype="float64")
    for layer, units in (("a", PRE), ("b", POST), ("c", 3)):
        fa.Layer(net, layer, units, "I : 1\nd : 1\ns : 1", emit="s = 1")
        net[layer].view("d")[...] = 0.3
    rule = fa.Plasticity("dW = eta * d_post * s_pre", {"eta": 0.1}, fa.Adam())
    one, other = (fa.Projection(net, *pair, fa.uniform(0.1), plasticity=rule) for pair in (("a", "b"), ("b", "c")))
    net.run(3 * ms)
    assert one.learning.memories[0].shape != other.learning.memories[0].shape
    assert np.array_equal(one.learning.counters, other.learning.counters)
