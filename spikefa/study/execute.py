"""Train what a study lacks: choose the pool, follow its events, write what fails, and stop cleanly."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from spikefa._checks import instance, true_or_false, whole
from spikefa.experiments import run_lock
from spikefa.experiments.run import Run
from spikefa.study import results
from spikefa.study.design import Design
from spikefa.study.pools import InProcess, Pool, ProcessPool
from spikefa.study.progress import Silent, Watcher, live
from spikefa.study.task import Event


class Driver(Protocol):
    """What decides which runs are trained."""

    def begin(self, pool: Pool) -> None:
        """Submit the first runs."""

    def handle(self, event: Event) -> None:
        """Look at an event; submit or stop runs."""


class _All:
    """Every run that is missing."""

    def __init__(self, waiting: dict[str, Run]):
        self.waiting = waiting

    def begin(self, pool: Pool) -> None:
        for name, run in self.waiting.items():
            pool.submit(name, run)

    def handle(self, event: Event) -> None:
        pass


def execute(study: Design, workers: int | None, scheduler: Any, retry: bool, progress: bool | Watcher) -> None:
    """Train what is missing; `Study.run` says what the arguments are and what is raised."""
    if workers is not None:
        workers = whole("Study.run", "workers", workers, 0, 4096)
    true_or_false("Study.run", "retry", retry)
    instance("Study.run", "progress", progress, (bool, Watcher), "true or false, or a Watcher")
    if scheduler is not None:
        from spikefa.study import dask_pool

        dask_pool.check(scheduler)
    if study.search is not None:
        importlib.import_module("spikefa.study.search")  # says if Optuna is missing
    study.create()
    with run_lock.locked(study.directory), _interruptible():
        waiting = _waiting(study, retry)
        watcher = progress if not isinstance(progress, bool) else (live() if progress else Silent())
        try:
            watcher.begin(_size(study), waiting)
            if waiting or study.search is not None:
                _train(study, _pool(study, workers, scheduler, len(waiting)), _driver(study, waiting), watcher)
        finally:
            watcher.end()


def _train(study: Design, pool: Pool, driver: Driver, watcher: Watcher) -> None:
    def handle(event: Event) -> None:
        if event.kind == "failed":
            results.write_end(study, event.name, "failed", event.data["message"], event.data["traceback"])
        watcher.handle(event)
        driver.handle(event)

    try:
        driver.begin(pool)
        try:
            pool.work(handle)
        except KeyboardInterrupt:
            watcher.say("Stopping: every run is saved first.")
            pool.stop_all()
            pool.work(handle)
            raise
    finally:
        pool.close()


def _waiting(study: Design, retry: bool) -> dict[str, Run]:
    """Return the runs to be trained: all that are not done, nor have failed before."""
    waiting = {}
    for name, (_, run) in study.runs.items():
        status = results.status_of(study, name, run)[0]
        if status == "failed" and retry:
            results.forget_end(study, name)
        if status in ("missing", "begun") or (status == "failed" and retry):
            waiting[name] = run
    return waiting


def _size(study: Design) -> int:
    points = len(study.points) if study.search is None else study.search
    return points * len(study.seeds)


def _driver(study: Design, waiting: dict[str, Run]) -> Driver:
    if study.search is None:
        return _All(waiting)
    from spikefa.study.search import Search

    return Search(study)


def _pool(study: Design, workers: int | None, scheduler: Any, waiting: int) -> Pool:
    count = workers if workers is not None else _processors()
    if scheduler is not None:
        from spikefa.study.dask_pool import DaskPool

        return DaskPool(scheduler, count)
    if count == 0:
        return InProcess()
    return ProcessPool(count if study.search is not None else min(count, waiting), study.directory / "log")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGTERM end a study as Ctrl-C does, also one that a script has started by ``&``."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
