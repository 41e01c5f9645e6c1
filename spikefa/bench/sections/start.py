"""A user's wait: from a command until there is something to see, in processes of their own."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from spikefa.bench.harness import QUICK_SIZES, Section, Setting, take_turns
from spikefa.bench.sections import sections

#: The program of the processes that are measured.
PROGRAM = ("-m", "spikefa")

#: Seconds after which a command is given up.
LIMIT = 600

_IMPORT = ("-c", "import spikefa; spikefa.Network")


def seconds_until(command: Sequence[str], cache: Path | None, file: Path | None = None) -> float:
    """Return the seconds that Python takes to write a file, or to its end without one.

    Parameters
    ----------
    command : sequence of str
        What follows ``python``. It is ended once the file is there.
    cache : Path or None
        The folder of compiled code, which the command fills; None for the usual one.
    file : Path, optional

    Raises
    ------
    RuntimeError
        If the command fails or takes too long; the message is its last line.
    """
    environment = os.environ | ({} if cache is None else {"SPIKEFA_CACHE": str(cache)})
    with tempfile.TemporaryFile("w+") as said:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *command], env=environment, stdout=said, stderr=said)
        try:
            while process.poll() is None and not (file is not None and file.exists()):
                if time.perf_counter() - began > LIMIT:
                    break
                time.sleep(0.005)
            took = time.perf_counter() - began
            done = process.poll() == 0 if file is None else file.exists()
        finally:
            process.kill()
            process.wait()
        if not done:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["it said nothing"])[-1]
            raise RuntimeError(f"{' '.join(command)} failed: {last}")
    return took


def training(setting: Setting, directory: Path) -> list[str]:
    """Return the command that trains the setting's model on its data, of small sizes and on the digits if quick."""
    options = {"--data": "digits" if setting.quick else setting.model.data_of(setting.preset), "--run": directory}
    options |= {} if setting.preset is None else {"--preset": setting.preset}
    options |= {"--streams": setting.streams} if setting.quick else {}
    command = ["train", str(setting.model.path), "--epochs", "0", *(str(w) for pair in options.items() for w in pair)]
    for name, value in setting.known(QUICK_SIZES).items() if setting.quick else ():
        command += ["--set", f"{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"]
    return command


@sections.register("start")
def waiting(setting: Setting, section: Section, program: Sequence[str] = PROGRAM) -> None:
    """Measure a user's wait, from a command until there is something to see.

    Keys ``help``, ``import``, ``first_row/warm``, and unless quick ``first_row/cold``, ``demo/warm``, ``demo/cold``.

    Parameters
    ----------
    setting : Setting
    section : Section
    program : sequence of str
        What Python runs in the processes that are measured.
    """
    turns = dataclasses.replace(setting, turns=1 if setting.quick else min(setting.turns, 3))
    with tempfile.TemporaryDirectory() as folder:

        def place() -> Path:
            return Path(tempfile.mkdtemp(dir=folder))

        kept = None if setting.quick else place()

        def first_row(cache: Path | None) -> float:
            run = place() / "run"
            return seconds_until([*program, *training(setting, run)], cache, run / "metrics.csv")

        def demo(cache: Path | None) -> float:
            return seconds_until([*program, "demo", "--run", str(place() / "run")], cache)

        jobs = {
            "help": ("spikefa --help", lambda: seconds_until([*program, "--help"], kept)),
            "import": ("import spikefa; spikefa.Network", lambda: seconds_until(_IMPORT, kept)),
            "first_row/warm": ("first row of the metrics", lambda: first_row(kept)),
        }
        if not setting.quick:
            jobs["first_row/cold"] = "the same, nothing compiled", lambda: first_row(place())
            jobs["demo/warm"] = "spikefa demo", lambda: demo(kept)
            jobs["demo/cold"] = "the same, nothing compiled", lambda: demo(place())
        try:
            if not setting.quick:  # what is not compiled yet
                first_row(kept)
                demo(kept)
            values = take_turns({name: job for name, (_, job) in jobs.items()}, turns)
        except RuntimeError as error:
            section.missing("first_row/warm", "first row of the metrics", str(error))
            return
    for name, (what, _) in jobs.items():
        section.add(name, what, "s", values[name])
    said = " ".join(training(setting, Path("RUN"))).replace(str(setting.model.path), setting.model.name)
    section.notes.append(f"The first row is that of: spikefa {said}")
