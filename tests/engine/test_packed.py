"""Weights in 8-bit integers and bfloat16: what plain loops compute, by the processor's instructions and without."""

import naive
import numba
import numpy as np
import pytest

from spikefa.engine.dense_weights import DenseWeights
from spikefa.engine.kernels.dot_products import has_dot_products
from spikefa.engine.kernels.packed import less_offset
from spikefa.engine.packed import MOST_UNITS, PackedWeights, rounded

PRECISIONS = ("int8", "bfloat16")


def arrays(rng, n_pre, n_post, streams):
    """Weights, activities of very different sizes in each stream, and biases."""
    W = rng.uniform(-0.1, 0.1, (n_pre, n_post)).astype(np.float32)
    sizes = np.exp(3 * rng.normal(size=(n_pre, streams)) + rng.normal(size=streams))
    return W, (sizes * rng.normal(size=sizes.shape)).astype(np.float32), rng.normal(size=n_post).astype(np.float32)


def propagated(W, precision, activity, bias, dot_products, add=0.0):
    weights = PackedWeights(W, precision, activity.shape[1], dot_products)
    current = np.full((W.shape[1], activity.shape[1]), add, np.float32)
    weights.propagate(activity, bias, current, add != 0)
    return current, weights


def by_instruction(precision):
    """Whether to use the instruction: both, if there is one here."""
    return (True, False) if has_dot_products(precision, fast=False) else (False,)


@pytest.mark.parametrize("add", [0.0, 1.5])
def test_integers_are_those_of_plain_loops(rng, add):
    """To the bit: activities rounded by stream, sums exact, one rounding for each of two products."""
    W, activity, bias = arrays(rng, 11, 6, 3)
    activity[:, 1] = 0
    single = np.float32
    for dot_products in by_instruction("int8"):
        current, weights = propagated(W, "int8", activity, bias, dot_products, add)
        scale = weights.dense().max() / single(127) if abs(W).argmax() == W.argmax() else -weights.dense().min() / 127
        integers = [[round(float(w / scale)) for w in row] for row in W]
        for k in range(3):
            largest = max(abs(x) for x in activity[:, k])
            inverse = single(127) / largest if largest else single(0)
            rounded = [round(float(x * inverse)) for x in activity[:, k]]
            for j in range(6):
                total = sum(integers[i][j] * rounded[i] for i in range(11))
                value = single(total) * (single(scale) * (largest / single(127)))
                assert current[j, k] == value + ((single(add) + bias[j]) if add else bias[j])
        assert current[0, 1] == add + bias[0]  # a silent stream


@pytest.mark.parametrize("streams", [1, 20, 40, 60, 75, 90, 130])
def test_integers_have_the_same_bits_without_the_instruction(rng, streams):
    """Every width of a tile, and the largest sums that can be."""
    if not has_dot_products("int8"):
        pytest.skip("this processor has no vpdpbusd")
    W, activity, bias = arrays(rng, 2050, 50, streams)
    W[:, 0], activity[:, 0] = -0.1, 3.0
    (one, _), (other, _) = (propagated(W, "int8", activity, bias, by) for by in (True, False))
    np.testing.assert_array_equal(one, other)
    exact = np.float64(W[:, 0]) @ np.float64(activity[:, 0]) + bias[0]
    assert one[0, 0] == pytest.approx(exact, rel=1e-5)


def test_the_instructions_sums_may_be_beyond_32_bits_while_they_grow():
    if not has_dot_products("int8"):
        pytest.skip("this processor has no vpdpbusd")
    for units in (67_000, MOST_UNITS):
        W, activity = np.full((units, 1), 0.5, np.float32), np.full((units, 1), 2, np.float32)
        found, _ = propagated(W, "int8", activity, np.zeros(1, np.float32), True)
        assert found[0, 0] == pytest.approx(units, rel=1e-5)


@pytest.mark.parametrize("streams", [1, 2, 3, 4])
def test_integers_of_few_streams_are_those_of_many(rng, streams):
    """Few streams are multiplied with rows of bytes, many with panels of 16-bit integers, in tiles of five."""
    W, activity, bias = arrays(rng, 2050, 50, streams)
    W[:, 0], activity[:, 0] = -0.1, 3.0
    few, _ = propagated(W, "int8", activity, bias, False)
    many, _ = propagated(W, "int8", np.tile(activity, 33), bias, False)
    np.testing.assert_array_equal(np.tile(few, 33), many)


@pytest.mark.parametrize(("n_pre", "n_post", "streams"), [(1, 1, 5), (576, 16, 6), (577, 17, 11), (1153, 33, 20)])
def test_panels_sum_exactly_whatever_their_edges(rng, n_pre, n_post, streams):
    """Of one unit, of whole tiles and blocks, and of one unit more: as Python's own integers, with the largest sums."""
    W, activity, bias = arrays(rng, n_pre, n_post, streams)
    W[:, 0], activity[:, 0] = 0.1, -3.0
    current, weights = propagated(W, "int8", activity, bias, False)
    rounded = np.rint(activity * (np.float32(127) / np.abs(activity).max(axis=0))).astype(np.int64)
    sums = (weights.integers.astype(np.int64) @ rounded).astype(np.float32)
    scale = np.float32(weights.scale) * (np.abs(activity).max(axis=0) / np.float32(127))
    np.testing.assert_array_equal(current, sums * scale + bias[:, None])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("streams", [3, 100])
def test_errors_are_within_the_bound(rng, precision, streams):
    W, activity, bias = arrays(rng, 300, 70, streams)
    exact = W.T.astype(float) @ activity + bias[:, None]
    size = np.abs(W).T.astype(float) @ np.abs(activity)
    for dot_products in by_instruction(precision):
        current, weights = propagated(W, precision, activity, bias, dot_products)
        summing = 300 * 2.0**-23 * size
        if precision == "int8":  # of given weights; those that are integers have no error of their own
            exact = weights.dense().T.astype(float) @ activity + bias[:, None]
            bound = np.abs(weights.dense()).sum(axis=0)[:, None] * np.abs(activity).max(axis=0) / 254 * (1 + 2**-10)
        else:
            bound = 2.0**-7 * (1 + 2.0**-8) * size + summing
        error = np.abs(current - exact)
        assert (error <= bound + 1e-6).all() and error.max() > 1e-4 * size.max()  # it is rounded


@pytest.mark.parametrize("precision", PRECISIONS)
def test_threads_do_not_change_a_bit(rng, precision):
    W, activity, bias = arrays(rng, 301, 500, 20)
    for dot_products in by_instruction(precision):
        found = []
        for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(threads)
            found.append(propagated(W, precision, activity, bias, dot_products)[0])
        assert all(np.array_equal(found[0], other) for other in found)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rounded_weights_stay_and_the_largest_error_is_known(rng, precision):
    W, *_ = arrays(rng, 40, 30, 1)
    weights = PackedWeights(W, precision, 1)
    once = weights.dense().copy()
    most = {"int8": 0.1 / 254 * (1 + 2**-10), "bfloat16": 0.1 * 2**-8}[precision]
    assert most / 2 < np.abs(once - W).max() <= weights.rounding_error <= most
    assert np.array_equal(rounded(W, precision), once)
    weights.begin_run()
    again = PackedWeights(once, precision, 1)
    assert np.array_equal(weights.dense(), once) and np.array_equal(again.dense(), once)
    weights.assign(2 * once)
    assert np.array_equal(weights.dense(), 2 * once)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_error_is_that_of_weights_that_were_written_back(rng, precision):
    W, *_ = arrays(rng, 40, 30, 1)
    weights = PackedWeights(W, precision, 1)
    before, kept = weights.rounding_error, weights.values.copy()
    weights.assign(128 * W)
    assert weights.rounding_error == 128 * before
    weights.values[...] = kept
    weights.begin_run()
    assert weights.rounding_error == before and np.array_equal(weights.values, kept)


def test_weights_on_255_values_are_no_approximation(rng):
    """Integers times any number of 17 bits; also if none but 0 is there."""
    integers = rng.integers(-127, 128, (20, 30))
    integers[0, 0] = 127
    W = np.float32(2**-10) * integers.astype(np.float32)
    assert np.array_equal(PackedWeights(W, "int8", 2).dense(), W)
    zeros, _ = propagated(np.zeros((4, 5), np.float32), "int8", np.ones((4, 2), np.float32), np.arange(5.0), None)
    assert np.array_equal(zeros, np.repeat(np.arange(5.0)[:, None], 2, axis=1))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_finite_reaches_all_units_of_its_stream_alone(rng, precision, wrong):
    W, activity, bias = arrays(rng, 30, 20, 3)
    activity[7, 1] = wrong
    for dot_products in by_instruction(precision):
        current, _ = propagated(W, precision, activity, bias, dot_products)
        assert not np.isfinite(current[:, 1]).any() and np.isfinite(current[:, [0, 2]]).all()


def test_the_transpose_and_the_array_are_of_the_rounded_weights(rng):
    W, *_ = arrays(rng, 12, 9, 2)
    weights = PackedWeights(W, "int8", 2)
    dense = DenseWeights(weights.dense(), None, np.dtype("float32"))
    activity, current = rng.normal(size=(9, 2)).astype(np.float32), np.zeros((12, 2), np.float32)
    expected = naive.propagate(weights.dense().T.tolist(), activity.tolist(), [0.0] * 12)
    weights.propagate_transposed(activity, np.zeros(12, np.float32), current, False)
    np.testing.assert_allclose(current, expected, rtol=0, atol=1e-6)
    assert np.array_equal(dense.dense(), weights.dense()) and not np.array_equal(weights.dense(), W)


def test_sums_of_many_units_wrap_in_32_bits_and_back():
    """The instruction adds ``(activity + 128) * weight``, which is beyond 32 bits sooner than the products are."""
    for units in (60_000, 67_000, MOST_UNITS):
        with_offset, offset = (np.array([n * 127 * units]).astype(np.int32)[0] for n in (255, 128))
        assert less_offset(with_offset, offset) == 127 * 127 * units
        assert less_offset(np.int32(128 * 127 - 127 * 127), np.int32(128 * 127)) == -127 * 127


def test_every_nan_stays_one_in_bfloat16():
    bits = np.array([[0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001]], np.uint32)
    for dot_products in by_instruction("bfloat16"):
        found, _ = propagated(np.ones((1, 3), np.float32), "bfloat16", bits.view(np.float32), np.zeros(3), dot_products)
        assert np.isnan(found).all()
