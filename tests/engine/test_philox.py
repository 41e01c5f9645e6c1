"""Counter-based random numbers: known answers, a scalar oracle, and statistics under fixed seeds.

Each statistical test fails at p < 1e-4. The seeds are fixed, so that a test which passes once always does;
chosen afresh, a sound generator would fail one run of this file in about 300. Each statistic is also given
numbers with a planted error, which it must catch.
"""

import math

import numba
import numpy as np
import pytest
from scipy import stats

from spikefa.engine.kernels.philox import fill_normal, fill_uniform, object_id, philox_block
from spikefa.errors import ArgumentError

ALARM = 1e-4
MASK = 0xFFFFFFFF


def oracle(counter, key):
    """Philox 4x32-10 in Python integers, after the paper's definition."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * x0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * x2, 2**32)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return x0, x1, x2, x3


def oracle_words(units, seed, step, obj, draw):
    return [oracle((u // 4, draw, step, obj), (seed & MASK, seed >> 32))[u % 4] for u in range(units)]


# Random123, tests/kat_vectors: "philox4x32 10".
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((MASK,) * 4, (MASK,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers(counter, key, words):
    assert oracle(counter, key) == words
    assert philox_block(*counter, *key) == words


SEED = 0x0123456789ABCDEF


@pytest.mark.parametrize("units", [1, 2, 3, 4, 7, 16, 1001])
def test_uniforms_are_the_oracles(units):
    words = np.array(oracle_words(units, SEED, 2**32 - 1, 77, 3), dtype=np.uint64)
    single, double = np.empty(units, "f4"), np.empty(units, "f8")
    fill_uniform(single, SEED, 2**32 - 1, 77, 3)
    fill_uniform(double, SEED, 2**32 - 1, 77, 3)
    assert np.array_equal(single, (words >> np.uint64(8)) * 2.0**-24)
    assert np.array_equal(double, words * 2.0**-32)


@pytest.mark.parametrize("units", [1, 2, 3, 5, 1001])
def test_normals_are_box_muller_of_the_oracles_words(units):
    words = oracle_words(units + 4, SEED, 5, 77, 3)
    expected = []
    for u in range(0, units, 2):
        radius = math.sqrt(-2 * math.log((words[u] + 0.5) / 2**32))
        signed = words[u + 1] - 2**32 * (words[u + 1] >> 31)
        angle = (signed + 0.5) * math.pi / 2**31
        expected += [radius * math.cos(angle), radius * math.sin(angle)]
    double, single = np.empty(units), np.empty(units, "f4")
    fill_normal(double, SEED, 5, 77, 3)
    fill_normal(single, SEED, 5, 77, 3)
    np.testing.assert_allclose(double, expected[:units], rtol=1e-13, atol=1e-14)
    assert np.array_equal(single, double.astype("f4"))


@pytest.mark.parametrize("fill", [fill_uniform, fill_normal])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_neither_length_nor_threads_matter(fill, dtype):
    long = np.empty(40_003, dtype)
    fill(long, SEED, 1, 2, 3)
    for length in (0, 1, 4097, 16_383, 16_384, 20_001):
        short = np.empty(length, dtype)
        fill(short, SEED, 1, 2, 3)
        assert np.array_equal(short, long[:length])
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = np.empty_like(long)
        fill(alone, SEED, 1, 2, 3)
    finally:
        numba.set_num_threads(threads)
    assert np.array_equal(alone, long)


def test_object_id_is_a_name_of_its_own():
    assert object_id("123456789") == 0xCBF43926  # the check value of CRC-32
    assert object_id("hidden") != object_id("hidden_1")


@pytest.mark.parametrize("fill", [fill_uniform, fill_normal])
def test_bad_arguments(fill):
    with pytest.raises(ArgumentError, match=r"1-D float32 or float64 array, got int64 of shape \(3,\)"):
        fill(np.zeros(3, int), 0, 0, 0, 0)
    with pytest.raises(ArgumentError, match=r"got float64 of shape \(2, 2\)"):
        fill(np.zeros((2, 2)), 0, 0, 0, 0)
    with pytest.raises(ArgumentError, match=r"seed must be in \[0, 2\*\*64\), got -1"):
        fill(np.zeros(3), -1, 0, 0, 0)
    with pytest.raises(ArgumentError, match=r"step must be in \[0, 2\*\*32\), got 4294967296"):
        fill(np.zeros(3), 0, 2**32, 0, 0)


# --- statistics --------------------------------------------------------------------------------


def numbers(fill, axis, rows=64, units=4096):
    """Array (rows, units), the rows being successive steps, objects, draws or seeds."""
    where = {"seed": 7, "step": 11, "obj": object_id("layer"), "draw": 0}
    out = np.empty((rows, units))
    for k, row in enumerate(out):
        fill(row, **{**where, axis: where[axis] + k})
    return out


def p_uniform(x):
    return stats.kstest(x.ravel(), "uniform").pvalue


def p_chi2(x, bins=256):
    return stats.chisquare(np.bincount((x.ravel() * bins).astype(int), minlength=bins)).pvalue


def p_normal(x):
    return stats.kstest(x.ravel(), "norm").pvalue


def p_correlation(a, b):
    return stats.pearsonr(a.ravel(), b.ravel()).pvalue


def p_between_rows(x):
    return min(1.0, 3 * min(p_correlation(x[:-lag], x[lag:]) for lag in (1, 2, 4)))


def p_between_units(x):
    return min(1.0, 5 * min(p_correlation(x[:, :-lag], x[:, lag:]) for lag in (1, 2, 3, 4, 8)))


AXES = ["seed", "step", "obj", "draw"]


@pytest.mark.parametrize("axis", AXES)
def test_uniform_and_independent(axis):
    x = numbers(fill_uniform, axis)
    for p in (p_uniform, p_chi2, p_between_rows, p_between_units):
        assert p(x) > ALARM, p.__name__


@pytest.mark.parametrize("axis", AXES)
def test_normal_and_independent(axis):
    x = numbers(fill_normal, axis)
    for p in (p_normal, p_between_rows, p_between_units):
        assert p(x) > ALARM, p.__name__
    # Cosine and sine of one radius are uncorrelated by symmetry; independent, so are their squares.
    assert p_correlation(x[:, ::2] ** 2, x[:, 1::2] ** 2) > ALARM


def test_bits_are_fair():
    x = numbers(fill_uniform, "step")
    words = (x * 2**32).astype(np.uint64).ravel()
    for bit in range(32):
        ones = int(((words >> np.uint64(bit)) & np.uint64(1)).sum())
        assert stats.binomtest(ones, words.size).pvalue > ALARM / 32, bit


def test_the_statistics_see_planted_errors():
    x = numbers(fill_uniform, "step")
    assert p_uniform(x**1.02) < ALARM
    assert p_chi2(np.floor(x * 250) / 250) < ALARM  # too few levels
    # One number in fifty repeats that of the unit, or of the row, before.
    repeated = x.copy()
    repeated[:, 1::50] = x[:, 0::50]
    assert p_between_units(repeated) < ALARM
    repeated = x.copy()
    repeated[1::2, ::25] = x[::2, ::25]
    assert p_between_rows(repeated) < ALARM
    z = numbers(fill_normal, "step")
    assert p_normal(1.03 * z) < ALARM
