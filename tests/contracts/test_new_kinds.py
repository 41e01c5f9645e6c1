"""Kinds from elsewhere: what another distribution or a plugin registers is found, and the contracts run on it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spikefa.datasets import datasets
from spikefa.pathways import pathways
from spikefa.plasticity.optimizers import optimizers

CONTRACTS = Path(__file__).parent

pytestmark = pytest.mark.slow  # the contracts, run again

KINDS = '''
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import spikefa as fa
from spikefa.datasets import Dataset
from spikefa.plasticity.optimizers import Optimizer


def half_feedback(network, *, error, feedback, emit="delta = tanh(u)", B, namespace=None, sign=1):
    """Feedback alignment, its weights halved, with one statement for all populations."""
    names = {"emit": emit, "namespace": namespace}
    fa.feedback_alignment(network, error=error, feedback=feedback, B=B, **names)
    for projection in network.projections:
        projection.W = projection.W / 2
    return list(network.projections)


def restless(network, *, error, emit="delta = tanh(u)", emit_error=None, namespace=None):
    """Feedback that is not the error's: layers learn when there is none."""
    fa.output_only(network, error=error, emit="delta = 1.0", namespace=namespace)
    return []


@dataclass(frozen=True)
class Plain(Optimizer):
    """Gathers nothing, and adds updates at once."""

    gathers = False

    def brian2_code(self, weight, update, names, lr):
        return f"{weight} = {weight} + {update}"


def stripes(data_dir=None):
    rng = np.random.default_rng(0)
    images, labels = rng.random((30, 16), np.float32), rng.integers(2, size=30)
    return Dataset("their-stripes", images[:20], labels[:20], images[20:], labels[20:], shape=(4, 4), classes=2)
'''
ENTRY_POINTS = {
    pathways.group: "their_half = kinds_of_others:half_feedback",
    optimizers.group: "their_plain = kinds_of_others:Plain",
    datasets.group: "their-stripes = kinds_of_others:stripes",
}

#: A plugin's kind, whose layers learn although there is no error.
PLUGIN = """
from kinds_of_others import restless
from spikefa.pathways import pathways

def pytest_configure():
    pathways.register('their_restless')(restless)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Lines on what became of the contracts' tests of these kinds, in one process; and all that it printed.

    There is a directory on the path with a module of kinds, and a distribution that announces them.
    """
    folder = tmp_path_factory.mktemp("others")
    (folder / "kinds_of_others.py").write_text(KINDS)
    (folder / "plugin_of_others.py").write_text(PLUGIN)
    information = folder / "others-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    groups = [f"[{group}]\n{entry}\n" for group, entry in ENTRY_POINTS.items()]
    (information / "entry_points.txt").write_text("\n".join(groups))
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    options = ("-q", "-rA", "--show-capture=no", "-p", "no:cacheprovider", "-p", "plugin_of_others")
    files = [str(CONTRACTS / f"test_{name}.py") for name in ("pathways", "optimizers", "datasets")]
    chosen = ["-k", "their_half or their_plain or their-stripes or their_restless"]
    command = [sys.executable, "-m", "pytest", *options, *chosen, *files]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=900)
    return re.findall(r"^(?:PASSED|FAILED|ERROR) .*", done.stdout, re.M), done.stdout[-3000:] + done.stderr[-2000:]


def split(lines, kind):
    """Return the lines on a kind: on tests that passed, and on those that did not."""
    lines = [line for line in lines if kind in line]
    return [line for line in lines if line.startswith("PASSED")], [line for line in lines if line[0] != "P"]


@pytest.mark.parametrize(("kind", "least"), [("their_half", 12), ("their_plain", 6), ("their-stripes", 6)])
def test_a_kind_of_another_distribution_is_found_and_keeps_the_contract(outcomes, kind, least):
    lines, output = outcomes
    passed, failed = split(lines, kind)
    assert not failed and len(passed) >= least, output


def test_a_kind_that_a_plugin_registers_is_found_and_a_wrong_one_fails(outcomes):
    lines, output = outcomes
    passed, failed = split(lines, "their_restless")
    assert passed, output
    assert any("test_without_an_error_nothing_changes[their_restless]" in line for line in failed), output
