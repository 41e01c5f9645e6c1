"""Rows of whole cache lines: of the right addresses, and not to be seen from outside."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.engine.aligned import aligned_zeros, copy_as, whole_rows, zeros_as


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint32"])
@pytest.mark.parametrize("shape", [(7, 5), (3, 16), (1, 9), (4, 1)])
def test_rows_are_whole_lines(dtype, shape):
    array = aligned_zeros(*shape, dtype)
    assert array.shape == shape and array.dtype == dtype and not array.any()
    assert array.ctypes.data % 64 == 0 and (shape[0] < 2 or array.strides[0] % 64 == 0)
    array[...] = 3
    whole = whole_rows(array)
    assert whole.flags.c_contiguous and np.shares_memory(whole, array)
    assert (whole[:, : shape[1]] == 3).all() and not whole[:, shape[1] :].any()
    for other in (zeros_as(array), copy_as(array)):
        assert other.shape == shape and whole_rows(other).shape == whole.shape and not np.shares_memory(other, array)
    assert np.array_equal(copy_as(array), array)


def test_contiguous_arrays_are_taken_as_they_are():
    line = np.arange(5.0)
    assert whole_rows(line).shape == (1, 5) and np.shares_memory(whole_rows(line), line)
    assert whole_rows(np.zeros((3, 5))).shape == (3, 5)


@pytest.mark.parametrize("streams", [1, 3, 40])
def test_weights_of_every_layout_begin_at_lines(streams):
    net = fa.Network(streams=streams, target="numpy")
    fa.Input(net, "image", 9)
    fa.Layer(net, "output", 7, "I : 1\ns : 1", emit="s = int(I > 0)")
    projection = fa.Projection(net, "image", "output", fa.uniform(0.5), plasticity=fa.Plasticity("dW = s_pre * s_post"))
    values = projection.weights.values
    assert values.ctypes.data % 64 == 0 and values.strides == (64, 4) and projection.W.shape == (9, 7)
    projection.W[2, 3] = 5.0
    assert projection.W[2, 3] == 5.0 and np.shares_memory(projection.W, values)
