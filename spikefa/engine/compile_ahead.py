"""Compile the kernels that most networks call in a process of its own, while this one prepares its run.

It is worth a process only the first time, before the kernels are in the cache (`spikefa.engine.compiled`). numba
compiles one function at a time in a process, so that another thread would be of no use. The two processes share the
work: each tells the other what it begins. If the other process fails, starves or cannot start, this one compiles.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from numba import types

from spikefa.engine import compiled
from spikefa.engine.compiled import private_folder
from spikefa.engine.kernels import dense, few_streams, many_streams, philox, spikes, sums
from spikefa.engine.weight_policy import WeightPolicy

#: Seconds for which a function is waited for that the other process has begun; the longest takes 8, of few streams.
PATIENCE = 20.0

_CODE = "from spikefa.engine.compile_ahead import jobs, work; work(lambda: jobs({streams}, {large}))"


def jobs(streams: int = 100, large: bool = True) -> dict[str, tuple[Any, tuple]]:
    """Return the kernels of `compiled` that networks of float32 call, in the order in which they are compiled.

    Parameters
    ----------
    streams : int
        Of the network.
    large : bool
        Whether its weights may be large, for which there are other kernels.

    Returns
    -------
    dict
        Name -> (compiled function, types of its arguments). Those that take longest and are needed first come first.
    """
    vector, matrix = types.float32[::1], types.float32[:, ::1]
    places, marks = types.uint16[:, ::1], types.boolean[::1]
    whole, real, truth = types.int64, types.float64, types.boolean
    propagated, updated = (matrix, matrix, vector, matrix, truth), (matrix, matrix, matrix, real)
    both = (*updated, matrix, vector, matrix, truth)
    drawn = (philox.uniform_fill, (vector, *[types.uint32] * 5))
    biases = (dense.update_bias, (vector, matrix, real, real))
    usual = [
        (dense.propagate_batched, (whole, matrix, matrix, vector, matrix, truth, whole)),
        (dense.propagate_events, propagated),  # of recordings
        biases,
    ]
    batched = [*usual, (dense.update_batched, (whole, matrix, matrix, matrix, real, real, whole))]
    tiles = (many_streams.propagate, (matrix, matrix, vector, vector, matrix, truth))
    limits = WeightPolicy()
    if streams <= limits.event_streams_spikes:
        events = [(dense.update_and_propagate_events, both), (dense.update_events, updated)]
        found = [(dense.propagate_events, propagated), drawn, *events, biases]
    elif not large:
        found = [drawn, *batched]
    elif streams <= limits.few_streams_learning:
        fixed = [] if streams <= limits.few_streams_fixed else [tiles]
        kinds = [(few_streams.update_and_propagate, both), (few_streams.update, updated)]
        found = [(few_streams.propagate, propagated), drawn, *fixed, *kinds, *batched]
    elif streams < limits.table_streams:
        found = [tiles, drawn, (few_streams.update, updated), *batched]
    else:
        found = [
            (spikes.propagate_spikes, (matrix, places, vector, matrix, truth)),
            (spikes.choose_for_units, (matrix, places, marks)),
            drawn,
            tiles,
            (sums.add_groups, (matrix, types.float64[:, ::1])),
            (sums.sum_of_all, (matrix,)),
            *usual,
            (spikes.update_spikes, (matrix, types.uint16[:, :, :, ::1], matrix, real)),
            (spikes.choose_for_streams, (matrix, types.uint16[:, :, :, ::1], marks)),
        ]
    return {compiled.name_of(function.py_func): (function, arguments) for function, arguments in found}


class Worker:
    """A process that compiles, and what it has told.

    Parameters
    ----------
    command : list of str
        It prints ``begin NAME`` and ``end NAME`` for each of its kernels, and reads names that it is to leave out.
    names : iterable of str
        The kernels that it may compile.
    patience : float
        Seconds for which one is waited for.

    Raises
    ------
    OSError
        If it cannot be started.
    """

    def __init__(self, command: list[str], names: Any, patience: float = PATIENCE):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.patience = patience
        self._to_do, self._begun, self._changed = set(names), set(), threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with self.process.stdout as lines:
            for line in lines:
                what, _, name = line.strip().partition(" ")
                with self._changed:
                    if what == "begin":
                        self._begun.add(name)
                    elif what == "end":
                        self._to_do.discard(name)
                        self._changed.notify_all()
        with self._changed:
            self._to_do.clear()
            self._changed.notify_all()
        self.process.wait()

    def leave(self, name: str) -> None:
        """Wait for a kernel that it compiles now; tell it to leave out one that it has not begun."""
        with self._changed:
            if name not in self._to_do:
                return
            if name in self._begun:
                self._changed.wait_for(lambda: name not in self._to_do, self.patience)
                return
            self._to_do.discard(name)
        with contextlib.suppress(OSError, ValueError):  # it has just ended
            self.process.stdin.write(f"{name}\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """End it, whatever it does; what it has saved is whole."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            self.process.stdin.close()


def begin(streams: int = 100, large: bool = True) -> Worker | None:
    """Start to compile ahead, if that is of use: kernels are not cached yet, and there are two processors.

    Parameters
    ----------
    streams : int
        Of the network.
    large : bool
        Whether its weights may be large.

    Returns
    -------
    Worker or None
        It ends with this process, at the latest.
    """
    if private_folder() is None or compiled.ahead is not None or _processors() < 2:
        return None
    missing = [name for name, (function, _) in jobs(streams, large).items() if not compiled.is_kept(function)]
    if len(missing) < 2:
        return None
    try:
        worker = Worker([sys.executable, "-P", "-c", _CODE.format(streams=streams, large=large)], missing)
    except OSError:
        return None
    compiled.ahead = worker.leave
    atexit.register(worker.end)
    return worker


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def work(todo: Callable[[], dict[str, tuple[Any, tuple]]] = jobs) -> None:
    """Compile one kernel after another, as the process of a `Worker`; with low priority, as a network may run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(os, "nice"):
        os.nice(10)
    left_out: set[str] = set()
    threading.Thread(target=lambda: left_out.update(map(str.strip, _lines())), daemon=True).start()
    for name, (function, arguments) in todo().items():
        if name not in left_out and not compiled.is_kept(function):
            print("begin", name, flush=True)
            function.compile(arguments)
            print("end", name, flush=True)


def _lines() -> Any:
    yield from iter(sys.stdin.readline, "")
    os._exit(0)  # the other process is gone
