"""The same equations in PyTorch on a GPU, written by hand."""

from __future__ import annotations

from spikefa.bench.harness import Section, Setting
from spikefa.bench.on_gpu import fewer_turns, gpu_is_here, moved, step_timer
from spikefa.bench.sections import sections
from spikefa.bench.worker_process import Worker, compare, in_words, sizes_of, with_other


@sections.register("gpu-pytorch")
def against_pytorch_on_a_gpu(setting: Setting, section: Section) -> None:
    """Compare with PyTorch on a GPU.

    Keys ``spikefa``, ``pytorch/VARIANT``, ``ratio/compiled`` and ``ratio/graph``; ``pytorch`` alone if there is no GPU
    or no PyTorch.
    """
    if gpu_is_here(section, "pytorch", "PyTorch"):
        fewer = fewer_turns(setting)
        with_other(section, fewer, lambda process: _pytorch(section, fewer, process))


def _pytorch(section: Section, setting: Setting, process: Worker) -> None:
    reply = process.ask(sizes_of(setting, "cuda"))
    network = moved(setting.network())
    steps = network.stimulus.steps_per_image * (2 if setting.quick else 100)
    own = {"spikefa": ("", step_timer(network, setting))}
    variants, seconds = compare(section, setting, process, reply, own, steps)
    for how in ("compiled", "graph"):
        best = next((name for name in variants if name.startswith(f"pytorch/{how}/")), None)
        if best is not None:
            ratio = seconds[best] / seconds["spikefa"]
            section.add(f"ratio/{how}", "PyTorch / spikefa", "x", ratio, in_words(best))
    section.notes.append(
        f"PyTorch {reply['torch']}, float32 products as spikefa's, in a process that takes turns with it."
    )
