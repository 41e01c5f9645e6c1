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


@pytest.fixture
def others(tmp_path):
    """Environment with a directory on the path that has a module of kinds and a distribution that announces them."""
    (tmp_path / "kinds_of_others.py").write_text(KINDS)
    information = tmp_path / "others-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    groups = [f"[{group}]\n{entry}\n" for group, entry in ENTRY_POINTS.items()]
    (information / "entry_points.txt").write_text("\n".join(groups))
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path}


def contract(others, name, kind, *options):
    """Run the tests of a contract on one kind; return the exit status, what passed, and the output."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--show-capture=no", *options]
    done = subprocess.run(
        [*command, "-k", kind, str(CONTRACTS / name)], env=others, capture_output=True, text=True, timeout=600
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    return done.returncode, int(passed[1]) if passed else 0, done.stdout[-3000:] + done.stderr[-2000:]


@pytest.mark.parametrize(
    ("name", "kind", "least"),
    [
        ("test_pathways.py", "their_half", 12),
        ("test_optimizers.py", "their_plain", 6),
        ("test_datasets.py", "their-stripes", 6),
    ],
)
def test_a_kind_of_another_distribution_is_found_and_keeps_the_contract(others, name, kind, least):
    status, passed, output = contract(others, name, kind)
    assert status == 0 and passed >= least, output


def test_a_kind_that_a_plugin_registers_is_found_and_a_wrong_one_fails(others, tmp_path):
    """Its layers learn although there is no error."""
    (tmp_path / "plugin_of_others.py").write_text(
        "from kinds_of_others import restless\nfrom spikefa.pathways import pathways\n"
        "def pytest_configure():\n    pathways.register('their_restless')(restless)\n"
    )
    status, passed, output = contract(others, "test_pathways.py", "their_restless", "-p", "plugin_of_others")
    assert status == 1 and passed > 0, output
    assert "FAILED" in output and "test_without_an_error_nothing_changes[their_restless]" in output
