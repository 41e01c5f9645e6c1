"""Rules: parsed, factored, and applied as plain loops apply them."""

import math

import numpy as np
import pytest
from brian2 import ms

import spikefa as fa
from spikefa.errors import ArgumentError

BASE = "dW = -eta * delta_post * psi_post * s_pre - gamma * W"
CONSTANTS = {"eta": 0.1, "gamma": 0.01, "theta": 0.3}
SIDE = "v : 1\ns : 1\nd : 1\npsi = v * (1 - v) : 1"

#: rule, and the change of one synapse in one stream from its variables as plain Python
RULES = {
    "three factors": (BASE, lambda x, y, W: -0.1 * y["d"] * y["psi"] * x["s"], lambda W: -0.01 * W),
    "centred": (
        "dW = -eta * d_post * psi_post * (s_pre - 0.5)",
        lambda x, y, W: -0.1 * y["d"] * y["psi"] * (x["s"] - 0.5),
        lambda W: 0,
    ),
    "derivative spelt out": (
        "dW = eta * d_post * v_post * (1 - v_post) * s_pre",
        lambda x, y, W: 0.1 * y["d"] * y["v"] * (1 - y["v"]) * x["s"],
        lambda W: 0,
    ),
    "two products": (
        "dW = eta * (s_pre * v_post - v_pre * s_post)",
        lambda x, y, W: 0.1 * (x["s"] * y["v"] - x["v"] * y["s"]),
        lambda W: 0,
    ),
    "a constant inside": (
        "dW = eta * exp(-theta * v_pre) * d_post",
        lambda x, y, W: 0.1 * math.exp(-0.3 * x["v"]) * y["d"],
        lambda W: 0,
    ),
    "presynaptic only": ("dW = eta * s_pre", lambda x, y, W: 0.1 * x["s"], lambda W: 0),
    "decay only": ("dW = -gamma * W", lambda x, y, W: 0, lambda W: -0.01 * W),
    "soft bounds": (
        "dW = eta * d_post * s_pre * (1 - W) - gamma * W",
        lambda x, y, W: 0.1 * y["d"] * x["s"] * (1 - W),
        lambda W: -0.01 * W,
    ),
    "functions of the presynaptic side": (
        "dW = eta * d_post * int(v_pre > 0.5) * sqrt(v_pre)",
        lambda x, y, W: 0.1 * y["d"] * (x["v"] > 0.5) * math.sqrt(x["v"]),
        lambda W: 0,
    ),
    "inverse functions": (
        "dW = eta * arctan(W) * s_pre * exprel(v_post)",
        lambda x, y, W: 0.1 * math.atan(W) * x["s"] * math.expm1(y["v"]) / y["v"],
        lambda W: 0,
    ),
    "Oja": (
        "dW = eta * (s_post * s_pre - s_post**2 * W)",
        lambda x, y, W: 0.1 * (y["s"] * x["s"] - y["s"] ** 2 * W),
        lambda W: 0,
    ),
    "not separable": (
        "dW = eta * tanh(v_pre - v_post)",
        lambda x, y, W: 0.1 * math.tanh(x["v"] - y["v"]),
        lambda W: 0,
    ),
    "constant drift": (
        "dW = eta * s_pre * s_post - theta",
        lambda x, y, W: 0.1 * x["s"] * y["s"],
        lambda W: -0.3,
    ),
}
RULES["three factors"] = (BASE.replace("delta", "d"), *RULES["three factors"][1:])


def optimizer(momentum=0.0, rmsprop=0.0):
    return fa.Momentum(momentum) if momentum else fa.RMSprop(rmsprop) if rmsprop else fa.SGD()


def network(rule, streams, momentum=0.0, dtype="float64", rmsprop=0.0, **constants):
    net = fa.Network(streams=streams, dtype=dtype, target="numpy")
    fa.Layer(net, "a", 6, SIDE, emit="s = s", current="v")
    fa.Layer(net, "b", 5, SIDE, emit="s = s", current="v")
    rule = fa.Plasticity(rule, CONSTANTS | constants, optimizer(momentum, rmsprop))
    W = np.random.default_rng(1).uniform(0.1, 0.9, (6, 5))
    projection = fa.Projection(net, "a", "b", W, bias=np.full(5, 0.2), plasticity=rule)
    projection.active = False  # the states below stay as they are set
    rng = np.random.default_rng(2)
    for layer in net.layers:
        layer.view("v")[...] = rng.random((layer.units, streams))
        layer.view("d")[...] = rng.normal(size=(layer.units, streams))
        layer.view("s")[...] = rng.random((layer.units, streams)) < 0.5
    return net, projection


def naive_steps(net, projection, summed, local, steps, momentum=0.0, rate=1.0, rmsprop=0.0):
    W, b = projection.W.tolist(), projection.b.tolist()
    vW, vb = np.zeros((6, 5)).tolist(), [0.0] * 5
    names = ("v", "s", "d")
    values = {layer.name: {n: layer.view(n) for n in names} for layer in net.layers}
    one = dict.fromkeys((*names, "psi"), 1.0)

    def at(layer, unit, k):
        x = {n: float(values[layer][n][unit, k]) for n in names}
        return x | {"psi": x["v"] * (1 - x["v"])}

    def moved(change, memory, local):
        if rmsprop:
            square = rmsprop * memory + (1 - rmsprop) * (change + local) ** 2
            return square, rate * (change + local) / (math.sqrt(square) + 1e-8)
        return (momentum * memory + rate * change + local,) * 2

    for _ in range(steps):
        for j in range(5):
            change = sum(summed(one, at("b", j, k), b[j]) for k in range(net.streams))
            vb[j], step = moved(change, vb[j], local(b[j]))
            b[j] += step
            for i in range(6):
                change = sum(summed(at("a", i, k), at("b", j, k), W[i][j]) for k in range(net.streams))
                vW[i][j], step = moved(change, vW[i][j], local(W[i][j]))
                W[i][j] += step
    return np.array(W), np.array(b)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("streams", [1, 4])
def test_rule_equals_plain_loops(name, streams):
    rule, summed, local = RULES[name]
    net, projection = network(rule, streams)
    W, b = naive_steps(net, projection, summed, local, 3)
    net.run(3 * ms)
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("streams", [1, 4])
def test_momentum_and_rate(streams):
    rule, summed, local = RULES["three factors"]
    net, projection = network(rule, streams, momentum=0.8)
    projection.learning.plasticity.lr = 0.25
    W, b = naive_steps(net, projection, summed, local, 5, momentum=0.8, rate=0.25)
    net.run(5 * ms)
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.8}, {"rmsprop": 0.8}])
@pytest.mark.parametrize("name", ["three factors", "soft bounds"])
def test_a_projection_has_a_factor_of_the_rate_and_does_not_learn_where_it_is_0(name, options):
    rule, summed, local = RULES[name]
    net, projection = network(rule, 4, **options)
    projection.learning.plasticity.lr, projection.learning.lr_factor = 0.5, 0.1
    W, b = naive_steps(net, projection, summed, local, 5, rate=0.05, **options)
    net.run(5 * ms)
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)
    W, b = projection.W.copy(), projection.b.copy()
    projection.learning.lr_factor = 0.0
    net.run(5 * ms)
    assert np.array_equal(projection.W, W) and np.array_equal(projection.b, b)
    if "rmsprop" not in options:  # which remembers mean squares
        projection.learning.lr_factor = 0.1
        W, b = naive_steps(net, projection, summed, local, 5, rate=0.05, **options)  # from a standstill
        net.run(5 * ms)
        np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["three factors", "soft bounds", "decay only"])
@pytest.mark.parametrize("streams", [1, 4])
def test_rmsprop_equals_plain_loops(name, streams):
    rule, summed, local = RULES[name]
    net, projection = network(rule, streams, rmsprop=0.8)
    projection.learning.plasticity.lr = 0.03
    start = projection.W.copy()
    W, b = naive_steps(net, projection, summed, local, 5, rate=0.03, rmsprop=0.8)
    net.run(5 * ms)
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)
    assert 0.03 < abs(projection.W - start).max() < 5 * 0.03 / np.sqrt(0.2)


def test_with_rmsprop_a_factor_of_the_rule_says_nothing():
    weights = []
    for eta in (1.0, 1000.0):
        net, projection = network("dW = -eta * d_post * psi_post * s_pre", 4, rmsprop=0.9, eta=eta)
        projection.learning.plasticity.lr = 1e-3
        net.run(5 * ms)
        weights.append(projection.W.copy())
    np.testing.assert_allclose(*weights, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("streams", [1, 4, 40])
def test_rule_variables_of_other_types(streams, dtype):
    """Whole numbers and truth values count as numbers."""
    net = fa.Network(streams=streams, dtype=dtype, target="numpy")
    for name, units in (("a", 6), ("b", 5)):
        fa.Layer(net, name, units, "s : 1\nI : 1\nk : integer\nq : boolean", emit="s = s")
    rule = fa.Plasticity("dW = eta * s_pre * (k_post + 2 * q_post) + eta * q_pre * k_post", {"eta": 0.5})
    projection = fa.Projection(net, "a", "b", np.zeros((6, 5)), plasticity=rule, learn_bias=False)
    rng = np.random.default_rng(0)
    for layer in net.layers:
        layer.view("s")[...] = rng.integers(0, 2, (layer.units, streams))
        layer.view("k")[...] = rng.integers(-3, 4, (layer.units, streams))
        layer.view("q")[...] = rng.integers(0, 2, (layer.units, streams))
    (s, _, p), (_, k, q) = ([layer.view(name).astype(float) for name in "skq"] for layer in net.layers)
    net.run_steps(2)
    np.testing.assert_allclose(projection.W, 2 * 0.5 * (s @ (k + 2 * q).T + p @ k.T), rtol=1e-6)


@pytest.mark.parametrize("name", ["three factors", "centred", "derivative spelt out", "two products"])
def test_separable_rules_become_products(name):
    _, projection = network(RULES[name][0], 4)
    assert projection.learning.plasticity.factored.outer is not None


def test_derivative_spelt_out_is_one_product():
    _, projection = network(RULES["derivative spelt out"][0], 4)
    assert len(projection.learning.plasticity.factored.outer) == 1


@pytest.mark.parametrize("streams", [1, 4])
def test_small_decay_is_not_lost_in_float32(streams):
    _net, projection = network("dW = -gamma * W", streams, dtype="float32", gamma=1e-8)
    before = projection.W.astype(float)
    steps = 2000
    # one run of many steps would take long here: let the rule itself run
    projection.learning.before_run({})
    for _ in range(steps * 100):
        projection.learning.run()
    lost = 1 - (projection.W / before).mean()
    assert lost == pytest.approx(1e-8 * steps * 100, rel=0.01)
    assert np.float32(1) - np.float32(1e-8) == 1  # what a step by itself would do


def test_zero_third_factor_changes_nothing():
    net, projection = network(RULES["centred"][0], 4)
    net["b"].view("d")[...] = 0
    W, b = projection.W.copy(), projection.b.copy()
    net.run(5 * ms)
    assert np.array_equal(projection.W, W) and np.array_equal(projection.b, b)


@pytest.mark.parametrize("alone", [0.0, 0.7])
@pytest.mark.parametrize("name", ["three factors", "derivative spelt out"])
@pytest.mark.parametrize("streams", [1, 4])
def test_third_factor_of_one_unit_or_none(name, streams, alone):
    """The one unit's update is made, and the decay is, whether or not anything else is."""
    rule, summed, local = RULES[name]
    net, projection = network(rule, streams)
    net["b"].view("d")[...] = 0
    net["b"].view("d")[-1, -1] = alone
    start = projection.W.copy()
    W, b = naive_steps(net, projection, summed, local, 3)
    net.run(3 * ms)
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)
    assert (projection.W[:, -1] != start[:, -1]).any() == (alone != 0 or name == "three factors")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("W += eta", r"must have the form 'dW = expression'"),
        ("dW =", r"must have the form"),
        ("dW = eta * (s_pre", r"is not an expression Brian2 can read"),
        ("dW = eta * q_pre", r"'q_pre' needs a variable 'q' of 'a', which has \['N', 'd'.*'psi'"),
        ("dW = eta * s_post * q_post", r"Projection 'a->b', Rule .*'q_post' needs a variable 'q' of 'b'"),
        (
            "dW = zeta * s_pre",
            r"unknown symbol 'zeta'; there are W, the constants \['eta', 'gamma', 'theta'\]",
        ),
        ("dW = eta * max(s_pre, 0)", r"Rule .* must not have the function 'max'; there are abs, arccos"),
        ("dW = eta * W * foo(W)", r"must not have the function 'foo'; there are abs, arccos"),
        ("dW = eta * rand() * s_pre", r"must not have the function 'rand'; state it in a population's equations"),
        ("dW = eta * s_pre / 0", r"must be finite, got zoo\*eta\*s_pre"),
    ],
)
def test_bad_rules_are_refused(rule, message):
    with pytest.raises(ArgumentError, match=message):
        network(rule, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eta": float("nan")}, r"constant 'eta' must be a finite number, got nan"),
        ({"eta": "1e-3"}, r"constant 'eta' must be a finite number, got '1e-3'"),
    ],
)
def test_bad_constants_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        network(BASE, 1, **options)
