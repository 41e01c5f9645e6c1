"""Windows: shapes, and which synapses share which weight."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.engine.window import Window
from spikefa.errors import ArgumentError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (dict(units=(1, 28, 28), field=5, maps=32), (32, 24, 24)),
        (dict(units=(3, 32, 30), field=5, padding=2, maps=8), (8, 32, 30)),
        (dict(units=(8, 9, 6), field=3, stride=2), (8, 4, 2)),
        (dict(units=(8, 7, 7), field=2, stride=2), (8, 3, 3)),  # the last row and column are in no window
        (dict(units=(1, 3, 3), field=5, padding=1), (1, 1, 1)),
    ],
)
def test_units_after_a_window(given, expected):
    assert fa.map_units(**given) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 9}, r"map_units: units must be \(maps, height, width\), got 9"),
        ({"units": (1, 3, 0)}, r"map_units: units must be \(maps, height, width\), got \(1, 3, 0\)"),
        ({"field": 0}, "map_units: field must be a positive whole number, got 0"),
        ({"field": 8}, "map_units: field must fit the maps of 7 x 5 units with padding 0, got 8"),
        ({"stride": 1.5}, "map_units: stride must be a positive whole number, got 1.5"),
        ({"padding": 3}, "map_units: padding must be a whole number, from 0 to 2, got 3"),
        ({"maps": 0}, "map_units: maps must be a positive whole number, got 0"),
    ],
)
def test_refuses_what_is_no_window(changes, message):
    with pytest.raises(ArgumentError, match=f"^{message}$"):
        fa.map_units(**{"units": (2, 7, 5), "field": 3} | changes)


@pytest.mark.parametrize("transposed", [False, True])
def test_the_way_back_has_the_same_synapses(transposed):
    window = Window((2, 5, 4), (3, 3, 2), 3, 2, 1, False)
    window = window.reversed if transposed else window
    pre, post, place = window.synapses()
    assert len(pre) == window.synapse_count == len(set(zip(pre.tolist(), post.tolist(), strict=True)))
    back = window.reversed
    assert back.reversed == window
    theirs = np.lexsort(np.stack(back.synapses()[:2]))
    ours = np.lexsort(np.stack((post, pre)))
    assert np.array_equal(back.synapses()[0][theirs], post[ours])
    assert np.array_equal(back.synapses()[1][theirs], pre[ours])
    shape = back.weights_shape
    swapped = np.arange(np.prod(shape)).reshape(shape).swapaxes(0, 3).ravel()
    assert np.array_equal(back.synapses()[2][theirs], swapped[place[ours]])
