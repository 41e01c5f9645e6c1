"""Another process compiles the usual kernels: it is waited for, replaced when it fails, and changes no number."""

import json
import os
import subprocess
import sys
import time

import pytest

from spikefa.engine import compile_ahead, compiled

#: Begins `a`, waits for a line, which it prints, ends `a` and goes on to `b`.
SLOW = """
import sys, time
print("begin a", flush=True)
print("told", sys.stdin.readline().strip(), file=open(sys.argv[1], "w"), flush=True)
time.sleep(0.3)
print("end a", flush=True)
sys.stdin.read()
"""
#: Trains a network and one as recordings have, and prints their weights' digest and what was compiled.
TRAIN = """
import hashlib, json, sys
from spikefa.engine import compile_ahead
streams = int(sys.argv[2])
worker = compile_ahead.begin(streams) if sys.argv[1] == "ahead" else None
if worker is not None:
    assert compile_ahead.begin(streams) is None  # one is enough
    worker.process.wait()
from spikefa.bench.harness import build, show_synthetic
from spikefa.experiments import model_file
model, digest = model_file.load("lillicrap2016_spiking"), hashlib.sha256()
for shown in (streams, 1):
    network = build(model, model.params({"hidden": (500, 500), "outputs": 200, "pixels": 64}), shown)
    show_synthetic(network)
    network.run_steps(10)
    for array in network.parameters().values():
        digest.update(array.tobytes())
jobs = {name: function.stats for name, (function, _) in compile_ahead.jobs(streams).items()}
hits = {name: sum(stats.cache_hits.values()) for name, stats in jobs.items()}
misses = {name: sum(stats.cache_misses.values()) for name, stats in jobs.items()}
print(json.dumps({"worker": worker is not None, "digest": digest.hexdigest(), "hits": hits, "misses": misses}))
"""


def worker(code, *arguments, names=("a", "b"), patience=30.0):
    return compile_ahead.Worker([sys.executable, "-c", code, *map(str, arguments)], names, patience)


def trained(cache, how, streams):
    environment = os.environ | {"SPIKEFA_CACHE": str(cache)}
    command = [sys.executable, "-c", TRAIN, how, str(streams)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_what_has_begun_is_waited_for_and_what_has_not_is_taken_over(tmp_path):
    own = worker(SLOW, tmp_path / "told")
    while not own._begun:
        time.sleep(0.01)
    own.leave("b")  # not begun: at once, and told
    own.leave("a")
    own.leave("a")  # it has ended
    own.leave("c")  # never its own
    assert (tmp_path / "told").read_text() == "told b\n" and not own._to_do
    own.end()


def test_a_worker_that_fails_is_not_waited_for():
    own = worker("print('begin a', flush=True)\nraise SystemExit(1)")
    own.leave("a")
    own.leave("b")
    own.end()


def test_a_worker_that_starves_is_not_waited_for_long():
    own = worker("import time\nprint('begin a', flush=True)\ntime.sleep(600)", patience=0.1)
    own.leave("a")
    own.end()


def test_it_begins_only_where_it_is_of_use(tmp_path, monkeypatch):
    missing = {name: (name, ()) for name in ("a", "b")}
    monkeypatch.setattr(compile_ahead, "jobs", lambda streams, large: missing)
    monkeypatch.setattr(compile_ahead, "_processors", lambda: 2)
    monkeypatch.setattr(compiled, "ahead", None)
    monkeypatch.setattr(compiled, "is_kept", lambda function: False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    assert compile_ahead.begin() is None and compiled.ahead is None  # there is no Python to start
    monkeypatch.setattr(compile_ahead, "Worker", lambda *given: pytest.fail("it was started"))
    for name, value in {
        "private_folder": lambda: None,  # nothing can be kept
        "_processors": lambda: 1,
        "jobs": lambda streams, large: {"a": missing["a"]},  # too little to do
    }.items():
        with monkeypatch.context() as changed:
            changed.setattr(compile_ahead, name, value)
            assert compile_ahead.begin() is None
    monkeypatch.setattr(compiled, "is_kept", lambda function: True)
    assert compile_ahead.begin() is None


def test_what_is_for_large_networks_is_left_out_where_a_network_is_small():
    for streams in (100, 15, 5, 3):
        every, small = (set(compile_ahead.jobs(streams, large)) for large in (True, False))
        only_large = ("kernels.spikes.", "kernels.many_streams.", "kernels.few_streams.", "kernels.sums.")
        assert every - small == {name for name in every if any(part in name for part in only_large)} != set()
    assert compile_ahead.jobs(1, True) == compile_ahead.jobs(1, False)


@pytest.mark.slow
@pytest.mark.parametrize("streams", [100, 15, 5, 3, 1])
def test_the_worker_compiles_what_networks_call_and_no_number_changes(streams, tmp_path):
    """Every kernel of the list is called, with the types for which it was compiled."""
    alone = trained(compiled.cache_folder(), "alone", streams)
    ahead = trained(tmp_path, "ahead", streams)
    assert (alone["worker"], ahead["worker"]) == (False, True)
    assert ahead["digest"] == alone["digest"]
    assert not any(ahead["misses"].values()), ahead["misses"]
    assert all(ahead["hits"].values()), ahead["hits"]
