"""Make the pages of ``docs/results`` from the examples' ``results.toml`` and the prose in ``docs/results/_prose``.

A paper has a page with tables of at most six columns, and a page of details with a section a result. One page lists the
claims of all papers.

Run as ``python docs/generate_results.py``; with ``--check`` nothing is written, and pages that are not up to date are
named. In the prose a line ``{{table GROUP}}`` stands for the table of a group of results, ``{{table GROUP with PART}}``
for one with columns of the parts whose ids end in these words, and ``{{ID}}`` for the number of a result.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
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


def table(results: Results, group: str, parts: Sequence[str] = ()) -> str:
    """Return the table of a group: a row a result, with a link to how it was made.

    Columns of parts, by the ends of their ids, are in the place of the steps and the verdict.
    """
    entries = results.groups[group]
    other = "goal" if any("goal" in result.own for result in entries) else "paper"
    columns = {
        "claim": [claim_of(results, result) for result in entries],
        other: [compared_with(result) for result in entries],
        "here": [f"**{ours_of(result)}**" for result in entries],
        "seeds": [str(result.n or "") for result in entries],
        "steps": [str(result.steps or "") for result in entries],
        "verdict": [result.verdict for result in entries],
    }
    if parts:
        ours = {result.id: results.parts(result) for result in entries}
        for end in parts:
            found = [[short(p) for p in ours[result.id] if p.id == f"{result.id}_{end}"] for result in entries]
            columns[end.replace("_", " ")] = ["".join(cells) for cells in found]
        del columns["steps"], columns["verdict"]
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    return "\n".join(row(cells) for cells in [columns, ["---"] * len(columns), *zip(*columns.values(), strict=True)])


def row(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def claim_of(results: Results, result: Result) -> str:
    """Return what a result claims, and what was measured, as a link to its details."""
    link = f"[{result.claim}](details/{results.path.parent.name}.md#{result.id})"
    return f"{link}: {result.measure}" if result.measure and result.measure != "test error" else link


def details_page(results: Results) -> str:
    """Return the page of a paper's details: how each result was made, a section each."""
    name = results.path.parent.name
    head = f"<!-- Made by docs/generate_results.py from examples/{name}/results.toml: change that. -->"
    intro = f"How each result on the page [{results.title}](../{name}.md) was made."
    sections, drawn = [], set()
    for result in (result for group in results.groups.values() for result in group):
        sections.append(details(results, result))
        if result.figure and result.figure not in drawn:  # once, where it is first named
            sections.append(f"![{result.figure}]({place_of(results, result.figure)})")
            drawn.add(result.figure)
    return "\n\n".join([head, f"# Details: {results.title}", intro, *sections]) + "\n"


def details(results: Results, result: Result) -> str:
    """How a result was made: command, seeds and their values, machine, time, its parts and caveats."""
    measured = f"{result.measure[0].upper()}{result.measure[1:]}" if result.measure else "Result"
    compared = compared_with(result)
    other = "goal" if "goal" in result.own else "paper"
    where = f", {result.paper_where}" if result.paper_where else ""
    facts = [(measured, f"**{ours_of(result)}**"), (f"{other}{where}", compared), ("verdict", result.verdict)]
    if result.seeds and "mean" not in result.fields:
        facts.append(("seeds", of_range(result.seeds)))
        facts.append(("value of each seed", ", ".join(numbers(result.values)) if len(result.seeds) > 1 else ""))
    elif result.n:
        facts.append(("seeds", f"{result.n}, values not kept"))
    facts += [("steps an image", str(result.steps or "")), ("epochs", str(result.epochs or ""))]
    if result.minutes is not None:
        span = result.minutes if isinstance(result.minutes, list) else [result.minutes]
        facts.append(("time", f"{' to '.join(map(number, span))} minutes"))
    facts += [("machine", result.machine or ""), ("commit", result.code or "")]
    for kind in ("script", "figure", "metrics"):
        path = result.fields.get(kind)
        facts.append((kind, f"[{path}]({place_of(results, path)})" if path else ""))
    blocks = [f"## {result.id}", f"{whole_claim(results, result)}."]
    blocks.append("\n".join(row(pair) for pair in [("", ""), ("---", "---"), *((a, b) for a, b in facts if b)]))
    if result.command:
        blocks.append(f"```sh\n{result.command}\n```")
    parts = [from_details(line) for line in parts_of(results, result)]
    if parts:
        blocks.append("\n".join(f"* {line}" for line in parts))
    if "note" in result.own:
        blocks.append(from_details(result.own["note"]))
    return "\n\n".join(blocks)


def whole_claim(results: Results, result: Result) -> str:
    """Return a claim that goes on from one above it, which it says by three points, with that one."""
    if not result.claim.startswith("... "):
        return result.claim
    above = results.groups[result.group]
    first = [other.claim for other in above[: above.index(result)] if not other.claim.startswith("... ")][-1]
    rest = result.claim.removeprefix("... ")
    return f"{rest[0].upper()}{rest[1:]}; goes on from “{first}”"


def parts_of(results: Results, result: Result) -> list[str]:
    """Return what else was measured of a result, a line each."""
    steps = [part for part in results.parts(result) if "steps" in part.own and "measure" not in part.own]
    others = [part for part in results.parts(result) if part not in steps]
    lines = []
    if steps:
        counts = ", ".join(str(part.steps) for part in steps)
        lines.append(f"With {counts} steps: {'; '.join(short(part) for part in steps)} {result.unit}.")
    return lines + [
        f"{part_of(part)[0].upper()}{part_of(part)[1:]}.{' ' + part.own['note'] if 'note' in part.own else ''}"
        for part in others
    ]


def from_details(text: str) -> str:
    """Return a text whose links, written as from ``docs/results``, are as from ``docs/results/details``."""
    return re.sub(r"\]\((?!http)", "](../", text)


def short(part: Result) -> str:
    """Return the number of a part without its unit."""
    if part.text is not None:
        return part.text
    return ", ".join(numbers(part.values)) if part.over is not None else mean_of(part)


def of_range(seeds: list[int]) -> str:
    """Seeds as text."""
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 3 else ", ".join(map(str, seeds))


def place_of(results: Results, path: str) -> str:
    """Return a file of the examples, as seen from the pages of details."""
    there = (results.path.parent / path).resolve()
    return "../../../" + there.relative_to(ROOT).as_posix()


def page(results: Results, prose: str) -> str:
    """Return the page of a paper: its prose, with tables and numbers filled in."""
    name, left = results.path.parent.name, set(results.groups)

    def filled(match: re.Match) -> str:
        kind, _, group = match[1].partition(" ")
        if kind == "table":
            group, _, parts = group.partition(" with ")
            left.discard(group)
            return table(results, group, parts.split())
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


def claims_page(papers: dict[str, Results], prose: str) -> str:
    """Return the page of all papers' claims, in which ``{{PAPER/ID}}`` stands for a result's verdict and number."""

    def filled(match: re.Match) -> str:
        paper, name = match.groups()
        result = papers[paper][name]
        section = result.own.get("of", result.id)
        return f"{result.verdict}, [{ours_of(result)}](details/{paper}.md#{section})"

    head = "<!-- Made by docs/generate_results.py from docs/results/_prose/claims.md and the papers' results. -->"
    return f"{head}\n\n{re.sub(r'{{([a-z0-9_]+)/([a-z0-9_]+)}}', filled, prose).strip()}\n"


def pages() -> dict[Path, str]:
    """Every page and its text."""
    made, papers = {}, {}
    for path in sorted((ROOT / "examples").glob("*/results.toml")):
        name = path.parent.name
        papers[name] = results = load_results(path)
        made[PAGES / f"{name}.md"] = page(results, (PROSE / f"{name}.md").read_text(encoding="utf-8"))
        made[PAGES / "details" / f"{name}.md"] = details_page(results)
    made[PAGES / "claims.md"] = claims_page(papers, (PROSE / "claims.md").read_text(encoding="utf-8"))
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
        path.parent.mkdir(exist_ok=True)
        path.write_text(pages()[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
