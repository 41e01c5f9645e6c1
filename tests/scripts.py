"""Run scripts headless in one process: most of a short script's time goes into imports and kernels."""

import os
import subprocess
import sys

#: Each script has a folder of its own, and is what is run from the command line.
TOGETHER = """
import os, pathlib, runpy, sys
home = os.getcwd()
for number, path in enumerate(sys.argv[1:]):
    print("==", path, flush=True)
    os.mkdir(f"{home}/{number}")
    os.chdir(f"{home}/{number}")
    sys.argv = [path]
    sys.path[0] = str(pathlib.Path(path).parent)
    runpy.run_path(path, run_name="__main__")
"""


def run(arguments, folder):
    """Run Python in a folder, in the examples' quick mode; return what it printed."""
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"SPIKEFA_QUICK": "1"}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_together(paths, folder):
    """Run scripts one after the other; return what each printed, and its folder."""
    outputs = run(["-c", TOGETHER, *paths], folder).split("== ")[1:]
    assert len(outputs) == len(paths)
    assert all(output.startswith(str(path)) for output, path in zip(outputs, paths, strict=True))
    return [(output, folder / str(number)) for number, output in enumerate(outputs)]
