"""The points of a study: all combinations of its values, or some; and the names of their runs."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikefa._checks import refuse, shown
from spikefa.errors import ArgumentError, RunError
from spikefa.experiments import run_record
from spikefa.experiments.model_file import Model, as_tuples
from spikefa.experiments.params import fitted, value_text
from spikefa.study.axes import Axes, Interval, items

#: A value of each axis, by the parameter's name.
Point = dict[str, Any]

#: Mixed into the seed with which points are drawn.
_DRAW = 0x504F_494E
#: Characters that a run's name may have, of a file system that allows 255.
_LONGEST = 180


def grid(axes: Axes) -> list[Point]:
    """Return every combination of values, the last axis changing fastest.

    Raises
    ------
    ArgumentError
        If an axis is an interval.
    """
    for name, values in axes.items():
        if isinstance(values, Interval):
            raise ArgumentError(
                f"Study: the values of {name} must be a list without random or search, got {shown(values)}",
                hint="random or search",
            )
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def first(axes: Axes) -> Point:
    """Return one of the points."""
    return {name: _at(values, 0.0) for name, values in axes.items()}


def checked(model: Model, axes: Axes, points: Any) -> list[Point]:
    """Return points that were given, with their values in the types of the model's parameters.

    Raises
    ------
    ArgumentError
        If they are no different dicts of a value for each axis, or a value is not on its axis.
    ModelError
        If a value does not fit.
    """
    found: list[Point] = []
    for point in items("points", "be a list of dicts", points):
        if not isinstance(point, Mapping) or set(point) != set(axes):
            refuse("Study", "a point", f"have a value of each of {list(axes)}, which vary", point)
        kinds = {name: model.kind(name) for name in axes}
        point = {name: kind.recorded(fitted(model.title, name, kind, point[name])) for name, kind in kinds.items()}
        for name, values in axes.items():
            if not _is_on(values, point[name]):
                refuse("Study", f"{name} of a point", f"be one of its values, {values}", point[name])
        if point in found:
            refuse("Study", "points", "be different", point)
        found.append(point)
    return found or refuse("Study", "points", "be at least one", points)


def drawn(axes: Axes, count: int, seed: int) -> list[Point]:
    """Return different points drawn by chance, each value of a list, or each part of an interval, equally likely.

    Raises
    ------
    ArgumentError
        If there are fewer.
    """
    sizes = [
        math.inf if isinstance(values, Interval) and not values.whole else len(_listed(values))
        for values in axes.values()
    ]
    if math.prod(sizes) < count:
        raise ArgumentError(f"Study: random must be at most {math.prod(sizes)}, the number of points, got {count}")
    if all(isinstance(values, list) for values in axes.values()):
        every = grid(axes)
        return [every[i] for i in sorted(np.random.default_rng([seed, _DRAW]).permutation(len(every))[:count])]
    rng, points = np.random.default_rng([seed, _DRAW]), []
    for _ in range(1000 * count):
        fractions = zip(axes.items(), rng.random(len(axes)), strict=True)
        point = {name: _at(values, fraction) for (name, values), fraction in fractions}
        if point not in points:
            points.append(point)
        if len(points) == count:
            return points
    raise ArgumentError(f"Study: random must be fewer, since {len(points)} different points were found, got {count}")


def _is_on(values: list[Any] | Interval, value: Any) -> bool:
    return values.low <= value <= values.high if isinstance(values, Interval) else value in values


def _listed(values: list[Any] | Interval) -> Any:
    return range(values.low, values.high + 1) if isinstance(values, Interval) else values


def _at(values: list[Any] | Interval, fraction: float) -> Any:
    return values.at(fraction) if isinstance(values, Interval) else values[int(fraction * len(values))]


def found(directory: Path, axes: Axes, seeds: list[int]) -> list[Point]:
    """Return the points of the runs that are in the directory."""
    points: list[Point] = []
    for path in sorted((directory / "runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime):
        try:
            params = run_record.read(path.parent)["params"]
        except RunError:
            continue
        point = {name: as_tuples(params.get(name)) for name in axes}
        with contextlib.suppress(ValueError):  # of a value that is in no list
            if point not in points and any(run_name(axes, point, seed) == path.parent.name for seed in seeds):
                points.append(point)
    return points


def run_name(axes: Axes, point: Point, seed: int) -> str:
    """Return the name of a run's directory, such as ``eta=0.001_pathway=direct_seed=0``.

    A value that is no plain word is named by its place in the list: ``rule=#2``.
    """
    name = "_".join([*(f"{name}={_word(values, point[name])}" for name, values in axes.items()), f"seed={seed}"])
    if len(name) <= _LONGEST:
        return name
    places = [str(_place(values, point[name])) for name, values in axes.items()]
    return f"point={'-'.join(places)}_seed={seed}"


def _word(values: list[Any] | Interval, value: Any) -> str:
    text = value_text(value)
    return text if re.fullmatch(r"[A-Za-z0-9.+,-]{1,40}|[A-Za-z0-9_]{1,40}", text) else f"#{_place(values, value)}"


def _place(values: list[Any] | Interval, value: Any) -> Any:
    return value if isinstance(values, Interval) else values.index(value) + 1


def in_words(point: Point) -> str:
    """Return a point as texts show it: ``eta=0.001, pathway=direct``."""
    return ", ".join(f"{name}={value_text(value)}" for name, value in point.items()) or "as it is"
