"""Processes that train: they die and are replaced, stop when asked to, and never outlive the one that started them."""

import signal
import sys
from pathlib import Path

import pytest
from study_kills import LONG, KillsWorkers, assert_gone, children, front_end
from study_runs import assert_same

from spikefa.study import pools
from spikefa.study.pools import ProcessPool
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


@pytest.mark.slow
def test_killed_workers_lose_nothing(study):
    made, other = study(**LONG), study("serial", **LONG)
    killer = KillsWorkers(made.directory)
    assert [row["status"] for row in made.run(workers=2, progress=killer)] == ["done"] * 4
    assert len(killer.killed) == 2
    other.run(workers=0, progress=False)
    assert_same(made.runs, other.runs)


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
