"""A pool on Dask distributed: workers of this machine, of a cluster that runs already, or of a batch system.

Runs go to the workers and events come back; results stay in the study's directory, which every worker must reach.
"""

from __future__ import annotations

import logging
import queue
import uuid
from collections.abc import Callable
from typing import Any

from spikefa._checks import refuse
from spikefa.errors import RunError
from spikefa.experiments.run import Run
from spikefa.study import task
from spikefa.study.task import ENDS, Event

try:
    import distributed
except ImportError:
    raise RunError("Study.run: scheduler needs Dask; pip install spikefa[dask]") from None

#: Seconds between two looks at the connection with the scheduler.
_LOOK = 2.0
#: Seconds to wait for a scheduler.
_CONNECT = 20.0

#: Names of the runs that this worker is to stop.
_stopped: set[str] = set()


def check(scheduler: Any) -> None:
    """Refuse what is no scheduler.

    Raises
    ------
    ArgumentError
        If it is none of what `DaskPool` takes.
    """
    is_address = isinstance(scheduler, str) and ("://" in scheduler or scheduler == "local")
    if not is_address and not isinstance(scheduler, distributed.Client) and not hasattr(scheduler, "scheduler_address"):
        refuse("Study.run", "scheduler", 'be "local", an address such as "tcp://host:8786", or of Dask', scheduler)


class DaskPool:
    """Workers of Dask, each of which must have one thread.

    Parameters
    ----------
    scheduler : str, Client or cluster
        What `check` lets pass; ``"local"`` starts workers on this machine, which listen on 127.0.0.1 alone.
    workers : int
        Their number, for ``"local"``.

    Raises
    ------
    RunError
        If there is no scheduler, or a worker has several threads.
    """

    def __init__(self, scheduler: Any, workers: int):
        self._own: list[Any] = []
        self._client = self._connected(scheduler, workers)
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._futures: dict[str, distributed.Future] = {}
        self._topic = f"spikefa-{uuid.uuid4().hex}"
        self._started: set[str] = set()
        self._client.subscribe_topic(self._topic, self._on_event)
        self.address = self._client.scheduler.address
        threads = {address: found["nthreads"] for address, found in self._workers().items()}
        for address, count in threads.items():
            if count != 1:
                self.close()
                raise RunError(f"Study.run: each worker of {self.address} must have 1 thread, got {count} at {address}")

    def _connected(self, scheduler: Any, workers: int) -> distributed.Client:
        if isinstance(scheduler, distributed.Client):
            return scheduler
        if scheduler == "local":
            scheduler = distributed.LocalCluster(
                n_workers=max(workers, 1),
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=None,
                silence_logs=logging.ERROR,
            )
            self._own.append(scheduler)
        try:
            client = distributed.Client(scheduler, timeout=_CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:  # ValueError of an address
            raise RunError(f"Study.run: scheduler {scheduler} does not answer ({error})") from error
        self._own.insert(0, client)
        return client

    def _workers(self) -> dict[str, Any]:
        return self._client.scheduler_info(n_workers=-1)["workers"]

    @property
    def width(self) -> int:
        """How many workers there are now."""
        return max(len(self._workers()), 1)

    def submit(self, name: str, run: Run) -> None:
        """Take a run."""
        key = f"{name}-{self._topic}"
        future = self._client.submit(_train, name, run, self._topic, key=key, pure=False)
        self._futures[name] = future
        future.add_done_callback(lambda future, name=name: self._events.put(_end(name, future)))

    def stop(self, name: str) -> None:
        """Let a run save and stop."""
        self._client.run(_request_stop, [name])

    def stop_all(self) -> None:
        """Let every run save and stop, and begin no other."""
        waiting = [future for name, future in self._futures.items() if name not in self._started]
        self._client.cancel(waiting)
        self._client.run(_request_stop, [name for name in self._futures if name in self._started])

    def work(self, handle: Callable[[Event], None]) -> None:
        """Call a function with each event, until every run has ended.

        Raises
        ------
        RunError
            If the scheduler is gone.
        """
        while self._futures:
            try:
                event = self._events.get(timeout=_LOOK)
            except queue.Empty:
                self._refuse_without_scheduler()
                continue
            if event.kind in ENDS and self._futures.pop(event.name, None) is None:
                continue
            if event.kind == "lost" and event.data.get("cancelled"):
                self._refuse_without_scheduler()
                event = Event(event.name, "stopped", {})
            handle(event)

    def _refuse_without_scheduler(self) -> None:
        if self._client.status != "running":
            self._futures.clear()
            raise RunError(
                f"Study.run: the scheduler {self.address} is gone; what was done is kept, run the study again to go on"
            )

    def _on_event(self, message: tuple[float, dict]) -> None:
        found = message[1]
        if found["kind"] == "started":
            self._started.add(found["name"])
        self._events.put(Event(found["name"], found["kind"], found["data"]))

    def close(self) -> None:
        """End the connection, and the workers that were started here."""
        for future in self._futures.values():
            future.cancel()
        for own in self._own:
            own.close()


def _end(name: str, future: distributed.Future) -> Event:
    if future.status == "finished":
        return Event(name, *future.result())
    if future.status == "error":
        error = future.exception()
        return Event(name, "lost", {"message": f"{type(error).__name__}: {' '.join(str(error).split())}"})
    return Event(name, "lost", {"message": future.status, "cancelled": True})


def _request_stop(names: list[str]) -> None:
    _stopped.update(names)


def _train(name: str, run: Run, topic: str) -> tuple[str, dict]:
    """Train a run in a worker of Dask; stop if nobody waits for it any more."""
    from spikefa.datasets.registry import keep_loaded

    keep_loaded()
    _stopped.discard(name)
    worker = distributed.get_worker()
    key = worker.get_current_task()

    def tell(kind: str, data: dict) -> None:
        worker.log_event(topic, {"name": name, "kind": kind, "data": data})

    def stopping() -> bool:
        known = worker.state.tasks.get(key)
        return name in _stopped or known is None or known.state == "cancelled"

    return task.train(run, tell, stopping)
