"""Part (f): peak memory of a process that trains at full size, above one that only imports."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

from spikefa.bench.harness import Part, Setting, build

IMAGES = 60_000

#: What a child process runs. It reads VmHWM (Linux), since ru_maxrss of a child counts its parent as well.
CHILD = """
import json, sys
import numpy as np
from brian2 import ms
import spikefa
import spikefa.engine.target
from spikefa import modelfile
from spikefa.bench.harness import build

def peak():
    try:
        with open("/proc/self/status") as f:
            return 1024 * int(next(line.split()[1] for line in f if line.startswith("VmHWM")))
    except (OSError, StopIteration):
        import resource
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else 1024 * used

asked = json.loads(sys.argv[1])
if asked["images"]:
    model = modelfile.load(asked["model"])
    net = build(model, model.params(asked["params"]), asked["streams"])
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (asked["images"], net.input.units), dtype=np.uint8)
    classes, outputs = net.readout.classes, net.layers[-1].units
    answers = rng.integers(0, classes, len(images)) if classes else rng.random((len(images), outputs))
    def source():
        index = rng.integers(0, len(images), net.streams)
        return images[index], answers[index]
    net.stimulus.show(source)
    net.run_steps(4 * net.stimulus.steps_per_image)
print(peak())
"""


def peak_of(setting: Setting, images: int) -> float:
    """Return the peak memory in bytes of a process that trains on so many images, or only imports (0).

    Raises
    ------
    RuntimeError
        If the process fails; the message is its last line.
    """
    asked = {
        "model": str(setting.model.path),
        "params": dataclasses.asdict(setting.params()),
        "streams": setting.streams,
        "images": images,
    }
    command = [sys.executable, "-c", CHILD, json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"the process that measures memory failed: {last}")
    return float(done.stdout.split()[-1])


def peak_memory(setting: Setting, part: Part) -> None:
    """Measure (f): keys ``imports``, ``training`` and ``with_data`` (both above the imports), ``arrays``."""
    few = setting.streams
    many = 20 * few if setting.quick else IMAGES
    try:
        peak_of(setting, few)  # compiles what is not compiled yet, which takes memory too
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        part.missing("training", "training, above imports", str(error))
        return
    jobs = {"imports": 0, "training": few, "with_data": many}
    turns = 1 if setting.quick else min(setting.turns, 3)
    values: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(turns):
        for name, images in jobs.items():
            values[name].append(peak_of(setting, images))
    base = values["imports"]
    part.add("imports", "imports alone", "MB", base)
    for name, what in (("training", "training"), ("with_data", f"with {many:,} images")):
        above = [value - imports for value, imports in zip(values[name], base, strict=True)]
        part.add(name, f"{what}, above imports", "MB", above)
    network = build(setting.model, setting.params(), setting.streams)
    weights = sum(array.nbytes for p in network.projections for array in p.state_arrays().values())
    states = sum(array.nbytes for array in network.state().values())
    note = f"weights {weights / 1e6:.0f}, states {states / 1e6:.0f}"
    part.add("arrays", "of that, weights and states", "MB", [weights + states], note)
    part.notes.append(f"Peak resident memory of fresh processes, {setting.streams} streams, in units of 10^6 bytes.")
