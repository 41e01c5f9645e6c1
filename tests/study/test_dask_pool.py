"""Studies on Dask: killed workers, schedulers and front ends lose nothing. All slow but one."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from study_kills import LONG, KillsWorkers, assert_gone, children, front_end
from study_runs import assert_same

from spikefa.errors import ArgumentError, RunError

distributed = pytest.importorskip("distributed")


def test_a_scheduler_that_is_none_is_refused(study):
    with pytest.raises(ArgumentError, match='scheduler must be "local", an address such as'):
        study(epochs=0).run(scheduler="nowhere", progress=False)


def test_the_job_script_of_the_guide():
    """Its settings make a SLURM script; no cluster is needed for that."""
    jobqueue = pytest.importorskip("dask_jobqueue")
    guide = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "many_seeds.md").read_text()
    (call,) = re.findall(r"^cluster = SLURMCluster\(\n(.*?)^\)", guide, re.S | re.M)
    job = jobqueue.slurm.SLURMJob("tcp://10.0.0.1:8786", "worker", **eval(f"dict({call})"))
    script = job.job_script()
    for line in ("#SBATCH --cpus-per-task=1", "#SBATCH -t 12:00:00", "export NUMBA_NUM_THREADS=1", "#SBATCH --mem=4G"):
        assert f"\n{line}\n" in script
    assert "--nthreads 1" in script and "--lifetime 11h50m" in script and "tcp://10.0.0.1:8786" in script


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_told(study, monkeypatch):
    monkeypatch.setattr("spikefa.study.dask_pool._CONNECT", 1.0)
    with pytest.raises(RunError, match=r"scheduler tcp://127\.0\.0\.1:9 does not answer"):
        study(epochs=0).run(scheduler="tcp://127.0.0.1:9", progress=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the clusters, such as for a port that is taken
def test_killed_workers_of_a_local_cluster_lose_nothing(study):
    made, other = study(**LONG), study("serial", **LONG)
    killer = KillsWorkers(made.directory)
    assert [row["status"] for row in made.run(workers=2, scheduler="local", progress=killer)] == ["done"] * 4
    assert len(killer.killed) == 2
    other.run(workers=0, progress=False)
    assert_same(made.runs, other.runs)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_killed_front_end_and_its_local_cluster_leave_nothing_behind(study, rate):
    made, other = study(**LONG), study("serial", **LONG)
    process = front_end(made, rate, LONG, scheduler="local")
    pids = children(process.pid)
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout
    own = [
        line.split()[3] for line in listening.splitlines() if any(f"pid={pid}," in line for pid in [process.pid, *pids])
    ]
    assert own and all(address.startswith("127.0.0.1:") for address in own)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert_gone(pids)
    assert made.rows()[-1]["status"] != "done"
    assert [row["status"] for row in made.run(workers=2, scheduler="local", progress=False)] == ["done"] * 4
    other.run(workers=0, progress=False)
    assert_same(made.runs, other.runs)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_is_killed_is_told_and_the_study_goes_on(study, tmp_path):
    class KillsScheduler(KillsWorkers):
        def handle(self, event):
            if event.kind == "row" and event.data["epoch"] >= 5 and not self.killed:
                scheduler.kill()
                self.killed.append(event.name)

    made = study(**LONG)
    dask, address = [sys.executable, "-m", "dask"], tmp_path / "scheduler.json"
    options = ["--scheduler-file", address, "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    scheduler = subprocess.Popen([*dask, "scheduler", *options], stderr=subprocess.DEVNULL)
    worker = subprocess.Popen(
        [*dask, "worker", "--scheduler-file", address, "--nthreads", "1", "--host", "127.0.0.1"],
        stderr=subprocess.DEVNULL,
    )
    try:
        client = distributed.Client(scheduler_file=str(address), timeout=60)
        client.wait_for_workers(1, timeout=120)
        with pytest.raises(RunError, match=r"the scheduler tcp://127\.0\.0\.1:\d+ is gone"):
            made.run(scheduler=client, progress=KillsScheduler(made.directory))
        assert made.run(workers=2, progress=False)[-1]["status"] == "done"
    finally:
        scheduler.kill()
        worker.terminate()
        worker.wait(30)
