"""Sums of a layer's outputs by all threads, held to numpy's."""

import numba
import numpy as np
import pytest

from spikefa.engine.kernels.sums import BLOCKS, add_groups, sum_of_all

SHAPES = [(1, 1), (3, 17), (BLOCKS, 8), (100, 9), (1001, 33)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_sum_of_all_is_in_float64(shape, dtype):
    values = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    found = {}
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        found[threads] = sum_of_all(values)
    assert len(set(found.values())) == 1
    np.testing.assert_allclose(found[1], values.sum(dtype=np.float64), rtol=1e-12, atol=1e-12)
    assert sum_of_all((values > 0).astype(dtype)) == np.count_nonzero(values > 0)  # of spikes it is exact


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_groups_are_added_as_numpy_adds_them(dtype):
    values = np.random.default_rng(1).standard_normal((60, 23)).astype(dtype)
    for groups in (1, 4, 60):
        sums = np.ones((groups, 23))
        expected = sums + values.reshape(groups, -1, 23).sum(axis=1)
        add_groups(values, sums)
        assert np.array_equal(sums, expected)


def test_what_is_no_number_stays_so():
    values = np.ones((16, 8), np.float32)
    values[5, 3] = np.nan
    sums = np.zeros((2, 8))
    add_groups(values, sums)
    assert np.isnan(sums[0, 3]) and np.isnan(sum_of_all(values)) and np.count_nonzero(np.isnan(sums)) == 1
