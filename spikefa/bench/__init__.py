"""``spikefa bench``: how fast the network is, against what it cannot be faster than and against others.

One command, one process, one part after another; inside a part everything that is compared takes turns
(A B A B ...), so that a machine that slows down slows all of it. Medians and quartiles are over the turns.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spikefa.bench import gpu, memory, mkl, one_stream, pytorch, scaling, step, stock
from spikefa.bench.harness import Part, Setting
from spikefa.bench.machine import describe
from spikefa.bench.report import Done, as_json, judge
from spikefa.bench.targets import TARGETS
from spikefa.errors import ArgumentError

#: Letter -> (what it measures, function that adds its rows to a part).
PARTS: dict[str, tuple[str, Callable[[Setting, Part], None]]] = {
    "a": ("A training step against its matrix products alone", step.training_step),
    "b": ("Time an image, training and testing", step.images),
    "c": ("One stream against the bytes it must touch", one_stream.one_stream),
    "d": ("Against stock Brian2 Synapses", stock.against_stock),
    "e": ("Against PyTorch on the CPU", pytorch.against_pytorch),
    "f": ("Peak memory", memory.peak_memory),
    "g": ("Scaling with streams, widths and threads", scaling.scaling),
    "h": ("Intel MKL in place of SciPy's BLAS", mkl.with_mkl),
    "i": ("On a GPU", gpu.on_a_gpu),
    "j": ("Against PyTorch on a GPU", gpu.against_pytorch_on_a_gpu),
}


def chosen(only: str | None) -> list[str]:
    """Return the letters of ``--only``, in the order of `PARTS`.

    Raises
    ------
    ArgumentError
        If one is unknown, or there is none.
    """
    if only is None:
        return list(PARTS)
    letters = [letter.strip() for letter in only.split(",") if letter.strip()]
    unknown = [letter for letter in letters if letter not in PARTS]
    if unknown or not letters:
        raise ArgumentError(f"bench: --only takes letters from {','.join(PARTS)}, got {only!r}")
    return [letter for letter in PARTS if letter in letters]


def bench(
    setting: Setting,
    only: str | None = None,
    file: Path | None = None,
    on_row: Callable[[Done], None] = lambda done: None,
) -> dict[str, Any]:
    """Measure, and return what ``--json`` writes (see `report.as_json`).

    Parameters
    ----------
    setting : Setting
    only : str, optional
        Letters of the parts, such as ``"a,c"``.
    file : Path, optional
        Written whole before the first part (so that a bad path is refused at once) and after each row.
    on_row : function of a dict, letter -> (title, Part)
        Called with what is measured so far, after each row and each part.

    Raises
    ------
    ArgumentError
        If a letter is unknown.
    OSError
        If the file cannot be written.
    """
    letters = chosen(only)
    record = describe(setting)
    done: Done = {}

    def keep() -> None:
        as_json(record, done, judge(done, setting), file)
        on_row(done)

    as_json(record, done, [], file)
    for letter in letters:
        title, measure = PARTS[letter]
        done[letter] = title, Part(on_row=keep)
        measure(setting, done[letter][1])
        keep()  # remarks too
    return as_json(describe(setting, record), done, judge(done, setting), file)


__all__ = ["PARTS", "TARGETS", "Part", "Setting", "bench", "chosen"]
