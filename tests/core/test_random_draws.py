"""Noise, initial values and added statements of a population: from the network's seed, on every target."""

import shutil

import numpy as np
import pytest
from brian2 import Hz, ms

import spikefa as fa
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


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("target", TARGETS)
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
    layer.u = "scale * i"
    assert np.array_equal(layer.u, scale * np.arange(6))
