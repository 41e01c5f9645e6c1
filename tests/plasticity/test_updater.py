"""Rules at work on a projection: learning rates, decay, and steps without an update."""

import numpy as np
import pytest
from brian2 import ms
from rule_networks import RULES, naive_steps, network

import spikefa as fa


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
    "rule",
    [
        "dW = eta * (psi_post - a) * s_pre",
        "dW = eta * psi_post * (s_pre - a)",
        "dx/dt = -x / a : 1 (synapse)\nx += s_pre\ndW = eta * psi_post * x",
        "x : 1 (synapse)\nx += a * s_pre\ndW = eta * psi_post * x",
    ],
)
def test_a_constant_within_a_factor_that_was_changed_is_refused(rule):
    """It stands in the population's code as it was; the coefficient eta, which does not, may change."""
    net, projection = network(rule, 2, eta=0.1, a=0.5)
    constants = projection.learning.plasticity.constants
    net.run(1 * ms)
    constants["eta"] = 0.0
    W = projection.W.copy()
    net.run(1 * ms)
    assert np.array_equal(projection.W, W)
    constants["a"] = 2.0
    with pytest.raises(fa.ArgumentError, match=r"constant 'a' of Rule .* must stay 0\.5, with which .*, got 2\.0"):
        net.run(1 * ms)


@pytest.mark.parametrize(
    "rule", ["dW = eta * a * psi_post * s_pre", "dW = eta * psi_post * s_pre * (a - W)", "dW = -a * W"]
)
def test_a_coefficient_that_was_changed_counts_from_the_next_run_on(rule):
    found = []
    for first, then in ((0.5, 0.25), (0.25, 0.25)):
        net, projection = network(rule, 2, eta=0.1, a=first)
        projection.learning.plasticity.constants["a"] = then
        net.run(3 * ms)
        found.append(projection.W.copy())
    assert np.array_equal(*found)
