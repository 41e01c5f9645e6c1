"""PyTorch in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from spikefa.bench import Section, Setting
from spikefa.bench.sections.ngclearn import against_ngclearn
from spikefa.bench.sections.pytorch import against_pytorch
from spikefa.bench.sections.snntorch import against_snntorch
from spikefa.bench.worker_process import INSTALL
from spikefa.experiments import model_file

#: Says what it was asked, and that a step of training took 3 s, of testing 2.
OTHER = """
import json, sys
asked = json.loads(sys.stdin.readline())
sizes = str([asked[name] for name in ("pixels", "hidden", "outputs", "streams", "steps_per_image")])
working = ["training", "testing"]
print(json.dumps({"versions": {"sizes": sizes}, "working": working}), flush=True)
while line := sys.stdin.readline().strip():
    print({"training": 3.0, "testing": 2.0}[json.loads(line)["variant"]], flush=True)
"""


@pytest.mark.parametrize(
    ("program", "note"),
    [
        ("import sys; sys.exit('no torch today')", "program.py stopped with code 1: no torch today"),
        ("raise ModuleNotFoundError(\"No module named 'torch'\")", INSTALL),
    ],
)
def test_pytorch_that_dies_is_a_row(setting, tmp_path, program, note):
    (tmp_path / "program.py").write_text(program)
    section = Section()
    against_pytorch(setting, section, tmp_path / "program.py")
    row = section.rows["pytorch"]
    assert row.spread is None and row.note == note


OTHERS = {"snntorch": against_snntorch, "ngclearn": against_ngclearn}


@pytest.mark.parametrize(("key", "module"), [*((key, key) for key in OTHERS), ("ngclearn", "jax")])
def test_a_simulator_that_is_not_there_is_a_row_that_says_how_to_get_it(setting, tmp_path, key, module):
    (tmp_path / "program.py").write_text(f"raise ModuleNotFoundError(\"No module named '{module}'\")")
    section = Section()
    OTHERS[key](setting, section, tmp_path / "program.py")
    row = section.rows[key]
    assert row.spread is None and row.note == f"not installed; to measure: pip install {key}"


@pytest.mark.parametrize("key", OTHERS)
def test_another_simulator_has_the_same_sizes_and_the_ratio_is_of_its_training(setting, tmp_path, key):
    (tmp_path / "program.py").write_text(OTHER)
    section = Section()
    OTHERS[key](setting, section, tmp_path / "program.py")
    ours, theirs, ratio = (section.rows[name].spread for name in ("spikefa", f"{key}/training", "ratio"))
    assert theirs.median == 3000 and section.rows[f"{key}/testing"].spread.median == 2000
    beyond = (ours.high - ours.low) / 2  # the two turns lie as far outside the quartiles as these from the median
    turns = ours.low - beyond, ours.high + beyond
    assert ratio.median == pytest.approx(sum(3000 / turn for turn in turns) / 2)
    assert section.notes[0].startswith("sizes [64, [40, 40], 20, 10, 5], in a process of its own")


def test_pytorchs_equations_are_not_those_of_every_model():
    section = Section()
    against_pytorch(Setting.quickly(model_file.load("lillicrap2016_rate")), section)
    assert section.rows["pytorch"].note.startswith("its equations are those of the published spiking network; the ")


def test_pytorchs_threads_wait_as_without_spikefa(tmp_path):
    """Its process has the user's own setting of OpenMP, and not the one that spikefa makes for itself."""
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, sys\nsys.stdin.readline()\n"
        "print(json.dumps([os.environ.get(n) for n in ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')]))\n"
    )
    asking = (
        "import os, sys, json, pathlib, spikefa\n"
        "from spikefa.bench.worker_process import worker\n"
        "with worker(pathlib.Path(sys.argv[1])) as process:\n"
        "    print(json.dumps([os.environ.get('GOMP_SPINCOUNT'), process.ask({})]))\n"
    )
    plain = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    for own, expected in (
        ({}, ["3000", [None, None]]),
        ({"GOMP_SPINCOUNT": "77"}, ["77", ["77", None]]),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, [None, [None, "PASSIVE"]]),
    ):
        done = subprocess.run(
            [sys.executable, "-c", asking, str(program)], env=plain | own, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout) == expected
