"""A spiking network of the same sizes in snnTorch, which learns by surrogate gradients."""

from __future__ import annotations

from pathlib import Path

from spikefa.bench.harness import Section, Setting
from spikefa.bench.other_simulators import against
from spikefa.bench.sections import sections

#: What the other process runs.
PROGRAM = Path(__file__).parents[1] / "snntorch_worker.py"
DIFFERENCES = (
    "leaky integrate-and-fire units, and one update an image by backpropagation through its steps, where spikefa "
    "updates in each step"
)


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
    against(section, setting, "snntorch", program, DIFFERENCES)
