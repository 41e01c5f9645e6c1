"""The notebook of the site: what it says of its own length; the build of the site runs it."""

import json
import os
import re
import subprocess
import sys

import documents
import pytest

NOTEBOOK = documents.DOCS / "howto" / "notebook.ipynb"


def cells(kind):
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == kind]


def test_the_table_counts_the_lines_of_the_cells_below_it():
    text = "".join("".join(cell["source"]) for cell in cells("markdown"))
    said = [int(number) for number in re.findall(r"^\| .* \| (\d+) \|$", text, re.M)]
    counted = [cell for cell in cells("code") if "counted" in cell["metadata"].get("tags", [])]
    lines = [len([line for line in "".join(cell["source"]).splitlines() if line.strip()]) for cell in counted]
    training, arrays, elephant, sweep, psth = lines
    assert said == [training, arrays + elephant, sweep, psth]


def test_it_holds_no_output():
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells("code"))


@pytest.mark.slow
def test_it_runs(tmp_path):
    pytest.importorskip("nbclient", reason="nbclient is not installed")
    environment = os.environ | {"MPLBACKEND": "agg"}
    code = "import nbformat, nbclient, sys; nbclient.NotebookClient(nbformat.read(sys.argv[1], 4)).execute()"
    done = subprocess.run([sys.executable, "-c", code, NOTEBOOK], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
