"""Other simulators, each in a process of its own; PyTorch with the same equations, written by hand (`torch_worker`).

It takes turns with this process and never runs at once with it. It so has the OpenMP it came with, and threads that
wait as they would without spikefa, which sets GOMP_SPINCOUNT for its own unless the user has said how they wait.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from spikefa._environment import environment_of_the_user
from spikefa.bench.harness import Section, Setting, all_threads, take_turns

INSTALL = "not installed; to measure: pip install torch --index-url https://download.pytorch.org/whl/cpu"
#: What can be measured beside spikefa: key of the row -> name.
TITLES = {"pytorch": "PyTorch", "snntorch": "snnTorch", "ngclearn": "ngc-learn"}

#: The program of the other process.
WORKER = Path(__file__).with_name("torch_worker.py")

#: Parameters of the hand-written equations.
NAMES = (
    "pixels",
    "hidden",
    "outputs",
    "classes",
    "dt_over_tau",
    "max_spike_probability",
    "weight_range",
    "feedback_range",
    "eta",
    "gamma",
    "steps_per_image",
)


#: The processors that this process may use; once OpenMP has bound its first thread, that thread says less.
PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


class Worker:
    """A process that runs `torch_worker`."""

    def __init__(self, program: Path, process: subprocess.Popen, errors: Any):
        self._program, self._process, self._errors = program, process, errors

    def ask(self, question: dict[str, Any]) -> Any:
        """Send one line, return the answer.

        Raises
        ------
        RuntimeError
            If the process has died; the message is its last.
        """
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # its last words follow
        answer = self._process.stdout.readline()
        if not answer:
            self._process.wait()
            self._errors.seek(0)
            last = self._errors.read().strip().splitlines() or ["it said nothing"]
            raise RuntimeError(f"{self._program.name} stopped with code {self._process.returncode}: {last[-1]}")
        return json.loads(answer)


@contextmanager
def worker(program: Path = WORKER) -> Iterator[Worker]:
    """Start `torch_worker` or another program, and stop it at the end."""
    # -P: beside the worker lie files named like modules that PyTorch imports.
    command = [sys.executable, "-P", str(program)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with tempfile.TemporaryFile("w+") as errors:
        with _on_all_processors():
            process = subprocess.Popen(command, **pipes, stderr=errors, text=True, env=environment_of_the_user())
        with process:
            try:
                yield Worker(program, process, errors)
            finally:
                process.kill()


@contextmanager
def _on_all_processors() -> Iterator[None]:
    """Let processes that are started inside use every processor, even if OpenMP has bound this thread to one."""
    if PROCESSORS is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, PROCESSORS)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def with_other(
    section: Section, setting: Setting, ask: Callable[[Worker], None], program: Path = WORKER, key: str = "pytorch"
) -> None:
    """Let another simulator be measured, or add a row that says why it cannot be.

    Parameters
    ----------
    section : Section
    setting : Setting
    ask : function of a Worker
        What measures.
    program : Path
        The program of the other process.
    key : str
        One of `TITLES`: the key of the row.
    """
    params = setting.params()
    absent = [name for name in NAMES if not hasattr(params, name)]
    if absent:
        note = "its equations are those of the published spiking network; the model has no "
        section.missing(key, TITLES[key], note + ", ".join(absent))
        return
    with worker(program) as process:
        try:
            ask(process)
        except RuntimeError as error:
            section.missing(key, TITLES[key], _why(str(error)))


def _why(error: str) -> str:
    """Return how to install what another process has not found, or what it said."""
    for package, module in (("snntorch", "snntorch"), ("ngclearn", "ngclearn"), ("ngclearn", "jax")):
        if f"No module named '{module}'" in error:
            return f"not installed; to measure: pip install {package}"
    return INSTALL if "No module named 'torch'" in error else error


def in_words(name: str) -> str:
    """Return a variant's name, or the key of its row, as text."""
    return name.removeprefix("pytorch/").replace("/", ", ").replace("_", " ")


def sizes_of(setting: Setting, device: str = "cpu") -> dict[str, Any]:
    """Return the first line for `torch_worker`."""
    params = setting.params()
    sizes = {name: getattr(params, name) for name in NAMES}
    return sizes | {"streams": setting.streams, "threads": all_threads(), "compile": setting.compiled, "device": device}


def compare(
    section: Section,
    setting: Setting,
    process: Worker,
    reply: dict[str, Any],
    own: dict[str, tuple[str, Callable[[], float]]],
    steps: int,
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Let networks of spikefa and PyTorch's variants take turns; add their rows.

    Parameters
    ----------
    own : dict
        Key of a network's row -> what it is, and what returns the seconds of one of its steps.
    steps : int
        How many a variant does in a turn.

    Returns
    -------
    list of str, dict
        The keys of PyTorch's rows, the best variant first; key of a row -> its seconds, (turns,).
    """

    def asker(variant: str):
        return lambda: process.ask({"variant": variant, "steps": steps})

    names = {f"pytorch/{variant}": variant for variant in reply["working"]}
    jobs = {key: job for key, (_, job) in own.items()} | {name: asker(variant) for name, variant in names.items()}
    measured = take_turns(jobs, setting)
    for key, (what, _) in own.items():
        section.add(key, f"spikefa: training step, {setting.streams} streams{what}", "ms", measured[key])
    for name in names:
        section.add(name, f"PyTorch {in_words(name)}", "ms", measured[name])
    for variant, reason in reply["failed"].items():
        section.missing(f"pytorch/{variant}", f"PyTorch {in_words(variant)}", reason)
    return sorted(names, key=lambda name: section.rows[name].spread.median), measured
