"""What can be named on the command line, as the registries list it."""

from __future__ import annotations

#: The model of `spikefa demo` and `spikefa bench`, and the preset that suits 8 x 8 digits.
DEMO_MODEL, DEMO_PRESET = "lillicrap2016_spiking", "demo"
