"""A run is trained, gone on with and evaluated to the same bits whatever surrounds the process."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from run_helpers import TINY

from spikefa.engine.compiled import cache_folder
from spikefa.experiments.ensemble import Ensemble
from spikefa.experiments.run import new_run, open_run

CODE = """
import json, sys
from run_helpers import TINY
from test_environments import life
if __name__ == "__main__":
    print(json.dumps(life(sys.argv[1])))
"""


def life(folder):
    """Train an epoch in a folder, move the run, go on with it, and evaluate; return the errors and what was said."""
    new_run(f"{folder}/one", "lillicrap2016_spiking", TINY, data="digits", epochs=1, recording_steps=5).train()
    shutil.move(f"{folder}/one", f"{folder}/other place")
    run = open_run(f"{folder}/other place").ending_after(2)
    errors = run.train()["test_error"].tolist()
    return errors, next(Ensemble([open_run(f"{folder}/other place")]).measure([3])).together


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return json.loads(json.dumps(life(tmp_path_factory.mktemp("usual"))))


def lived(folder, *, options=(), before=(), without=(), **variables):
    env = {name: value for name, value in os.environ.items() if name not in without} | variables
    env["PYTHONPATH"] = os.pathsep.join([os.path.dirname(__file__), *filter(None, [env.get("PYTHONPATH")])])
    command = [*before, sys.executable, *options, "-c", CODE, str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


ONE_CORE = ("taskset", "-c", "0") if shutil.which("taskset") else ()


def test_everything_at_once(usual, tmp_path):
    """Odd letters, the locale C in another time zone, one core, and no home."""
    folder = tmp_path / "a b [c] größe 'd'"
    folder.mkdir()
    variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "TZ": "Pacific/Chatham", "SPIKEFA_CACHE": str(cache_folder())}
    assert lived(folder, before=ONE_CORE, without=("HOME",), **variables) == usual


@pytest.mark.slow
@pytest.mark.parametrize(
    "surroundings",
    [
        {"LC_ALL": "de_DE.UTF-8", "TZ": "America/St_Johns"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"options": ("-O",)},
        {"options": ("-OO",)},
        {"before": ONE_CORE},
        {"HOME": "/proc/no/such", "without": ("SPIKEFA_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")},
        {"without": ("HOME", "SPIKEFA_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")},
        {"SPIKEFA_CACHE": "/proc/no/such"},
        {"NUMBA_NUM_THREADS": "1"},
    ],
    ids=str,
)
def test_one_by_one(usual, tmp_path, surroundings):
    assert lived(tmp_path, **surroundings) == usual


@pytest.mark.slow
def test_a_network_runs_without_compiling():
    code = (
        "import spikefa as fa\nnet = fa.Network(streams=2, target='numpy')\nfa.Input(net, 'image', 3)\n"
        "fa.Layer(net, 'output', 4, 'v = I : 1\\nI : 1\\ns : 1', emit='s = int(rand() < v)', threshold=None)\n"
        "fa.Projection(net, 'image', 'output', fa.uniform(0.1))\nfa.classification_task(net, 2, 4)\n"
        "import numpy as np\nprint(fa.predict(net, np.eye(3), 3).tolist())"
    )
    said = []
    for disabled in "01":
        env = os.environ | {"NUMBA_DISABLE_JIT": disabled}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1]
