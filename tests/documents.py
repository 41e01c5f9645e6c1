"""The documentation's pages, for tests: which there are, and their prose without code, tables and markup."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def written():
    """Pages of the site in the repository, the generated ones of results included; the prose is shown on these."""
    left_out = {"_build", "generated", "_prose"}
    return sorted(page for page in DOCS.rglob("*.md") if not left_out & set(page.relative_to(DOCS).parts))


def by_hand():
    """The README and the pages that are typed, not generated; the log of tuning stands as it was written."""
    pages = [page for page in written() if "tuning" not in page.parts and not page.read_text().startswith("<!-- Made")]
    return [ROOT / "README.md", *pages]


def words(text):
    """Words that a reader sees, code and tables included, addresses and comments not."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"\]\([^)]*\)|^\[\w+\]: .*$", "]", text, flags=re.M)
    return [word for word in text.split() if re.search(r"[A-Za-z0-9]", word)]


def blocks(text):
    """Paragraphs, lists and tables, each with the comment above it; code is left out."""
    text = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.S | re.M)
    return [block for block in re.split(r"\n\s*\n", text) if block.strip()]
