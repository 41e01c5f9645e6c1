"""A spiking network of the same sizes in ngc-learn, which learns by broadcast feedback alignment."""

from __future__ import annotations

from pathlib import Path

from spikefa.bench.harness import Section, Setting
from spikefa.bench.other_simulators import against
from spikefa.bench.sections import sections

#: What the other process runs.
PROGRAM = Path(__file__).parents[1] / "ngclearn_worker.py"
DIFFERENCES = (
    "leaky integrate-and-fire units with a surrogate derivative, and fixed random feedback from the output to each "
    "hidden layer; it updates in each step, as spikefa does"
)


@sections.register("ngclearn")
def against_ngclearn(setting: Setting, section: Section, program: Path = PROGRAM) -> None:
    """Compare with ngc-learn on the processor.

    Keys ``spikefa``, ``ngclearn/training``, ``ngclearn/testing`` and ``ratio``; ``ngclearn`` alone if it cannot run.

    Parameters
    ----------
    setting : Setting
    section : Section
    program : Path
        What the other process runs.
    """
    against(section, setting, "ngclearn", program, DIFFERENCES)
