"""Studies that are killed in their middle: what does it, and what must be gone afterwards."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from spikefa.study.progress import Silent

#: A study whose runs take some seconds.
LONG = {"seeds": 2, "epochs": 60}


class KillsWorkers(Silent):
    """Kills the process of a run once, in its middle."""

    def __init__(self, directory):
        self.directory, self.killed = directory, []

    def handle(self, event):
        if event.kind == "row" and event.data["epoch"] >= 5 and len(self.killed) < 2 and event.name not in self.killed:
            held = (self.directory / "runs" / event.name / "run.lock").read_text()
            os.kill(int(held.partition('"pid": ')[2].partition(",")[0]), signal.SIGKILL)
            self.killed.append(event.name)


FRONT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from study_runs import study_of
from spikefa.experiments import model_file
made = study_of(Path({directory!r}), model_file.load({model!r}), {{"eta": [1e-3, 2e-3]}}, **{settings!r})
if __name__ == "__main__":
    made.run(workers=2, progress=False, **{more!r})
"""


def front_end(study, rate, settings, **more):
    """Start a study in a process of its own; return it once two runs have rows."""
    code = FRONT.format(
        tests=str(Path(__file__).parent),
        directory=str(study.directory),
        model=str(rate.path),
        settings=settings,
        more=more,
    )
    script = study.directory.parent / "front.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen([sys.executable, script], env=environment, start_new_session=True)
    until = time.monotonic() + 240
    while sum(len(row["run"]) > 0 and row["images_seen"] > 6000 for row in study.rows()) < 2:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.5)
    return process


def children(pid):
    """Processes that a process has started, and those that these have."""
    own = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in own] + [grand for child in own for grand in children(child)]


def assert_gone(pids, seconds=40):
    until = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < until, pids
        time.sleep(0.2)
