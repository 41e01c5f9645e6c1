"""The unit in which recordings and figures show a variable."""

from __future__ import annotations

from brian2 import Unit, get_unit, mV, volt
from brian2.units.fundamentalunits import Dimension


def shown_unit(dim: Dimension) -> Unit | None:
    """Return mV for potentials, the base unit for other dimensions, and None for plain numbers."""
    if dim.is_dimensionless:
        return None
    return mV if dim is volt.dim else get_unit(dim)
