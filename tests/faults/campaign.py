"""Kill, stop and hinder training runs, and damage their files, at random; count what comes of it.

    python tests/faults/campaign.py --seed 0 --table docs/developers/faults.md
    python tests/faults/campaign.py --kills 100 --signals 0 --faults 0 --bytes 0

What was stopped is resumed and compared bit for bit with a run that was not: all metrics but the seconds, and the
parameters and the activity of the checkpoint. An outcome with BUG must not be; the exit
status is then 1.
"""

import argparse
import itertools
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from datetime import date
from pathlib import Path

import damaged_files
import faulty_spikefa
import h5py
import idx_files

from spikefa.errors import SpikefaWarning
from spikefa.experiments.metrics_table import read_metrics

TRAIN = shlex.split(
    "train lillicrap2016_spiking --data digits --streams 10 --epochs 1 --checkpoint-seconds 0.05 --evaluate-every 0.1 "
    "--set pixels=64 --set hidden=10 --set outputs=10 --run"
)
SPIKEFA = (sys.executable, "-m", "spikefa")
SIGNALS = {
    "SIGINT": [signal.SIGINT],
    "SIGTERM": [signal.SIGTERM],
    "SIGHUP": [signal.SIGHUP],
    "SIGINT twice": [signal.SIGINT, signal.SIGINT],
}
#: Seconds after which a command hangs.
PATIENCE = 300
#: How an outcome begins that must not be.
BUG = "BUG"


def start(*arguments, program=SPIKEFA):
    """Start the command, as a process of its own."""
    command = [*program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process):
    """Return a process's exit status, None if it hangs, and what it printed."""
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return None, process.communicate()[0]
    return process.returncode, output


def wait_until_trained_by(process, directory):
    """Wait until the process holds the run, or ends; return whether it holds it."""
    while process.poll() is None:
        try:
            if json.loads((directory / "run.lock").read_text())["pid"] == process.pid:
                return True
        except (OSError, ValueError):
            pass  # none yet, or it is being written
        time.sleep(0.005)
    return False


def final(directory):
    """Return what a run came to, as comparable bytes by name."""
    metrics = read_metrics(directory / "metrics.csv")
    del metrics["seconds"]
    with h5py.File(directory / "checkpoint.h5") as f:
        arrays = {f"{group}/{name}": f[group][name][()] for group in ("parameters", "activity") for name in f[group]}
    return {name: array.tobytes() for name, array in (metrics | arrays).items()}


def resumed(directory, whole):
    """Resume a run to its end, or begin it where there is none; return the outcome."""
    there = (directory / "model.py").exists()
    if not there:  # nothing was trained yet
        shutil.rmtree(directory, ignore_errors=True)
    status, output = ended(start("resume", directory) if there else start(*TRAIN, directory))
    if status is None:
        return f"{BUG}: resuming hangs"
    if status:
        return f"{BUG}: not resumed ({status}: {output[-300:]})"
    return "resumed equal" if final(directory) == final(whole) else f"{BUG}: resumed unequal"


def in_a_sentence(output):
    """Return whether a failed command said one sentence."""
    return output.count("spikefa: ") == 1 and "Traceback" not in output


def kills(rng, count, folder, whole, span):
    """Kill training and resuming at random moments, the first of each run mostly before its first checkpoint."""
    found = Counter()
    while (left := count - found.total()) > 0:
        directory = folder / f"killed-{left}"
        process, killed = start(*TRAIN, directory), 0
        while killed < min(left, 5) and wait_until_trained_by(process, directory):
            time.sleep(rng.random() * span / (3 if killed else 10))
            if process.poll() is not None:
                break
            process.kill()
            process.communicate()
            killed += 1
            process = start("resume", directory)
        ended(process)
        found[resumed(directory, whole)] += killed
    return [("SIGKILL of training and resuming at random moments", found)]


def signals(rng, count, folder, whole, span):
    """Send signals to training at random moments."""
    found = {name: Counter() for name in SIGNALS}
    for k, name in zip(range(count), itertools.cycle(SIGNALS), strict=False):
        directory = folder / f"signal-{k}"
        process = start(*TRAIN, directory)
        if wait_until_trained_by(process, directory):
            time.sleep(rng.random() * span / 10)
        for number in SIGNALS[name]:
            process.send_signal(number)
            time.sleep(rng.random() * 0.05)
        status, output = ended(process)
        says = {130: "saved" if "Interrupted after" in output else "stopped at once", 0: "had ended"}
        said = "ended by it" if status == -SIGNALS[name][0] else says.get(status, f"{BUG}: status {status}")
        if "Traceback" in output:
            said = f"{BUG}: traceback ({output[-300:]})"
        found[name][f"{said}, {resumed(directory, whole)}"] += 1
    return list(found.items())


def faults(rng, count, folder, whole, span):
    """Let a call of the system fail while training, or take the directory away."""
    found = {name: Counter() for name in faulty_spikefa.FAULTS}
    for k, name in zip(range(count), itertools.cycle(found), strict=False):
        directory, n = folder / f"fault-{k}", rng.randint(1, 40)
        program = (sys.executable, faulty_spikefa.__file__, name, str(n), str(directory))
        status, output = ended(start(*TRAIN, directory, program=program))
        moved = directory.with_name(f"{directory.name}-moved")
        directory = moved if moved.exists() else directory
        if directory.exists():
            directory.chmod(0o755)
        if status in (2, 3):
            said = "one sentence" if in_a_sentence(output) else f"{BUG}: no sentence at {n} ({output[-300:]})"
        else:
            expected = {0: "not met", -signal.SIGKILL: "killed"}
            said = expected.get(status, f"{BUG}: status {status} at {n} ({output[-300:]})")
        found[name][f"{said}, {resumed(directory, whole)}"] += 1
    return list(found.items())


def files(rng, count, folder, whole, span):
    """Damage bytes of the files of a run and of data, by class."""
    idx_files.write(folder / "data", end=".gz")
    chosen = damaged_files.readers(whole, folder / "data").items() if count else ()
    return [(f"bytes of {name}", damaged_files.read_damaged(rng, count, path, read)) for name, (path, read) in chosen]


def main():
    """Run the campaign; print its table, and write it if wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parts = {"kills": (kills, 15), "signals": (signals, 8), "faults": (faults, 18), "bytes": (files, 150)}
    for name, (part, count) in parts.items():
        parser.add_argument(f"--{name}", type=int, default=count, help=f"{part.__doc__} (default: {count})")
    parser.add_argument("--table", type=Path, help="write the result as a table in this file")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SpikefaWarning)  # the data here are not the published ones
    rows, command = [], f"python tests/faults/campaign.py --seed {arguments.seed}"
    with tempfile.TemporaryDirectory() as directory:
        folder, whole = Path(directory), Path(directory) / "whole"
        folder.chmod(0o755)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")  # its models are trusted here alone
        process = start(*TRAIN, whole)
        wait_until_trained_by(process, whole)
        started = time.monotonic()
        status, output = ended(process)
        if status:
            sys.exit(output)
        span = time.monotonic() - started
        for name, (part, _) in parts.items():
            count = getattr(arguments, name)
            command += f" --{name} {count}"
            for what, found in part(random.Random(f"{arguments.seed} {name}"), count, folder, whole, span):
                outcomes = "; ".join(f"{times} {outcome}" for outcome, times in found.most_common())
                if found:
                    rows.append((what, found.total(), outcomes))
                    print(f"{what}: {found.total()}: {outcomes}", flush=True)
    if arguments.table:
        head = ["# Faults", "", f"Made by `{command} --table {arguments.table}` on {date.today()}.", ""]
        head += [f"{line.strip()}\n" for line in __doc__.split("\n\n") if line.startswith("What")]
        head += ["| fault | tried | outcome |", "| --- | --- | --- |"]
        lines = [f"| {what} | {tried} | {outcomes} |" for what, tried, outcomes in rows]
        arguments.table.parent.mkdir(parents=True, exist_ok=True)
        arguments.table.write_text("\n".join([*head, *lines, ""]))
    sys.exit(any(BUG in outcomes for _, _, outcomes in rows))


if __name__ == "__main__":
    main()
