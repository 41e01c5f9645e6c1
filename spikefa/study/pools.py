"""Pools that train runs: this process itself, or processes of this machine. `dask_pool` has the one on many machines.

A pool takes runs by `submit`, and calls a function with every `Event` of them in `work`, until none is left.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from spikefa.engine.threads import groups
from spikefa.experiments.run import Run
from spikefa.study.task import ENDS, Event, train

#: Processes that may die with a run before it is given up.
TRIES = 3
#: What starts a worker.
WORKER = (sys.executable, "-P", "-m", "spikefa.study.worker")
#: What keeps every library of a worker to one thread.
ONE_THREAD = {name: "1" for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class Pool(Protocol):
    """What trains runs."""

    #: How many runs it trains at once.
    width: int

    def submit(self, name: str, run: Run) -> None:
        """Take a run, to train it once there is room."""

    def stop(self, name: str) -> None:
        """Let a run save and stop."""

    def stop_all(self) -> None:
        """Let every run save and stop, and begin no other."""

    def work(self, handle: Callable[[Event], None]) -> None:
        """Call a function with each event, until every run has ended; the function may submit and stop runs."""

    def close(self) -> None:
        """End the pool's processes."""


class InProcess:
    """Training in this process, one run after the other."""

    width = 1

    def __init__(self) -> None:
        self._jobs: deque[tuple[str, Run]] = deque()
        self._stopped: set[str] = set()

    def submit(self, name: str, run: Run) -> None:
        """Take a run."""
        self._jobs.append((name, run))

    def stop(self, name: str) -> None:
        """Let a run save and stop."""
        self._stopped.add(name)

    def stop_all(self) -> None:
        """Begin no other run."""
        self._jobs.clear()

    def work(self, handle: Callable[[Event], None]) -> None:
        """Train all runs.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C or SIGTERM, with a checkpoint saved.
        """
        while self._jobs:
            name, run = self._jobs.popleft()
            broken: list[Exception] = []

            def tell(kind: str, data: dict, name: str = name, broken: list[Exception] = broken) -> None:
                try:
                    handle(Event(name, kind, data))
                except Exception as error:  # of the study, and not of the run
                    broken.append(error)
                    raise

            end, data = train(run, tell, lambda name=name: name in self._stopped)
            if broken:
                raise broken[0]
            handle(Event(name, end, data))
            if end == "stopped" and name not in self._stopped:
                raise KeyboardInterrupt
            self._stopped.discard(name)

    def close(self) -> None:
        """Do nothing."""


class ProcessPool:
    """Processes of this machine, one thread each, which save and end if this process does, however it ends.

    A process that dies is replaced, and its run goes on from the last checkpoint.

    Parameters
    ----------
    workers : int
    log : Path
        Folder for what the processes print.
    command : sequence of str
        What starts a process that does as `spikefa.study.worker` says.
    """

    def __init__(self, workers: int, log: Path, command: Sequence[str] = WORKER):
        self.width = workers
        self._jobs: queue.SimpleQueue = queue.SimpleQueue()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._open = 0
        log.mkdir(parents=True, exist_ok=True)
        processors = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        shares = groups(processors, workers) if workers <= len(processors) else [[]] * workers
        self._workers = [
            _Worker(self._jobs, self._events, log / f"worker{i}.txt", share, command) for i, share in enumerate(shares)
        ]

    def submit(self, name: str, run: Run) -> None:
        """Take a run."""
        self._open += 1
        self._jobs.put((name, pickle.dumps(run)))

    def stop(self, name: str) -> None:
        """Let a run save and stop."""
        for worker in self._workers:
            worker.stop(name)

    def stop_all(self) -> None:
        """Let every run save and stop, and begin no other."""
        for worker in self._workers:
            worker.stop(None)

    def work(self, handle: Callable[[Event], None]) -> None:
        """Call a function with each event, until every run has ended."""
        while self._open:
            event = self._events.get()
            self._open -= event.kind in ENDS
            handle(event)

    def close(self) -> None:
        """End the processes; one that trains still saves first."""
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.stop(None)
        for worker in self._workers:
            worker.thread.join()


class _Worker:
    """A process and the thread that speaks with it."""

    def __init__(
        self,
        jobs: queue.SimpleQueue,
        events: queue.SimpleQueue,
        log: Path,
        processors: list[int],
        command: Sequence[str],
    ):
        self._jobs, self._events, self._log = jobs, events, log
        self._processors, self._command = processors, command
        self._process: subprocess.Popen | None = None
        self._name: str | None = None  # of the run that is trained
        self._ending = False
        self._lock = threading.Lock()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def stop(self, name: str | None) -> None:
        """Let a run save and stop, if it is here; with None, the one that is here, and begin no other."""
        with self._lock:
            self._ending = self._ending or name is None
            if self._name is not None and name in (None, self._name):
                self._send(("stop", self._name))

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            name, pickled = job
            code = None
            for _ in range(TRIES):
                with self._lock:
                    ending = self._ending
                if ending:
                    self._events.put(Event(name, "stopped", {}))
                    break
                code = self._train(name, pickled)
                if code is None:
                    break
            else:
                how = f"by signal {-code}" if code < 0 else f"with status {code}"
                message = f"its process ended {TRIES} times, last {how}; memory may be too small"
                self._events.put(Event(name, "lost", {"message": f"{message}; see {self._log}"}))
        self._end()

    def _train(self, name: str, pickled: bytes) -> int | None:
        """Have a run trained, and pass its events on; return the status of the process if it has died instead."""
        with self._lock:
            if self._process is None:
                self._start()
            self._name = name
            self._send(("run", name, pickled))
            if self._ending:
                self._send(("stop", name))
        try:
            while True:
                event = Event(*pickle.load(self._process.stdout))
                if event.kind in ENDS:
                    with self._lock:
                        self._name = None
                    self._events.put(event)
                    return None
                self._events.put(event)
        except (EOFError, pickle.UnpicklingError):
            with self._lock:
                self._name = None
                code = self._end()
            return code

    def _start(self) -> None:
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
                start_new_session=True,  # Ctrl-C in the terminal goes to this process, which asks the others to stop
            )
        if self._processors:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self._process.pid, self._processors)

    def _send(self, request: tuple) -> None:
        with contextlib.suppress(OSError):  # it has died, which the reading side finds
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()

    def _end(self) -> int:
        """End the process, if there is one, and return its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        return process.wait()
