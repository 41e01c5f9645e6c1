"""What has to be settled before anything else is imported: a broken pair of packages, and idle threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def check_environment(version_of: Callable[[str], str] = version) -> None:
    """Stop with one sentence if Brian2 cannot be imported with the numpy that is installed.

    Parameters
    ----------
    version_of : function
        Returns the version of an installed package, by its name.

    Raises
    ------
    ImportError
        With the command that mends it; the command ``spikefa`` prints the sentence alone.
    """
    try:
        brian, numpy = version_of("brian2"), version_of("numpy")
        broken = _release(brian) < (2, 10) and _release(numpy) >= (2, 4)
    except (PackageNotFoundError, ValueError):
        return
    if broken:
        sentence = (
            f"Brian2 {brian} cannot be imported with numpy {numpy}; run: "
            'python -m pip install "brian2==2.9.*" "numpy<2.4" (Python 3.11) or '
            'python -m pip install "brian2>=2.10.1" (Python 3.12)'
        )
        if Path(sys.argv[0]).stem == "spikefa":
            sys.exit(f"spikefa: {sentence}")
        raise ImportError(sentence)


#: Variables that spikefa has set in this process, with their values.
_set_here: dict[str, str] = {}


def let_idle_threads_sleep() -> None:
    """Have OpenMP's threads wait for microseconds and then sleep, unless the user has asked for something else.

    libgomp reads this when it is loaded. By default it spins, which beside another process makes a step of the full
    network take 86 ms instead of 58 (29 alone; 2 cores).
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
        os.environ["GOMP_SPINCOUNT"] = _set_here["GOMP_SPINCOUNT"] = "3000"


def environment_of_the_user() -> dict[str, str]:
    """Return the variables for a process that should run as it would without spikefa: without those it has set."""
    return {name: value for name, value in os.environ.items() if _set_here.get(name) != value}
