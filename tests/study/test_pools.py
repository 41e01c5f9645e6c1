"""Processes that train: they die and are replaced, stop when asked to, and never outlive the one that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from study_runs import assert_same

from spikefa.study import pools
from spikefa.study.pools import ProcessPool
from spikefa.study.progress import Silent
from spikefa.study.task import Event

#: A worker that imports nothing: a run is a text that says what it does.
FAKE = """
import os, pickle, sys
while True:
    try:
        kind, name, *rest = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    def tell(kind, data):
        pickle.dump((name, kind, data), sys.stdout.buffer)
        sys.stdout.buffer.flush()
    if kind == "stop":
        tell("stopped", {})
        continue
    what = pickle.loads(rest[0])
    tell("started", {"pid": os.getpid()})
    marker = os.path.join(sys.argv[1], name)
    if what == "dies" or (what == "dies once" and not os.path.exists(marker)):
        open(marker, "w").close()
        os.kill(os.getpid(), 9)
    if what != "waits":
        tell("done", {})
"""


def worked(tmp_path, jobs, handle=lambda pool, event: None, workers=2):
    """Events of a pool of fake workers."""
    pool, events = ProcessPool(workers, tmp_path / "log", (sys.executable, "-S", "-c", FAKE, str(tmp_path))), []

    def look(event):
        events.append(event)
        handle(pool, event)

    try:
        for name, what in jobs.items():
            pool.submit(name, what)
        pool.work(look)
    finally:
        pool.close()
    return events


def ends(events):
    return {event.name: event.kind for event in events if event.kind in ("done", "failed", "stopped", "lost")}


def test_runs_are_shared_out_and_the_processes_end(tmp_path):
    events = worked(tmp_path, dict.fromkeys("abcd", "works"))
    assert ends(events) == dict.fromkeys("abcd", "done")
    for pid in {event.data["pid"] for event in events if event.kind == "started"}:
        assert not Path(f"/proc/{pid}").exists()


def test_a_process_that_died_is_replaced_and_one_that_always_dies_is_given_up(tmp_path):
    events = worked(tmp_path, {"a": "dies once", "b": "works", "c": "dies", "d": "works"})
    assert ends(events) == {"a": "done", "b": "done", "c": "lost", "d": "done"}
    assert [event.kind for event in events if event.name == "a"] == ["started", "started", "done"]
    (lost,) = [event for event in events if event.kind == "lost"]
    assert f"its process ended {pools.TRIES} times, last by signal 9" in lost.data["message"]


def test_one_run_or_all_are_stopped(tmp_path):
    def stop_one(pool, event):
        if event.kind == "started":
            pool.stop(event.name)

    assert ends(worked(tmp_path, {"a": "waits", "b": "works"}, stop_one, workers=1)) == {"a": "stopped", "b": "done"}

    def stop_all(pool, event):
        if event.kind == "started":
            pool.stop_all()

    found = worked(tmp_path, {"a": "waits", "b": "waits", "c": "waits"}, stop_all, workers=1)
    assert ends(found) == dict.fromkeys("abc", "stopped")


def test_a_process_that_cannot_start_is_told(tmp_path):
    pool = ProcessPool(1, tmp_path, (sys.executable, "-S", "-c", "raise SystemExit('no room')"))
    found = []
    pool.submit("a", "works")
    pool.work(found.append)
    pool.close()
    message = f"its process ended 3 times, last with status 1; memory may be too small; see {tmp_path / 'worker0.txt'}"
    assert found == [Event("a", "lost", {"message": message})]
    assert (tmp_path / "worker0.txt").read_text().count("no room") == 3


def test_a_real_process_trains_as_this_one_does(study):
    made, other = study(), study("serial")
    assert [row["status"] for row in made.run(workers=1, progress=False)] == ["done", "done"]
    other.run(workers=0, progress=False)
    assert_same(made.runs, other.runs)


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


@pytest.mark.slow
def test_killed_workers_lose_nothing(study):
    made, other = study(**LONG), study("serial", **LONG)
    killer = KillsWorkers(made.directory)
    assert [row["status"] for row in made.run(workers=2, progress=killer)] == ["done"] * 4
    assert len(killer.killed) == 2
    other.run(workers=0, progress=False)
    assert_same(made.runs, other.runs)


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
        tests=str(Path(__file__).parents[1]),
        directory=str(study.directory),
        model=str(rate.path),
        settings=settings,
        more=more,
    )
    script = study.directory.parent / "front.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
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


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_front_end_that_ends_leaves_no_orphans_and_loses_nothing(study, rate, number):
    made, other = study(**LONG), study("serial", **LONG)
    process = front_end(made, rate, LONG)
    pids = children(process.pid)
    assert len(pids) == 2
    process.send_signal(number)
    process.wait()
    assert_gone(pids)
    assert all(row["status"] != "failed" for row in made.rows()) and made.rows()[-1]["status"] != "done"
    assert [row["status"] for row in made.run(workers=2, progress=False)] == ["done"] * 4
    other.run(workers=0, progress=False)
    assert_same(made.runs, other.runs)
