"""Every example, and the README's, runs headless in its quick mode and ends by checking its number."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("[!_]*.py"))
#: Studies of small networks, of which most of the time is spent on imports and kernels: one process for all.
STUDIES = [path for path in EXAMPLES if "from _study import" in path.read_text()]
ONE_PROCESS = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
for path in sys.argv[2:]:
    print("==", path, flush=True)
    sys.argv = [path]
    runpy.run_path(path, run_name="__main__")
"""


def run(arguments, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"SPIKEFA_QUICK": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(told):
    assert re.search(r"test error [\d.e+-]+ ?%", told), told


@pytest.mark.parametrize("path", [p for p in EXAMPLES if p not in STUDIES], ids=lambda p: p.stem)
def test_example(path, tmp_path):
    check(run([path], tmp_path))


def test_studies(tmp_path):
    told = run(["-c", ONE_PROCESS, STUDIES[0].parent, *STUDIES], tmp_path).split("== ")[1:]
    assert len(told) == len(STUDIES) >= 8
    for part in told:
        check(part)
        assert (tmp_path / f"{Path(part.split()[0]).stem}.png").stat().st_size > 20_000


def test_readme_example(tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    (tmp_path / "readme.py").write_text(code)
    check(run([tmp_path / "readme.py"], tmp_path))
