"""Measure the mean length of sentences, page by page: ``python docs/sentence_length.py [PAGE ...]``.

Code, tables, headings, comments and addresses do not count. A sentence ends with a full stop, a colon before a list, or
the end of its paragraph or item.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).resolve().parents[1]
#: Generated from scripts and docstrings, or a log that stands as it was written.
LEFT_OUT = {"_build", "generated", "_prose", "tuning", "details"}


def sentences(text: str) -> list[int]:
    """Return the number of words of each sentence of a Markdown text."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.S | re.M)
    text = re.sub(r"^(\||#|!\[|\[\w+\]: ).*$", "", text, flags=re.M)
    text = re.sub(r"\]\([^)]*\)", "", text).replace("[", "")
    text = re.sub(r"^ *(?:[*-]|\d+\.) ", "\n", text, flags=re.M)
    lengths = []
    for paragraph in re.split(r"\n\s*\n", text):
        one_line = re.sub(r"`[^`]*`", "code", " ".join(paragraph.split()))
        for sentence in re.split(r"(?<=[.?!:])[*)]*\s+(?=[A-Z\"'*(]|code|spikefa)", one_line):
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if len(words) > 2:
                lengths.append(len(words))
    return lengths


def pages() -> list[Path]:
    """Return the README, the other pages at the top, and the pages of the site that are typed by hand or from prose."""
    docs = [page for page in (ROOT / "docs").rglob("*.md") if not LEFT_OUT & set(page.relative_to(ROOT / "docs").parts)]
    return [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *sorted(docs)]


def main() -> None:
    """Print the mean of each page, and of all."""
    everything = []
    for page in [Path(path).resolve() for path in sys.argv[1:]] or pages():
        lengths = sentences(page.read_text(encoding="utf-8"))
        everything += lengths
        if lengths:
            print(f"{fmean(lengths):5.1f} {max(lengths):4} {len(lengths):4}  {page.relative_to(ROOT)}")
    print(f"{fmean(everything):5.1f} words a sentence in {len(everything)} sentences")


if __name__ == "__main__":
    main()
