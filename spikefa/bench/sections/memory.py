"""Peak memory of a process that trains at full size, above one that only imports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from spikefa.bench.harness import Section, Setting, build
from spikefa.bench.sections import sections

IMAGES = 60_000

#: The program of the process that is measured.
PROGRAM = ("-m", "spikefa.bench.memory_worker")


def peak_of(setting: Setting, images: int, program: Sequence[str] = PROGRAM) -> float:
    """Return the peak memory in bytes of a process that trains on so many images, or only imports (0).

    Raises
    ------
    RuntimeError
        If the process fails; the message is its last line.
    """
    asked = {
        "model": str(setting.model.path),
        "params": setting.model.recorded(setting.params()),
        "streams": setting.streams,
        "images": images,
    }
    command = [sys.executable, *program, json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"the process that measures memory failed: {last}")
    return float(done.stdout.split()[-1])


@sections.register("memory")
def peak_memory(setting: Setting, section: Section, program: Sequence[str] = PROGRAM) -> None:
    """Measure peak memory.

    Keys ``imports``, ``training`` and ``with_data`` (both above the imports), ``arrays``.

    Parameters
    ----------
    setting : Setting
    section : Section
    program : sequence of str
        What Python runs in the processes that are measured.
    """
    few = setting.streams
    many = 20 * few if setting.quick else IMAGES
    try:
        peak_of(setting, few, program)  # compiles what is not compiled yet, which takes memory too
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        section.missing("training", "training, above imports", str(error))
        return
    jobs = {"imports": 0, "training": few, "with_data": many}
    turns = 1 if setting.quick else min(setting.turns, 3)
    values: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(turns):
        for name, images in jobs.items():
            values[name].append(peak_of(setting, images, program))
    base = values["imports"]
    section.add("imports", "imports alone", "MB", base)
    for name, what in (("training", "training"), ("with_data", f"with {many:,} images")):
        above = [value - imports for value, imports in zip(values[name], base, strict=True)]
        section.add(name, f"{what}, above imports", "MB", above)
    network = build(setting.model, setting.params(), setting.streams)
    weights = sum(array.nbytes for p in network.projections for array in p.state_arrays().values())
    states = sum(array.nbytes for array in network.state().values())
    note = f"weights {weights / 1e6:.0f}, states {states / 1e6:.0f}"
    section.add("arrays", "of that, weights and states", "MB", [weights + states], note)
    section.notes.append(f"Peak resident memory of fresh processes, {setting.streams} streams, in units of 10^6 bytes.")
