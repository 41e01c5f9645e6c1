"""The results of the examples: read a paper's ``results.toml``, check its form, and check new numbers against it.

Each number is typed once, in the entry of its result. The pages in ``docs/results`` are generated from the entries, and
a script checks what it has measured against them::

    RESULTS = results_beside(__file__)
    RESULTS.check("fig3_alignment", errors)  # fails unless the mean is as in the entry, within the entry's margin
"""

from __future__ import annotations

import math
import re
import statistics
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["VERDICTS", "Result", "Results", "ResultsError", "load_results", "results_beside"]

#: What a verdict means; the first four compare with the paper.
VERDICTS = {
    "reproduced": "the paper's claim holds here, within the noise",
    "partly": "the direction of the claim holds, or a part of it",
    "not reproduced": "the claim does not hold here",
    "passed": "the number is better than the published one",
    "control": "a comparison of our own",
    "not run": "built and tested, but not run: the data are not here",
}
#: Key of an entry -> the types that it may have. A child, which says ``of``, has its parent's values of the rest.
KEYS: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "of": (str,),
    "group": (str,),
    "claim": (str,),
    "measure": (str,),
    "paper": (int, float, str),
    "paper_where": (str,),
    "goal": (int, float, str),
    "seeds": (list,),
    "values": (list,),
    "over": (str,),
    "mean": (int, float),
    "sd": (int, float),
    "n": (int,),
    "text": (str,),
    "margin": (int, float),
    "unit": (str,),
    "command": (str,),
    "script": (str,),
    "steps": (int,),
    "epochs": (int,),
    "machine": (str,),
    "minutes": (int, float, list),
    "code": (str,),
    "verdict": (str,),
    "note": (str,),
    "figure": (str,),
    "metrics": (str,),
}
INHERITED = (
    "group",
    "claim",
    "measure",
    "unit",
    "command",
    "script",
    "steps",
    "epochs",
    "machine",
    "minutes",
    "code",
    "verdict",
    "figure",
    "metrics",
)
REQUIRED = ("id", "group", "claim", "unit", "verdict")


class ResultsError(ValueError):
    """A ``results.toml`` is not of its form, or a number is not as its entry says."""


@dataclass(frozen=True)
class Result:
    """One result: an entry of ``results.toml``, with what it takes from the entry that it is a part of.

    Parameters
    ----------
    fields : dict
        The entry's keys, those of the parent included.
    own : dict
        The entry's keys as they are written.
    """

    fields: dict[str, Any] = field(repr=False)
    own: dict[str, Any] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        if name in KEYS:
            return self.fields.get(name)
        raise AttributeError(name)

    @property
    def id(self) -> str:
        """Name of the result, unique in its file."""
        return self.fields["id"]

    @property
    def mean(self) -> float:
        """Mean over the seeds: the one that is written, or the values' own."""
        if "mean" in self.fields:
            return float(self.fields["mean"])
        if self.over is not None and len(self.values) > 1:
            raise ResultsError(f"result {self.id!r}: its values are over {self.over} and have no mean")
        return statistics.fmean(self.values)

    @property
    def sd(self) -> float | None:
        """Standard deviation over the seeds, or None if there is one seed, or it is not known."""
        if "mean" in self.fields:
            return self.fields.get("sd")
        return statistics.stdev(self.values) if self.over is None and len(self.values) > 1 else None

    @property
    def n(self) -> int | None:
        """Number of seeds, or None if it is not known."""
        if "n" in self.fields:
            return self.fields["n"]
        return len(self.seeds) if self.seeds else None


class Results:
    """The results of a paper, in the order of the file.

    Parameters
    ----------
    path : Path
        The file ``results.toml``.
    title : str
        The paper.
    entries : list of dict
        Its entries, as they are written.
    """

    def __init__(self, path: Path, title: str, entries: Sequence[dict[str, Any]]) -> None:
        self.path, self.title = path, title
        self._results: dict[str, Result] = {}
        for entry in entries:
            _check_keys(path, entry)
            if entry["id"] in self._results:
                raise ResultsError(f"{path}: two results have the id {entry['id']!r}")
            inherited = {}
            if "of" in entry:
                if entry["of"] not in self._results or "of" in self._results[entry["of"]].own:
                    raise ResultsError(f"{path}: {entry['id']!r}: of must be an entry above, got {entry['of']!r}")
                parent = self._results[entry["of"]].fields
                inherited = {key: parent[key] for key in INHERITED if key in parent}
            result = Result(inherited | entry, entry)
            _check_values(path, result)
            self._results[entry["id"]] = result

    def __getitem__(self, name: str) -> Result:
        try:
            return self._results[name]
        except KeyError:
            raise ResultsError(f"{self.path}: no result {name!r}; there are {sorted(self._results)}") from None

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results.values())

    def __len__(self) -> int:
        return len(self._results)

    @cached_property
    def groups(self) -> dict[str, list[Result]]:
        """Results by group, in the order of the file; parts of a result are left out."""
        groups: dict[str, list[Result]] = {}
        for result in self:
            if "of" not in result.own:
                groups.setdefault(result.group, []).append(result)
        return groups

    def parts(self, result: Result) -> list[Result]:
        """Entries that say that they are ``of`` a result."""
        return [other for other in self if other.own.get("of") == result.id]

    def value(self, name: str) -> float:
        """Mean over the seeds of a result."""
        return self[name].mean

    def values(self, name: str) -> list[float]:
        """Values of a result, one a seed, or one for each of what it is ``over``."""
        return list(self[name].values)

    def check(self, name: str, measured: Any, at: int | None = None) -> None:
        """Fail unless the mean of new numbers is a result's, within its margin.

        Parameters
        ----------
        name : str
            The result's id.
        measured : array_like
            New numbers, one a seed.
        at : int, optional
            Which of the values to compare with, instead of the mean: that of a seed, or of what the values are over.

        Raises
        ------
        ResultsError
            If the mean is off by more than the margin, or the entry has no margin.
        """
        result = self[name]
        if result.margin is None:
            raise ResultsError(f"{self.path}: result {name!r} has no margin to check against")
        numbers = [float(x) for x in _flat(measured)]
        mean, wanted = math.fsum(numbers) / len(numbers), result.mean if at is None else result.values[at]
        if not abs(mean - wanted) < result.margin:  # nan, too, fails
            what = f"{result.claim}, {result.measure}" if result.measure else result.claim
            raise ResultsError(f"{name} ({what}): {mean:.4g} must be {wanted:g} within {result.margin:g} {result.unit}")

    def check_seeds(self, name: str, measured: Sequence[float]) -> None:
        """Hold the new number of each seed, 0 and on, to that of the same seed; seeds that a result lacks are left out.

        Raises
        ------
        ResultsError
            As `check` does.
        """
        seeds = self[name].seeds or []
        for seed, number in enumerate(measured):
            if seed in seeds:
                self.check(name, number, at=seeds.index(seed))


def _flat(numbers: Any) -> Iterator[Any]:
    """Numbers of an array, a list or a scalar."""
    try:
        for part in numbers:
            yield from _flat(part)
    except TypeError:
        yield numbers


def _check_keys(path: Path, entry: dict[str, Any]) -> None:
    name = entry.get("id")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_]+", name):
        raise ResultsError(f"{path}: id must be made of lower-case letters, digits and _, got {name!r}")
    for key, value in entry.items():
        if key not in KEYS:
            raise ResultsError(f"{path}: {name!r}: no key {key!r}; there are {sorted(KEYS)}")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise ResultsError(f"{path}: {name!r}: {key} must be {KEYS[key][0].__name__}, got {value!r}")


def _check_values(path: Path, result: Result) -> None:
    own, where = result.own, f"{path}: {result.id!r}"
    for key in REQUIRED:
        if key not in result.fields:
            raise ResultsError(f"{where}: {key} is missing")
    if result.verdict not in VERDICTS:
        raise ResultsError(f"{where}: verdict must be one of {list(VERDICTS)}, got {result.verdict!r}")
    if sum(key in own for key in ("values", "mean", "text")) == 0:
        raise ResultsError(f"{where}: one of values, mean and text must be there")
    if "values" in own:
        if ("seeds" in own) == ("over" in own):
            raise ResultsError(f"{where}: values must be said to be one a seed (seeds) or over something else (over)")
        if not own["values"] or not all(isinstance(x, (int, float)) for x in own["values"]):
            raise ResultsError(f"{where}: values must be numbers, got {own['values']!r}")
        if "seeds" in own and len(own["seeds"]) != len(own["values"]):
            raise ResultsError(f"{where}: there must be one value a seed, got {own['values']} for {own['seeds']}")
        if "mean" not in own and ("n" in own or "sd" in own):
            raise ResultsError(f"{where}: n and sd follow from the values")
    if "mean" in own and "seeds" in own and own.get("n", 0) <= len(own["values"]):
        raise ResultsError(f"{where}: mean must be left out if the values of all seeds are there")


def load_results(path: str | Path) -> Results:
    """Read a ``results.toml`` and check its form.

    Raises
    ------
    ResultsError
        If a key is unknown, missing or of another type, or an entry contradicts itself.
    """
    path = Path(path)
    with path.open("rb") as file:
        content = tomllib.load(file)
    unknown = set(content) - {"title", "result"}
    if unknown or not isinstance(content.get("title"), str):
        raise ResultsError(f"{path}: the file must have a title and [[result]] entries, got {sorted(content)}")
    return Results(path, content["title"], content.get("result", []))


def results_beside(script: str) -> Results:
    """Results in the folder of a script (``__file__``)."""
    return load_results(Path(script).resolve().with_name("results.toml"))
