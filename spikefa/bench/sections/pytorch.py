"""The same equations in PyTorch on the processor, written by hand."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from spikefa.bench.harness import Section, Setting, StepTimer
from spikefa.bench.sections import sections
from spikefa.bench.worker_process import WORKER, Worker, compare, in_words, sizes_of, with_other


@sections.register("pytorch")
def against_pytorch(setting: Setting, section: Section, program: Path = WORKER) -> None:
    """Compare with PyTorch on the processor.

    Keys ``spikefa``, ``pytorch/VARIANT``, ``ratio``, and with 8-bit feedback ``int8/spikefa`` and ``int8/ratio`` if the
    model has a ``feedback_precision``; ``pytorch`` alone if it cannot run.

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
    timers = {"": StepTimer(setting.network())}
    if changes := setting.known({"feedback_precision": "int8"}):
        timers["int8/"] = StepTimer(setting.network(**changes))
    steps = setting.steps(timers[""].network, timers[""])
    said = {"": "", "int8/": ", int8 feedback"}
    own = {f"{name}spikefa": (said[name], partial(timer.mean_of, steps)) for name, timer in timers.items()}
    (best, *_), seconds = compare(section, setting, process, reply, own, steps)
    for name in timers:
        ratio = seconds[best] / seconds[f"{name}spikefa"]
        section.add(f"{name}ratio", f"best PyTorch / spikefa{said[name]}", "x", ratio, in_words(best))
    section.notes.append(
        f"PyTorch {reply['torch']} ({'MKL' if reply['mkl'] else 'no MKL'}), {reply['threads']} threads, "
        "denormals flushed, in a process of its own that takes turns with this one. Its equations are those "
        "of the published spiking network, written by hand."
    )
