"""Plant each bug of ``mutants.toml`` in a copy of the package and run the tests that are to find it.

    python tests/mutants/plant_bugs.py                          # all, one after the other
    python tests/mutants/plant_bugs.py --only momentum          # those whose file or description has the word
    python tests/mutants/plant_bugs.py --table docs/developers/mutants.md

The exit status is 1 if a bug survives, or its text is no longer there.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Pytest's exit status when tests ran and some failed.
FAILED = 1


def mutants():
    """Return the list of planted bugs."""
    return tomllib.loads((ROOT / "tests/mutants/mutants.toml").read_text())["mutant"]


def mutated(mutant):
    """Return the file's text with the bug in it.

    Raises
    ------
    ValueError
        If the text that is to be replaced is not there exactly once.
    """
    text = (ROOT / mutant["file"]).read_text()
    if (found := text.count(mutant["find"])) != 1:
        raise ValueError(f"{mutant['file']}: must have {mutant['find']!r} once, got {found}")
    return text.replace(mutant["find"], mutant["replace"])


def tested(mutant, copy):
    """Run the tests in a copy with the bug; return pytest's exit status and the first line that says what failed."""
    path = copy / mutant["file"]
    whole = path.read_text()
    path.write_text(mutated(mutant))
    # One cache for all: compiled code is known by its source, which a bug changes.
    environment = os.environ | {"PYTHONPATH": str(copy), "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--show-capture=no", *mutant["tests"]]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    finally:
        path.write_text(whole)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode, lines[0].partition(" ")[2].split(" - ")[0] if lines else ""


def main():
    """Try all bugs; print what found each, and write the table if one is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a word of the files or descriptions to try")
    parser.add_argument("--table", type=Path, help="write the result as a table in this file")
    arguments = parser.parse_args()
    chosen = [one for one in mutants() if arguments.only in one["file"] + one["what"]]
    rows, survived = [], 0
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy"
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.split("\n")[:-1]:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
        if (ROOT.parent / "shared").exists():
            (Path(directory) / "shared").symlink_to(ROOT.parent / "shared")
        for mutant in chosen:
            started = time.monotonic()
            status, by = tested(mutant, copy)
            survived += status != FAILED
            said = f"found by {by}" if status == FAILED else f"SURVIVED (status {status})"
            print(f"{mutant['file']}: {mutant['what']}: {said}, {time.monotonic() - started:.0f} s", flush=True)
            rows.append((mutant["file"].removeprefix("spikefa/"), mutant["what"], by or "nothing"))
    print(f"{len(chosen)} bugs, {survived} survived")
    if arguments.table:
        command = f"python tests/mutants/plant_bugs.py --table {arguments.table}"
        commit = ["git", "rev-parse", "--short", "HEAD"]
        on = subprocess.run(commit, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        head = ["# Planted bugs", "", f"Made by `{command}` on commit {on}, {date.today()}.", ""]
        head += [f"{len(chosen)} bugs were tried, one after the other; {survived} survived.", ""]
        head += ["| module | planted bug | found by |", "| --- | --- | --- |"]
        lines = [f"| `{module}` | {what} | `{by.removeprefix('tests/')}` |" for module, what, by in rows]
        arguments.table.parent.mkdir(parents=True, exist_ok=True)
        arguments.table.write_text("\n".join([*head, *lines, ""]))
    sys.exit(survived > 0)


if __name__ == "__main__":
    main()
