"""What can be named on the command line, as the registries list it."""

from __future__ import annotations

from spikefa.datasets import NAMES

#: The model of `spikefa demo` and `spikefa bench`, and the preset that suits 8 x 8 digits.
DEMO_MODEL, DEMO_PRESET = "lillicrap2016_spiking", "demo"


def data_sets() -> tuple[str, ...]:
    """Return the names of the data sets."""
    return NAMES


def figures() -> tuple[str, ...]:
    """Return the names of the figures of a run."""
    return ("raster", "psp", "learning", "fields", "figure4")


def benchmarks() -> tuple[str, ...]:
    """Return the names of the benchmark's parts."""
    return tuple("abcdefghij")
