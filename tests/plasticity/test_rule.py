"""Rules: parsed, factored, and applied as plain loops apply them."""

import time

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


@pytest.mark.parametrize(
    "name",
    ["three factors", "centred", "derivative spelt out", "two products", "covariance", "both absent", "toward a rate"],
)
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
        ("dW = eta * (s_pre", r"right side must be an expression that Brian2 can read \('\(' was never closed"),
        ("dW = eta * q_pre", r"'q_pre' needs a variable 'q' of 'a', which has \['I', 'N', 'd'.*'psi'"),
        ("dW = eta * s_post * q_post", r"Projection 'a->b', Rule .*'q_post' needs a variable 'q' of 'b'"),
        (
            "dW = zeta * s_pre",
            r"unknown symbol 'zeta'; there are W, t, dt, the constants \['eta', 'gamma', 'theta'\]",
        ),
        ("dW = eta * max(s_pre, 0)", r"Rule .* must not have the function 'max'; there are abs, arccos"),
        ("dW = eta * W * foo(W)", r"must not have the function 'foo'; there are abs, arccos"),
        ("dW = eta * rand() * s_pre", r"must not have the function 'rand'; state it in a population's equations"),
        ("dW = eta * s_pre / 0", r"must be finite and real, got zoo\*eta\*s_pre"),
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


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("dW = eta * e * s_pre", r"unknown symbol 'e'; .*; for Euler's number write exp\(1\)$"),
        ("dW = eta * pi * s_pre", r"unknown symbol 'pi'; .*; give the number as a constant$"),
        ("dW = S * s_pre", r"unknown symbol 'S'"),
        ("dW = etta * s_pre", r"unknown symbol 'etta'; .*; did you mean 'eta'\?$"),
        ("dW = lambda * s_pre", r"'lambda' is a word of Python's"),
        ("dW = zeta(s_pre)", r"must not have the function 'zeta'"),
        ("dW = s_pre > 1", r"must have numbers only, and int\(s_pre > 1\) instead of s_pre > 1"),
        ("dW = s_pre * sqrt(-1)", r"sqrt\(-1\) must be finite and real"),
        ("dW = s_pre * eta / (gamma - 0.01)", r"must be finite and real, got {'eta': 0.1, 'gamma': 0.01}"),
        ("dW = 9**9**9**9 * s_pre", r"right side must have numbers in the range of floats"),
        ("dW = (s_pre + d_post + v_post + 1)**300", r"must have at most 1000 terms when it is written out"),
        (2.5, r"^Rule: rule must be a text, got 2.5"),
    ],
)
def test_names_and_numbers_that_a_rule_cannot_have(rule, message):
    with pytest.raises(ArgumentError, match=message):
        network(rule, 1)


@pytest.mark.parametrize("name", ["W", "a_pre", "a_post", "x y", "__a", 3, "a)"])
def test_constants_have_plain_names(name):
    with pytest.raises(ArgumentError, match=r"a constant's name must be a name that is not W, t, dt"):
        fa.Plasticity("dW = s_pre", {name: 1.0})


@pytest.mark.parametrize("name", ["e", "pi", "S", "I", "E", "N", "O", "Q", "beta", "gamma", "zeta", "v"])
@pytest.mark.parametrize("post", ["{} * v_post", "exp({} * v_post)"])
def test_a_constant_may_have_any_name(name, post):
    """Those of SymPy's and Brian2's constants and functions, and of variables, mean nothing."""
    net, projection = network(f"dW = s_pre * {post.format(name)}", 3, **{name: 0.3})
    s, v, W = net["a"].view("s").copy(), net["b"].view("v").copy(), projection.W.copy()
    net.run_steps(1)
    np.testing.assert_allclose(projection.W, W + s @ (np.exp(0.3 * v) if "exp" in post else 0.3 * v).T, rtol=1e-12)


def test_constants_may_have_the_names_that_the_loop_over_synapses_uses():
    constants = dict.fromkeys(("i", "j", "k", "w", "lr", "total", "number", "summed", "e"), 1.5)
    net, projection = network(f"dW = {' * '.join(constants)} * s_pre * (1 - W)", 3, **constants)
    s, W = net["a"].view("s").copy(), projection.W.copy()
    net.run_steps(1)
    np.testing.assert_allclose(projection.W, W + 1.5**9 * s.sum(1)[:, None] * (1 - W), rtol=1e-12)


@pytest.mark.parametrize("name", ["S", "I", "E", "beta", "gamma", "zeta"])
def test_a_variable_may_have_the_name_of_a_function_or_constant_of_sympy(name):
    net = fa.Network(streams=2, dtype="float64", target="numpy")
    for layer in "ab":
        fa.Layer(net, layer, 3, f"{name} : 1\ns : 1\nc : 1", current="c", emit="s = s", threshold=None)
        net[layer].s = 0.5
        setattr(net[layer], name, 0.25)
    rule = fa.Plasticity(f"dW = {name}_pre * {name}_post", {})
    projection = fa.Projection(net, "a", "b", np.zeros((3, 3)), plasticity=rule)
    net.run_steps(1)
    np.testing.assert_allclose(projection.W, 2 * 0.25**2)


@pytest.mark.parametrize(
    "rule",
    [
        "dW = clip(W + eta * s_pre, 0, 1) - W",
        "dW = clip(eta * s_pre * s_post, -W, 1 - W)",
        "dW = eta * (tanh(W + s_pre) - W)",
        "dW = eta * int(W + s_pre < 1) * s_post",
        "dW = 1 / (W + s_pre)",
    ],
)
def test_a_function_of_weights_and_variables_is_refused_with_several_streams(rule):
    network(rule, 1)
    with pytest.raises(ArgumentError, match=r"of W and of variables together with 3 streams, .* bounds=\(low, high\)"):
        network(rule, 3)


@pytest.mark.parametrize("coefficient", ["sqrt(eta)", "clip(eta, 0, 1)", "log10(eta)"])
def test_a_coefficient_may_be_a_function_of_constants(coefficient):
    """SymPy knows none of these functions."""
    net, projection = network(f"dW = {coefficient} * s_pre * v_post", 1, eta=0.25)
    s, v, W = net["a"].view("s").copy(), net["b"].view("v").copy(), projection.W.copy()
    net.run_steps(1)
    value = {"sqrt(eta)": 0.5, "clip(eta, 0, 1)": 0.25, "log10(eta)": np.log10(0.25)}[coefficient]
    np.testing.assert_allclose(projection.W, W + value * s @ v.T, rtol=1e-12)


@pytest.mark.parametrize(
    "rule",
    [
        "dW = s_pre * (v_post**500 * d_post + v_post)",
        "dW = s_pre * (exp(100000 * v_post) * d_post + v_post)",
        "dW = s_pre * (" + " + ".join(f"{i + 1} * v_post / (d_post + {i})" for i in range(30)) + ")",
    ],
    ids=["powers", "exponentials", "fractions"],
)
def test_what_sympy_would_factor_for_ever_is_left_as_it_is(rule):
    began = time.perf_counter()
    network(rule, 2)
    assert time.perf_counter() - began < 2


def test_the_bias_of_a_rule_is_computed_without_eval():
    rule = fa.Plasticity("dW = (2 * s_pre**2 - int(s_pre > 0 and not (s_pre >= 3)) + s_pre % 2) * s_post", {})
    _, projection = network(rule.rule, 1)
    assert projection.learning.terms[0].bias_pre == 2 - 1 + 1
