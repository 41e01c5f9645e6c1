"""Units of weights: a quantity must fit what the projection reads and writes."""

import numpy as np
import pytest
from brian2 import amp, mV, nA, volt
from fuzz_world import network

import spikefa as fa
from spikefa.errors import ArgumentError

SIDE = "v : 1\nI : amp\ns : {}"


def _net(output="1"):
    net = fa.Network(dtype="float64", target="numpy")
    for name in "ab":
        fa.Layer(net, name, 2, SIDE.format(output), emit="s = s", threshold=None)
    return net


def test_weights_and_biases_of_the_currents_unit_are_taken():
    net = _net()
    projection = fa.Projection(net, "a", "b", np.full((2, 2), 3) * nA, bias=np.ones(2) * nA)
    np.testing.assert_allclose(projection.W, 3e-9)
    np.testing.assert_allclose(projection.b, 1e-9)
    projection.W, projection.b = np.ones((2, 2)) * amp, np.zeros(2)
    np.testing.assert_allclose(projection.W, 1)


def test_weights_may_be_drawn_with_a_unit():
    projection = fa.Projection(_net("volt"), "a", "b", lambda rng, shape: rng.random(shape) * nA / mV)
    assert 0 < projection.W.max() <= 1e-6


def test_initializers_and_bounds_may_have_the_currents_unit():
    for drawn, spread in ((fa.uniform(3 * nA), 3e-9), (fa.uniform(0, 3 * nA), 3e-9), (fa.normal(1 * nA), 1e-8)):
        projection = fa.Projection(_net(), "a", "b", drawn, bounds=(-10 * nA, 0.5 * amp))
        assert 0 < np.abs(projection.W).max() <= spread and projection.bounds == (-1e-8, 0.5)
    assert np.array_equal(fa.uniform(2 * nA)(np.random.default_rng(0), (2, 3)) / nA, _drawn(fa.uniform(2e-9)) / 1e-9)
    with pytest.raises(ArgumentError, match=r"^uniform: limits must have one unit, got 1 and 3. nA$"):
        fa.uniform(1, 3 * nA)
    with pytest.raises(ArgumentError, match=r"^Projection 'a->b': bounds must be numbers, or in A, .* got values in V"):
        fa.Projection(_net(), "a", "b", fa.uniform(1 * nA), bounds=(-1 * mV, None))


def _drawn(draw):
    return draw(np.random.default_rng(0), (2, 3))


def test_numbers_are_in_base_units():
    assert fa.Projection(_net(), "a", "b", np.ones((2, 2))).W.max() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"W": np.ones((2, 2)) * mV}, r"weights must be numbers, or in A, the current's unit, got values in V"),
        (
            {"W": lambda rng, shape: np.ones(shape) * mV},
            r"weights must be numbers, or in A, the current's unit, got values in V",
        ),
        (
            {"W": np.ones((2, 2)), "bias": np.ones(2) * volt},
            r"bias must be numbers, or in A, the current's unit, got values in V",
        ),
    ],
)
def test_other_units_are_refused(options, message):
    with pytest.raises(ArgumentError, match=rf"^Projection 'a->b': {message}"):
        fa.Projection(_net(), "a", "b", **options)


def test_a_population_of_numbers_takes_no_unit():
    with pytest.raises(ArgumentError, match=r"must be numbers, or in 1, the current's unit, got values in V"):
        fa.Projection(network("layers"), "h1", "side", np.ones((3, 3)) * mV)
