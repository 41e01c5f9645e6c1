"""A how-to page is a program: its blocks of ``python``, one after the other, run. Those of ``py`` are excerpts."""

import re
from pathlib import Path

import scripts

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"


def test_pages_run(tmp_path):
    programs = []
    for page in sorted(HOWTO.glob("*.md")):
        if code := "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.S)):
            programs.append(tmp_path / f"{page.stem}.py")
            programs[-1].write_text(f"import matplotlib\n\nmatplotlib.use('agg')\n{code}")
    assert len(programs) > 15
    scripts.run_together(programs, tmp_path)
