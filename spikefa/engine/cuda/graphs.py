"""Launches that are done again and again: captured in a CUDA graph, and replayed in one call.

Capturing has never run in the simulator, which has no graphs: there, a replay launches everything anew, with what it
was captured with.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable

from spikefa.engine.cuda import SIMULATED
from spikefa.engine.cuda.launching import stream


class Graphs:
    """Runs sequences of launches; each is told from the others by a key, which holds all that may change in it.

    The first time a sequence is launched plainly, which compiles its kernels. The second time it is captured.
    """

    def __init__(self):
        self._replays: dict[Hashable, Callable[[], None] | None] = {}

    def run(self, key: Hashable, launch: Callable[[], None]) -> None:
        """Launch, or replay what was launched under the same key."""
        if key not in self._replays:
            self._replays[key] = None
            launch()
            return
        if self._replays[key] is None:
            self._replays[key] = launch if SIMULATED else _captured(launch)
        self._replays[key]()


def _captured(launch: Callable[[], None]) -> Callable[[], None]:
    """Capture what `launch` puts on the stream, without doing it; return what does it."""
    from cuda.bindings import driver

    def checked(answer):
        error, *values = answer
        if error != driver.CUresult.CUDA_SUCCESS:
            raise RuntimeError(f"CUDA graph: {error}")
        return values[0] if values else None

    handle = driver.CUstream(int(stream()))
    mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
    checked(driver.cuStreamBeginCapture(handle, mode))
    try:
        launch()
    finally:
        graph = checked(driver.cuStreamEndCapture(handle))
    replay = checked(driver.cuGraphInstantiate(graph, 0))
    checked(driver.cuGraphDestroy(graph))

    def again() -> None:
        checked(driver.cuGraphLaunch(replay, handle))

    weakref.finalize(again, driver.cuGraphExecDestroy, replay)
    return again
