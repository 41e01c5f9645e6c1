"""The tutorials, in their quick mode. The site's build runs them too, so that continuous integration does not twice."""

import os
import subprocess
import sys

import documents
import pytest

TUTORIALS = sorted((documents.DOCS / "tutorials").glob("[0-9]*.py"))


def test_there_are_six_tutorials_and_the_site_lists_them():
    index = (documents.DOCS / "tutorials" / "index.md").read_text()
    assert len(TUTORIALS) == 6
    for path in TUTORIALS:
        assert f"({path.name})" in index and f"generated/tutorials/{path.stem}\n" in index


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial(path, tmp_path):
    environment = os.environ | {"SPIKEFA_QUICK": "1", "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, path], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
