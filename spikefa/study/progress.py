"""Live progress of a study: one bar of all runs, with the time that is left, and one of each that is trained now."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from spikefa.study.task import ENDS, Event


@runtime_checkable
class Watcher(Protocol):
    """What looks on."""

    def begin(self, size: int, waiting: Mapping[str, Any]) -> None:
        """Be told how many runs there are, and which are trained now."""

    def handle(self, event: Event) -> None:
        """Look at an event."""

    def say(self, text: str) -> None:
        """Show a sentence."""

    def end(self) -> None:
        """Be told that no more events come."""


class Silent:
    """Shows nothing."""

    def begin(self, size: int, waiting: Mapping[str, Any]) -> None:
        """Show nothing."""

    def handle(self, event: Event) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


class Live:
    """Bars in a terminal or a notebook, and a line for each run that has ended.

    Parameters
    ----------
    console : Console
    """

    def __init__(self, console: Console):
        self._console = console
        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        ]
        shown = console.is_terminal or console.is_jupyter
        self._progress = Progress(*columns, console=console, disable=not shown)
        self._runs: dict[str, TaskID] = {}
        self._fractions: dict[str, float] = {}
        self._rows: dict[str, dict[str, Any]] = {}
        self._ended = 0
        self._size = 0

    def begin(self, size: int, waiting: Mapping[str, Any]) -> None:
        """Show the bar of all runs."""
        self._size, self._before = size, max(size - len(waiting), 0) if waiting else 0
        self._progress.start()
        self._all = self._progress.add_task("study", total=size, completed=self._before, note="")

    def handle(self, event: Event) -> None:
        """Move the bars; write a line for a run that has ended."""
        name = event.name
        if event.kind == "started":
            self._runs[name] = self._progress.add_task(name, total=1.0, note="")
        elif event.kind == "progress" and name in self._runs:
            self._fractions[name] = event.data["fraction"]
            note = f"epoch {event.data['epoch']:.2f}  training error {_number(event.data['error'])}"
            self._progress.update(self._runs[name], completed=event.data["fraction"], note=note)
        elif event.kind == "row":
            self._rows[name] = event.data
        elif event.kind in ENDS:
            self._fractions.pop(name, None)
            self._ended += event.kind != "stopped"
            if name in self._runs:
                self._progress.remove_task(self._runs.pop(name))
            self.say(f"{name}: {_in_words(event, self._rows.pop(name, {}))}")
        completed = self._before + self._ended + sum(self._fractions.values())
        ended = self._before + self._ended
        self._progress.update(self._all, completed=completed, note=f"{ended} of {self._size} runs")

    def say(self, text: str) -> None:
        """Write a line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def end(self) -> None:
        """Take the bars away."""
        self._progress.stop()


def live() -> Live:
    """Return progress on standard output."""
    return Live(Console())


def _number(value: Any) -> str:
    return "-" if value == "" or math.isnan(float(value)) else f"{float(value):.4g}"


def _in_words(event: Event, row: Mapping[str, Any]) -> str:
    if "message" in event.data:
        return f"{event.kind}: {event.data['message']}"
    errors = [
        f"{part} error {_number(row[f'{part}_error'])}"
        for part in ("validation", "test")
        if row and _number(row[f"{part}_error"]) != "-"
    ]
    return ", ".join([event.kind, *errors])
