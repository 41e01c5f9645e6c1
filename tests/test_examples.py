"""Every example, and the README's, runs headless in its quick mode and ends by checking its number."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(arguments, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"SPIKEFA_QUICK": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"test error [\d.]+ ?%", done.stdout), done.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_example(path, tmp_path):
    run([path], tmp_path)


def test_readme_example(tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    (tmp_path / "readme.py").write_text(code)
    run([tmp_path / "readme.py"], tmp_path)
