"""The same equations in PyTorch on the processor, written by hand."""

from __future__ import annotations

from pathlib import Path

from spikefa.bench.harness import Section, Setting, StepTimer
from spikefa.bench.sections import sections
from spikefa.bench.worker_process import WORKER, Worker, compare, in_words, sizes_of, with_other


@sections.register("pytorch")
def against_pytorch(setting: Setting, section: Section, program: Path = WORKER) -> None:
    """Compare with PyTorch on the processor.

    Keys ``spikefa``, ``pytorch/VARIANT``, ``ratio``; ``pytorch`` alone if it cannot run.

    Parameters
    ----------
    setting : Setting
    section : Section
    program : Path
        What PyTorch's process runs.
    """
    with_other(section, setting, lambda process: _measure(section, setting, process), program)


def _measure(section: Section, setting: Setting, process: Worker) -> None:
    reply = process.ask(sizes_of(setting))
    network = setting.network()
    timer = StepTimer(network)
    steps = setting.steps(network, timer)
    ratios = compare(section, setting, process, reply, lambda: timer.mean_of(steps), steps)
    best, ratio = next(iter(ratios.items()))
    section.add("ratio", "best PyTorch / spikefa", "x", ratio, in_words(best))
    section.notes.append(
        f"PyTorch {reply['torch']} ({'MKL' if reply['mkl'] else 'no MKL'}), {reply['threads']} threads, "
        "denormals flushed, in a process of its own that takes turns with this one. Its equations are those "
        "of the published spiking network, written by hand."
    )
