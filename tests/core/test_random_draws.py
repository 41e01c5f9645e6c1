"""Noise, initial values and added statements of a population: from the network's seed, on every target."""

import shutil

import numpy as np
import pytest
from brian2 import BinomialFunction, Hz, ms
from brian2.core.functions import DEFAULT_FUNCTIONS
from scipy.stats import binom, chisquare, poisson

import spikefa as fa
from spikefa.engine.brian2_target.counts import COUNTS
from spikefa.engine.kernels.philox import fill_normal, fill_uniform, object_id

compiler = pytest.mark.skipif(not shutil.which("g++") and not shutil.which("clang++"), reason="needs a C++ compiler")
TARGETS = ["numba", "numpy", pytest.param("cython", marks=compiler)]
NOISY = "dv/dt = (I - v) / tau + 0.1 * xi * tau**-.5 : 1\nI : 1\nu : 1\ns : 1"


def build(equations=NOISY, target="numba", seed=0, name="h1", streams=2, units=3, **options):
    net = fa.Network(streams=streams, seed=seed, target=target, dtype="float64")
    options = {"emit": "s = int(rand() < v)", "namespace": {"tau": 2 * ms}} | options
    return net, fa.Layer(net, name, units, equations, **options)


def numbers(fill, net, draw, step=0, name="h1", count=6):
    out = np.empty(count, net.dtype)
    fill(out, net.seed, step, object_id(name), draw)
    return out


#: Of "cython" one seed, as each is compiled.
SEEDS = [(target, seed) for target in ("numba", "numpy") for seed in (0, 7)]


@pytest.mark.parametrize(("target", "seed"), [*SEEDS, pytest.param("cython", 7, marks=compiler)])
def test_noise_is_of_the_networks_seed(target, seed):
    """``dv = -v/tau dt + g dW``, by hand: Euler, the draw after the one of emit."""
    net, layer = build(target=target, seed=seed)
    expected = np.zeros(6)
    for step in range(3):
        expected += -0.5 * expected + 0.1 * 2**-0.5 * numbers(fill_normal, net, 1, step)
    net.run_steps(3)
    np.testing.assert_allclose(layer.v, expected, rtol=1e-10)


@pytest.mark.parametrize("method", ["euler", "heun", "milstein"])
def test_noise_runs_on_where_it_was(method):
    once, (net, layer) = build(method=method), build(method=method)
    once[0].run_steps(5)
    net.run_steps(2)
    net.run_steps(3)
    assert np.array_equal(once[1].v, layer.v) and layer.v[:].std() > 0.01


def test_noises_are_independent_and_of_their_own_population():
    """Two noises, two populations, 40,000 units: correlations of 0 +- 0.005; 10 numbers at 5 sd, 1 in 170,000."""
    equations = "dv/dt = xi_a * Hz**.5 : 1\ndw/dt = xi_b * Hz**.5 : 1\nI : 1\ns : 1"
    net, one = build(equations, streams=1, units=40_000, namespace={"Hz": Hz})
    two = fa.Layer(net, "h2", 40_000, equations, emit="s = int(rand() < v)", namespace={"Hz": Hz})
    net.run_steps(1)
    draws = np.array([one.v, one.w, two.v, two.w]) / 1e-3**0.5
    assert abs(np.corrcoef(draws) - np.eye(4)).max() < 0.025
    assert abs(draws.std(axis=1) - 1).max() < 5 * (2 * 40_000) ** -0.5


@pytest.mark.parametrize("target", TARGETS)
def test_strings_that_set_variables_draw_from_the_networks_seed(target):
    net, layer = build(target=target, seed=3)
    layer.run_regularly("u = u")  # a parameter is drawn by `Population.set`
    layer.v = "rand() + 2 * randn()"
    layer.u = "rand()"
    draws = [numbers(fill, net, draw) for fill, draw in ((fill_uniform, 2), (fill_normal, 3), (fill_uniform, 4))]
    np.testing.assert_allclose(layer.v, draws[0] + 2 * draws[1], rtol=1e-12)
    assert np.array_equal(layer.u, draws[2])
    layer.u = "v + i"
    np.testing.assert_allclose(layer.u, layer.v[:] + np.arange(6))
    layer.u = 0.25
    assert (layer.u[:] == 0.25).all()


@pytest.mark.parametrize("target", TARGETS)
def test_statements_added_draw_from_the_networks_seed(target):
    net, layer = build(target=target, seed=3)
    layer.run_regularly("u += rand()", when="end")
    net.run_steps(2)
    np.testing.assert_allclose(layer.u, sum(numbers(fill_uniform, net, 2, step) for step in range(2)))


def test_statements_that_run_more_than_once_a_step_draw_anew():
    net, layer = build(streams=100, units=100)
    layer.run_regularly("u += rand()", dt=0.05 * ms)
    net.run_steps(1)
    assert layer.u[:].std() == pytest.approx((20 / 12) ** 0.5, rel=0.05)  # of one number 20 times: 5.8


def test_constants_of_the_caller_set_variables():
    scale = 3.0
    _, layer = build()
    layer.v = "scale * i"
    assert np.array_equal(layer.v, scale * np.arange(6))


poisson_count = COUNTS["poisson"][1].pyfunc
COUNTING = "v : 1\nw : 1\nx : 1\ns : 1"


def counting(target="numba", seed=0, dtype="float32", streams=50, units=40, **options):
    net = fa.Network(streams=streams, seed=seed, target=target, dtype=dtype)
    options = {"emit": "s = poisson(2.5)\nx = binomial(10, 0.3) + rand()"} | options
    return net, fa.Layer(net, "h", units, COUNTING, **options)


@pytest.mark.parametrize("target", TARGETS)
def test_counts_follow_from_the_seed(target):
    """Of stock Brian2 they follow from its own generator."""
    found = []
    for seed in (3, 3, 4):
        np.random.seed(len(found))
        net, layer = counting(target, seed, streams=2, units=3)
        net.run_steps(2)
        found.append(np.stack([layer.s, layer.x]))
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])
    net, layer = counting("numpy", 3, streams=2, units=3)
    net.run_steps(2)
    assert np.array_equal(np.stack([layer.s, layer.x]), found[0])


def test_counts_have_their_distributions():
    """Chi square of 2,000 units in 5 steps; false alarms in 1 of 1,000 each, and a mean wrong by 3 % is seen."""
    net, layer = counting()
    s, x = [], []
    for _ in range(5):
        net.run_steps(1)
        s.append(np.array(layer.s[:]))
        x.append(np.floor(layer.x[:]))

    def p_value(counts, distribution):
        top = int(distribution.isf(1e-3))
        expected = np.append(distribution.pmf(np.arange(top)), distribution.sf(top - 1)) * counts.size
        observed = np.bincount(np.minimum(counts.astype(int), top), minlength=top + 1)
        return chisquare(observed, expected).pvalue

    s, x = np.concatenate(s), np.concatenate(x)
    assert p_value(s, poisson(2.5)) > 1e-3 and p_value(x, binom(10, 0.3)) > 1e-3
    assert p_value(s, poisson(2.575)) < 1e-3 and p_value(x, binom(10, 0.309)) < 1e-3
    assert poisson_count(0.0, 3.0) == 0 and poisson_count(0.5, 0.0) == 0  # the ends


def test_poisson_counts_are_those_of_scipy():
    """Small means are computed in another way."""
    rng = np.random.default_rng(0)
    uniform = np.append(rng.integers(0, 2**32, 2000), [2**32 - 1, 2**32 - 2**-21]) / 2**32
    assert uniform[-1] == 1 - 2**-53  # a sum of probabilities may stay below it
    for most in (0.2, 8, 9):
        mean = rng.random(uniform.size) * most
        mean[0] = most
        assert np.array_equal(poisson_count(uniform, mean), np.maximum(poisson.ppf(uniform, mean), 0))


def test_whatever_sets_a_variable_by_a_string_draws_from_the_seed():
    found = []
    for _ in range(2):
        _, layer = counting("numpy", streams=3, units=4)
        layer.run_regularly("v = v; w = w")  # parameters are drawn by `Population.set`
        layer.v[:] = "rand() + rand()"
        layer.w["rand() < 0.5"] = "randn()"
        layer[3:9].x = "rand()"
        layer[3:9][2:3].x = "poisson(100)"
        found.append(np.stack([layer.v, layer.w, layer.x]))
    assert np.array_equal(*found) and len(set(found[0][0])) == 12
    assert 0 < np.count_nonzero(found[0][1]) < 12 and np.count_nonzero(found[0][2]) == 6 and found[0][2][5] > 50


def test_statements_at_another_pace_draw_from_the_seed():
    found = []
    for _ in range(2):
        net, layer = counting("numpy", streams=3, units=4)
        layer.run_regularly("v = rand()", dt=2 * ms)
        for _ in range(4):
            net.run_steps(1)
            found.append(np.array(layer.v[:]))
    for one, other in zip(found[:4], found[4:], strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[1], found[2])


@pytest.mark.parametrize("where", ["population", "run", "statement", "alias"])
def test_numbers_from_elsewhere_are_refused(where):
    message = r"Layer 'h': 'bino' draws random numbers that do not follow from the network's seed; write rand\(\), "
    drawn = DEFAULT_FUNCTIONS["randn"] if where == "alias" else BinomialFunction(5, 0.3)
    with pytest.raises(fa.EquationError, match=message):
        if where == "run":
            net, _ = counting("numpy", emit="s = bino()")
            net.run(1 * ms, namespace={"bino": drawn})
        elif where == "statement":
            counting("numpy", namespace={"bino": drawn})[1].run_regularly("v = bino()")
        else:
            counting("numpy", emit="s = bino()", namespace={"bino": drawn})


@pytest.mark.parametrize(
    "emit, message",
    [
        ("s = poisson(1e12)", "poisson: the mean must be at most"),
        ("s = poisson(-1)", "poisson: the mean must be a finite number of at least 0, got -1"),
        ("s = binomial(2.5, 0.1)", "binomial: n must be a whole number of at least 0, got 2.5"),
        ("s = binomial(3, 1.5)", "binomial: p must be a probability, got 1.5"),
    ],
)
def test_impossible_counts_are_refused(emit, message):
    net, _ = counting("numpy", emit=emit)
    with pytest.raises(fa.ArgumentError, match=message):
        net.run_steps(1)
