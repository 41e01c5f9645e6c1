"""A worker process of `ProcessPool`: ``python -P -m spikefa.study.worker``.

It reads pickled requests from its standard input, ``("run", NAME, pickled run)`` or ``("stop", NAME)``, and writes
pickled events, ``(NAME, KIND, DATA)``, see `spikefa.study.task.Event`. If the input ends, the process that started it
has gone: it saves, and ends.
"""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
from typing import IO

from spikefa.datasets.registry import keep_loaded
from spikefa.study.task import train

#: Seconds in which a worker must have saved once it is left alone.
_LAST_SECONDS = 30.0


def _read_requests(requests: IO[bytes], jobs: queue.SimpleQueue, stop: threading.Event) -> None:
    """Pass requests on; a stop concerns the run before it."""
    try:
        while True:
            kind, name, *rest = pickle.load(requests)
            if kind == "run":
                stop.clear()
                jobs.put((name, rest[0]))
            else:
                stop.set()
    except EOFError:
        stop.set()
        jobs.put(None)
        timer = threading.Timer(_LAST_SECONDS, os._exit, (1,))
        timer.daemon = True
        timer.start()


def main() -> None:
    """Train what is requested, one run after the other."""
    events = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a model prints goes where errors go
    requests, jobs, stop = os.fdopen(os.dup(0), "rb"), queue.SimpleQueue(), threading.Event()
    threading.Thread(target=_read_requests, args=(requests, jobs, stop), daemon=True).start()
    keep_loaded()

    def tell(name: str, kind: str, data: dict) -> None:
        try:
            pickle.dump((name, kind, data), events)
            events.flush()
        except BrokenPipeError:
            stop.set()

    while (job := jobs.get()) is not None:
        name, pickled = job
        try:
            run = pickle.loads(pickled)
        except Exception as error:  # such as a model that needs what is not installed here
            tell(name, "failed", {"message": f"cannot be read by a worker: {error}", "traceback": None})
            continue
        kind, data = train(run, lambda kind, data, name=name: tell(name, kind, data), stop.is_set)
        if kind == "stopped" and not stop.is_set():
            os._exit(143)  # it was asked by SIGTERM to end: another process goes on with the run
        tell(name, kind, data)
    sys.stderr.flush()
    os._exit(0)  # the thread that reads would hinder the interpreter's own end


if __name__ == "__main__":
    main()
