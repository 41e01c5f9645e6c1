"""Points, and the names of their runs."""

import pytest

from spikefa.errors import ArgumentError
from spikefa.study import points
from spikefa.study.axes import Interval

LISTS = {"eta": [1e-3, 2e-3], "pathway": ["alignment", "direct"]}


def test_a_grid_has_every_combination():
    assert points.grid(LISTS) == [
        {"eta": 1e-3, "pathway": "alignment"},
        {"eta": 1e-3, "pathway": "direct"},
        {"eta": 2e-3, "pathway": "alignment"},
        {"eta": 2e-3, "pathway": "direct"},
    ]
    assert points.grid({}) == [{}]
    with pytest.raises(ArgumentError, match=r"the values of eta must be a list without random or search, got Int"):
        points.grid({"eta": Interval(0, 1)})


def test_drawn_points_are_different_and_of_the_seed():
    both = LISTS | {"eta": Interval(1e-4, 1e-2, log=True)}
    drawn = points.drawn(both, 20, 0)
    assert drawn == points.drawn(both, 20, 0) != points.drawn(both, 20, 1)
    assert len({tuple(point.values()) for point in drawn}) == 20
    assert {point["pathway"] for point in drawn} == {"alignment", "direct"}
    assert all(1e-4 <= point["eta"] <= 1e-2 for point in drawn)
    assert len(points.drawn(LISTS, 3, 0)) == 3
    assert len(points.drawn({"steps": Interval(1, 3)}, 3, 0)) == 3
    with pytest.raises(ArgumentError, match="random must be at most 4, the number of points, got 5"):
        points.drawn(LISTS, 5, 0)


def test_names_are_readable_and_different():
    axes = {"hidden": [(100, 50), (200,)], "momentum": [None, 0.9], "rule": ["dW = a", "dW = a/b"]}
    names = [points.run_name(axes, point, 3) for point in points.grid(axes)]
    assert names[0] == "hidden=100,50_momentum=none_rule=#1_seed=3" and len(set(names)) == 8
    assert all("/" not in name for name in names)
    long = {f"parameter_{i}": [0.123456789, 1.0] for i in range(10)}
    names = [points.run_name(long, point, 0) for point in points.grid(long)]
    assert names[0] == "point=1-1-1-1-1-1-1-1-1-1_seed=0" and len(set(names)) == 1024
