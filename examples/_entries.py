"""Write a study's measured errors into the ``results.toml`` beside it, where ``--write`` is given; else check them."""

from __future__ import annotations

import sys
from pathlib import Path

from _results import load_results

#: Whether the script is to write its results.
WRITE = "--write" in sys.argv
if WRITE:
    sys.argv.remove("--write")


def check_or_write(script: str, title: str, group: str, errors: dict, claims: dict, **fields) -> None:
    """Compare each result's values with its entry, or write the entries of a group; others stay as they are.

    Parameters
    ----------
    script : str
        The script's ``__file__``.
    title : str
        Of the page of results.
    group : str
        Of the results, in the file.
    errors : dict
        The id of each result, and its values (%), one a seed.
    claims : dict
        The id of each result, and what it is.
    **fields
        More keys of each entry, such as ``margin`` and ``command``.
    """
    path = Path(script).resolve().with_name("results.toml")
    if not WRITE:
        results = load_results(path)
        for name, values in errors.items():
            results.check(name, values)
        return
    entries = [entry.rstrip() for entry in path.read_text().split("[[result]]\n")[1:]] if path.exists() else []
    entries = [entry for entry in entries if f'group = "{group}"' not in entry]
    for name, values in errors.items():
        given = {
            "id": name,
            "group": group,
            "claim": claims[name],
            "measure": "test error",
            "seeds": list(range(len(values))),
            "values": [round(float(value), 2) for value in values],
            "unit": "%",
            "script": Path(script).name,
            "verdict": "control",
            **fields,
        }
        lines = (f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in given.items())
        entries.append("\n".join(lines))
    head = f"# Written by {Path(script).name} --write; examples/_results.py says what the keys mean.\n"
    blocks = "".join(f"\n[[result]]\n{entry}\n" for entry in entries)
    path.write_text(f'{head}title = "{title}"\n{blocks}')
    load_results(path)
