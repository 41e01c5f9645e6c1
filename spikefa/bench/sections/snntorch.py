"""A spiking network of the same sizes in snnTorch, which learns by surrogate gradients."""

from __future__ import annotations

from pathlib import Path

from spikefa.bench.harness import Section, Setting, StepTimer, take_turns
from spikefa.bench.sections import sections
from spikefa.bench.torch_process import Worker, sizes_of, with_pytorch

#: What the other process runs.
PROGRAM = Path(__file__).parents[1] / "snntorch_worker.py"


@sections.register("snntorch")
def against_snntorch(setting: Setting, section: Section, program: Path = PROGRAM) -> None:
    """Compare with snnTorch on the processor.

    Keys ``spikefa``, ``snntorch/training``, ``snntorch/testing`` and ``ratio``; ``snntorch`` alone if it cannot run.

    Parameters
    ----------
    setting : Setting
    section : Section
    program : Path
        What the other process runs.
    """
    with_pytorch(section, setting, lambda process: _measure(section, setting, process), program, "snntorch")


def _measure(section: Section, setting: Setting, process: Worker) -> None:
    reply = process.ask(sizes_of(setting))
    network = setting.network()
    timer = StepTimer(network)
    steps = setting.steps(network, timer)

    def asker(variant: str):
        return lambda: process.ask({"variant": variant, "steps": steps})

    jobs = {f"snntorch/{variant}": asker(variant) for variant in reply["working"]}
    measured = take_turns({"spikefa": lambda: timer.mean_of(steps)} | jobs, setting)
    section.add("spikefa", f"spikefa: training step, {setting.streams} streams", "ms", measured["spikefa"])
    for key in jobs:
        section.add(key, f"snnTorch: {key.removeprefix('snntorch/')} step", "ms", measured[key])
    ratio = measured["snntorch/training"] / measured["spikefa"]
    section.add("ratio", "snnTorch / spikefa, training", "x", ratio)
    section.notes.append(
        f"snnTorch {reply['snntorch']}, PyTorch {reply['torch']}, {reply['threads']} threads, in a process of its own "
        "that takes turns with this one. The sizes, streams and steps an image are the same, the algorithm is not: "
        "leaky integrate-and-fire units, and one update an image by backpropagation through its steps, "
        "where spikefa updates in each step."
    )
