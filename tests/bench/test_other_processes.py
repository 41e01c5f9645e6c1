"""What other processes use of the machine is seen, and what this one uses is not."""

import dataclasses
import subprocess
import sys
import time

import pytest

from spikefa.bench import harness, other_processes
from spikefa.bench.other_processes import STAT, OtherProcesses

BUSY = "import time\nend = time.time() + {seconds}\nwhile time.time() < end: pass"
pytestmark = pytest.mark.skipif(not STAT.exists(), reason="no /proc/stat")


def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_this_process_and_its_children_use_is_its_own():
    """That of a child that still runs, too, and of one that has ended no second time."""
    began = other_processes._own()
    work(0.3)
    own = other_processes._own()
    assert 0.25 < own - began < 0.6
    with subprocess.Popen([sys.executable, "-c", BUSY.format(seconds=2)]) as child:
        time.sleep(1.5)
        running = other_processes._own()
        assert running - own > 0.1
        child.wait()
    assert running - 0.1 < other_processes._own() < own + 3


def test_a_process_of_nobody_is_counted():
    """A grandchild that its parent leaves belongs to nobody here."""
    leave = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BUSY.format(seconds=1.5)!r}])"
    others = OtherProcesses()
    subprocess.run([sys.executable, "-c", leave], check=True)
    time.sleep(1.0)
    assert others.share > 0.02


def test_disturbed_measurements_are_repeated_and_then_kept_and_told(setting, monkeypatch):
    shares = iter([0.5, 0.01, 0.2, 0.3, 0.4, 0.0])
    monkeypatch.setattr(harness, "OtherProcesses", lambda: type("Fixed", (), {"share": next(shares)})())
    values = iter(range(10))
    own = dataclasses.replace(setting, quick=False, turns=3, pause=0.0, disturbances=harness.Disturbances())
    found = harness.take_turns({"a": lambda: next(values)}, own)
    assert list(found["a"]) == [1, 4, 5]
    assert str(own.disturbances) == (
        "Other processes used more than 5% of the processors: 3 measurements were repeated, and 1 of 3 kept although "
        "they used up to 40%."
    )
