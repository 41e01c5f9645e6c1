"""Other simulators, which train a spiking network of the same sizes by an algorithm of their own."""

from __future__ import annotations

from pathlib import Path

from spikefa.bench.harness import Section, Setting, StepTimer, take_turns
from spikefa.bench.worker_process import TITLES, Worker, sizes_of, with_other


def against(section: Section, setting: Setting, key: str, program: Path, differences: str) -> None:
    """Add the rows ``spikefa``, ``KEY/training``, ``KEY/testing`` and ``ratio``; KEY alone if it cannot run.

    Parameters
    ----------
    section : Section
    setting : Setting
    key : str
        One of `worker_process.TITLES`.
    program : Path
        What the other process runs; it replies with the versions of its packages.
    differences : str
        What differs from spikefa's network, for the notes.
    """
    with_other(section, setting, lambda process: _measure(section, setting, process, key, differences), program, key)


def _measure(section: Section, setting: Setting, process: Worker, key: str, differences: str) -> None:
    reply, title = process.ask(sizes_of(setting)), TITLES[key]
    network = setting.network()
    timer = StepTimer(network)
    steps = setting.steps(network, timer)

    def asker(variant: str):
        return lambda: process.ask({"variant": variant, "steps": steps})

    jobs = {f"{key}/{variant}": asker(variant) for variant in reply["working"]}
    measured = take_turns({"spikefa": lambda: timer.mean_of(steps)} | jobs, setting)
    section.add("spikefa", f"spikefa: training step, {setting.streams} streams", "ms", measured["spikefa"])
    for name in jobs:
        section.add(name, f"{title}: {name.removeprefix(f'{key}/')} step", "ms", measured[name])
    section.add("ratio", f"{title} / spikefa, training", "x", measured[f"{key}/training"] / measured["spikefa"])
    versions = ", ".join(f"{name} {number}" for name, number in reply["versions"].items())
    section.notes.append(
        f"{versions}, in a process of its own that takes turns with this one. Sizes, streams and steps an image are "
        f"the same, the algorithm is not: {differences}."
    )
