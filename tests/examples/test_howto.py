"""A how-to page is a program: its blocks of ``python``, one after the other, run. Those of ``py`` are excerpts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"
PAGES = [page for page in sorted(HOWTO.glob("*.md")) if "```python\n" in page.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_runs(page, tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
    script = tmp_path / f"{page.stem}.py"
    script.write_text(f"import matplotlib\n\nmatplotlib.use('agg')\n{code}")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
