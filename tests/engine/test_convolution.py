"""Weights of convolutions against plain loops."""

import naive
import numpy as np
import pytest

from spikefa.engine.convolution import ConvolutionalWeights
from spikefa.engine.kernels import direct_convolution
from spikefa.engine.kernels.convolution import place_blocks
from spikefa.engine.window import Window, map_units

#: field, stride, padding; the second has a place in no window, the third a window wider than the padded map's rest.
WINDOWS = [(3, 1, 0), (4, 1, 2), (2, 3, 1), (4, 3, 2), (3, 2, 2), (1, 1, 0)]


def case(field, stride, padding, **options):
    rng = np.random.default_rng(1)
    before = (2, 6, 5)
    after = map_units(before, field, stride=stride, padding=padding, maps=3)
    window = Window(before, after, field, stride, padding)
    x, e = rng.normal(size=(*before, 2)), rng.normal(size=(*after, 2))
    weights = ConvolutionalWeights(rng.normal(size=window.weights_shape), window, np.dtype(float), **options)
    return weights, x, e, rng.normal(size=3)


def flat(array):
    return np.ascontiguousarray(array.reshape(-1, array.shape[-1]))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("options", [{}, {"block_numbers": 1}, None], ids=["few blocks", "a block a place", "direct"])
def test_products_and_updates_are_those_of_plain_loops(window, options, monkeypatch):
    if options is None:
        monkeypatch.setattr(direct_convolution, "FEWEST_MAPS", 1)
        monkeypatch.setattr(direct_convolution, "FEWEST_COLUMNS", 1)
        options = {}
    weights, x, e, b = case(*window, **options)
    W, along = weights.as_stated().tolist(), window[1:]
    rows, columns = weights.window.post[1:]

    current = np.ones((weights.shape[1], 2))
    weights.propagate(flat(x), b, current, True)
    expected = naive.convolve(W, x.tolist(), b.tolist(), rows, columns, *along)
    np.testing.assert_allclose(current, 1 + flat(np.array(expected)), rtol=1e-12, atol=1e-12)

    units, back = np.arange(weights.shape[0]) / 10, np.full((weights.shape[0], 2), np.nan)
    weights.propagate_transposed(flat(e), units, back, False)
    expected = flat(np.array(naive.convolve_back(W, x.tolist(), e.tolist(), *along))) + units[:, None]
    np.testing.assert_allclose(back, expected, rtol=1e-12, atol=1e-12)

    values = weights.values.copy()
    weights.update(values, flat(x), flat(e), -0.3, 0.9)
    expected = naive.convolve_update(W, x.tolist(), e.tolist(), -0.3, 0.9, *along)
    np.testing.assert_allclose(weights.stated(values), expected, rtol=1e-12, atol=1e-12)
    assert np.array_equal(weights.as_stated(), W)


def test_columns_are_there_while_blas_reads_them():
    """Large memory is unmapped as soon as it is free."""
    rng = np.random.default_rng(0)
    window = Window((8, 20, 20), (2, 20, 20), 5, 1, 2)
    x, e = rng.normal(size=(3200, 40)), rng.normal(size=(800, 40))
    found = []
    for numbers in (1 << 14, 1 << 30):
        weights = ConvolutionalWeights(np.ones(window.weights_shape), window, np.dtype(float), numbers)
        current, values = np.empty_like(e), np.zeros_like(weights.values)
        weights.propagate(x, np.zeros(2), current, False)
        weights.update(values, x, e, 1.0, 0.0)
        found.append((current, values))
    for few, many in zip(*found, strict=True):
        np.testing.assert_allclose(few, many, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_weights_of_all_synapses_make_the_same_products(reverse):
    weights, x, e, _ = case(3, 2, 2)
    if reverse:
        window = weights.window.reversed
        weights = ConvolutionalWeights(
            np.random.default_rng(2).normal(size=window.weights_shape), window, np.dtype(float)
        )
        x, e = e, x
    W, zeros = weights.dense(), np.zeros(e.shape[0])
    current, back = np.empty((W.shape[1], 2)), np.empty((W.shape[0], 2))
    weights.propagate(flat(x), zeros, current, False)
    weights.propagate_transposed(flat(e), np.zeros(x.shape[0]), back, False)
    np.testing.assert_allclose(current, W.T @ flat(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(back, W @ flat(e), rtol=1e-12, atol=1e-12)
    assert np.count_nonzero(W) == weights.window.synapse_count == len(weights.synapses()[0])


def test_blocks_follow_from_the_shapes_alone():
    assert place_blocks(1, 100) == 1
    assert place_blocks(576, 25) == 2
    assert place_blocks(576, 80_000) == 176
    assert place_blocks(4, 1 << 30) == 4
