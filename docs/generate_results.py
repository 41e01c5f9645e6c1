"""Make the pages of ``docs/results`` from the examples' ``results.toml`` and the prose in ``docs/results/_prose``.

Run as ``python docs/generate_results.py``; with ``--check`` nothing is written, and pages that are not up to date are
named. In the prose a line ``{{table GROUP}}`` stands for the table of a group of results, and ``{{ID}}`` for the number
of a result.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))  # _results

from _results import VERDICTS, Result, Results, ResultsError, load_results

ROOT = Path(__file__).resolve().parents[1]
PAGES, PROSE = ROOT / "docs" / "results", ROOT / "docs" / "results" / "_prose"


def number(value: float, places: int = 0) -> str:
    """Return a number as it was written, with at least so many decimals."""
    text = re.sub(r"e([+-])0*", r"e\1", f"{value:g}").replace("e+", "e")
    return text if "e" in text or decimals(text) >= places else f"{value:.{places}f}"


def decimals(text: str) -> int:
    """How many decimals a number is written with."""
    return 0 if "e" in text else len(text.partition(".")[2])


def numbers(values: Sequence[float], most: int = 2) -> list[str]:
    """Numbers as they were written: a last 0, which is lost in reading, is put back if others have a digit there.

    Numbers with more than `most` decimals are of different sizes, and are left as they are.
    """
    written = [decimals(number(value)) for value in values]
    places = max(written) if max(written) <= most else 0
    return [number(value, places if places - own == 1 else 0) for value, own in zip(values, written, strict=True)]


def mean_of(result: Result) -> str:
    """Return a result's mean and standard deviation, with as many decimals as its values have."""
    if "mean" in result.fields:
        return " ± ".join(numbers([result.mean] if result.sd is None else [result.mean, result.sd], 3))
    if result.sd is None:
        return number(result.mean)
    places = max(decimals(number(value)) for value in result.values)
    return f"{result.mean:.{places}f} ± {result.sd:.{places}f}"


def ours_of(result: Result) -> str:
    """Return what is shown of a result: its text, its values over something else than seeds, or mean and deviation."""
    if result.text is not None:
        return result.text
    unit = "" if result.unit in ("", "P") else f" {result.unit}"
    if result.over is not None and len(result.values) > 1:
        return f"{', '.join(numbers(result.values))}{unit} ({result.over})"
    return ("P = " if result.unit == "P" else "") + f"{mean_of(result)}{unit}"


def part_of(part: Result) -> str:
    """Return a part of a result, as it is shown below it."""
    several = part.seeds and len(part.seeds) > 1 and "mean" not in part.fields
    values = f" ({', '.join(numbers(part.values))})" if several else ""
    return f"{part.own.get('measure', part.measure)}: {ours_of(part)}{values}"


def compared_with(result: Result) -> str:
    """Return the paper's value, or the goal that was set."""
    other = result.own.get("paper", result.own.get("goal", ""))
    if not isinstance(other, str):
        return f"{number(other)} {result.unit}".strip()
    return f"P = {other}" if result.unit == "P" else other


def table(results: Results, group: str) -> str:
    """Return the table of a group, a row a result, and below it how each was made."""
    entries = results.groups[group]
    compared = any(map(compared_with, entries))
    other = "goal" if any("goal" in result.own for result in entries) else "paper"
    head = ["claim", *([other] if compared else []), "here", "verdict"]
    rows, made = [], []
    for place, result in enumerate(entries, 1):
        steps = f" with {result.steps} step{'s' if result.steps > 1 else ''}" if (result.steps or 1) > 1 else ""
        measure = f"{result.measure}: " if result.measure and result.measure != "test error" else ""
        cells = [f"{place}. {result.claim}", *([compared_with(result)] if compared else [])]
        rows.append([*cells, f"{measure}**{ours_of(result)}**{steps}", result.verdict])
        made.append(f"{place}. {details(results, result)}")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", *made])


def details(results: Results, result: Result) -> str:
    """How a result was made, its parts and its notes, in one item of a list."""
    said = []
    if result.command:
        said.append(f"`{result.command}`")
    if result.seeds and "mean" not in result.fields:
        values = f": {', '.join(numbers(result.values))}" if len(result.seeds) > 1 else ""
        said.append(f"seed{'s' if len(result.seeds) > 1 else ''} {of_range(result.seeds)}{values}")
    elif result.n:
        said.append(f"{result.n} seeds")
    if result.epochs:
        said.append(f"{result.epochs} epoch{'s' if result.epochs > 1 else ''}")
    if result.minutes is not None:
        span = result.minutes if isinstance(result.minutes, list) else [result.minutes]
        said.append(f"{' to '.join(map(number, span))} minutes")
    if result.machine:
        said.append(result.machine)
    if result.paper_where:
        said.append(f"paper: {result.paper_where}")
    if result.code:
        said.append(f"commit {result.code}")
    links = [(name, result.fields.get(name)) for name in ("figure", "metrics")]
    said += [f"[{name}]({place_of(results, path)})" for name, path in links if path]
    lines = ["; ".join(said) + "."] if said else []
    steps = [part for part in results.parts(result) if "steps" in part.own and "measure" not in part.own]
    others = [part for part in results.parts(result) if part not in steps]
    if steps:
        counts = ", ".join(str(part.steps) for part in steps)
        lines.append(f"{counts} steps: {'; '.join(short(part) for part in steps)} {result.unit}.")
    lines += [
        f"{part_of(part)[0].upper()}{part_of(part)[1:]}.{' ' + part.own['note'] if 'note' in part.own else ''}"
        for part in others
    ]
    if "note" in result.own:
        lines.append(result.own["note"])
    return "\n   ".join(lines)


def short(part: Result) -> str:
    """Return the number of a part without its unit."""
    return ", ".join(numbers(part.values)) if part.over is not None else mean_of(part)


def of_range(seeds: list[int]) -> str:
    """Seeds as text."""
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 3 else ", ".join(map(str, seeds))


def place_of(results: Results, path: str) -> str:
    """Return a file of the examples, as seen from the pages."""
    there = (results.path.parent / path).resolve()
    return "../../" + there.relative_to(ROOT).as_posix()


def page(results: Results, prose: str) -> str:
    """Return the page of a paper: its prose, with tables and numbers filled in."""
    name, left = results.path.parent.name, set(results.groups)

    def filled(match: re.Match) -> str:
        kind, _, group = match[1].partition(" ")
        if kind == "table":
            left.discard(group)
            return table(results, group)
        if kind == "verdicts":
            return "\n".join(f"* *{verdict}*: {meaning}." for verdict, meaning in VERDICTS.items())
        return ours_of(results[kind])

    made = re.sub(r"\{\{([\w ]+)\}\}", filled, prose)
    if left:
        raise ResultsError(f"docs/results/_prose/{name}.md: no table of the groups {sorted(left)}")
    head = (
        f"<!-- Made by docs/generate_results.py from examples/{name}/results.toml and docs/results/_prose/{name}.md: "
        "change those. -->"
    )
    return f"{head}\n\n{made.strip()}\n"


def pages() -> dict[Path, str]:
    """Every page and its text."""
    made = {}
    for path in sorted((ROOT / "examples").glob("*/results.toml")):
        name = path.parent.name
        made[PAGES / f"{name}.md"] = page(load_results(path), (PROSE / f"{name}.md").read_text(encoding="utf-8"))
    return made


def main() -> None:
    """Write the pages, or say which of them are old."""
    old = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        if old:
            names = ", ".join(path.name for path in old)
            sys.exit(f"not up to date: {names}; run python docs/generate_results.py")
        return
    for path in old:
        path.write_text(pages()[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
