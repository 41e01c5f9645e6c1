"""Rules: parsed, factored, and applied as plain loops apply them."""

import numpy as np
import pytest
from brian2 import ms
from rule_networks import BASE, RULES, naive_steps, network

import spikefa as fa
from spikefa.errors import ArgumentError


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("streams", [1, 4])
def test_rule_equals_plain_loops(name, streams):
    rule, summed, local = RULES[name]
    net, projection = network(rule, streams)
    W, b = naive_steps(net, projection, summed, local, 3)
    net.run(3 * ms)
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)


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


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("W += eta", r"must have the form 'dW = expression'"),
        ("dW =", r"must have the form"),
        ("dW = eta * (s_pre", r"is not an expression Brian2 can read"),
        ("dW = eta * q_pre", r"'q_pre' needs a variable 'q' of 'a', which has \['I', 'N', 'd'.*'psi'"),
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
