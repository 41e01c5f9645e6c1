"""The runs of a study as a view reads them, and their learning curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from bokeh.models import Column, ColumnDataSource, HoverTool, NumeralTickFormatter

from spikefa.experiments.run import open_run
from spikefa.view.parts import COLOURS, plain, plot, sentence
from spikefa.view.source import READING_ERRORS, RunSource

#: Columns of which the first that a run has measured is drawn.
_COLUMNS = ("validation_error", "test_error", "train_error")


class StudySource:
    """The runs in a study's directory that have begun.

    Each is opened as a run of its own: a study from elsewhere is shown, too, without running its code.

    Parameters
    ----------
    directory : Path
    explain : function of an exception
        Returns the sentence that the page shows for it.
    trust : bool
    data_dir : path, optional
        See `open_run`.
    """

    def __init__(
        self,
        directory: Path,
        explain: Callable[[Exception], str] = str,
        trust: bool = False,
        data_dir: str | Path | None = None,
    ):
        self.directory, self.explain, self._trust, self._data_dir = directory, explain, trust, data_dir
        self._sources: dict[str, RunSource] = {}
        self.failed: dict[str, str] = {}

    def sources(self) -> dict[str, RunSource]:
        """Return the runs by their names; those that cannot be read are in `failed`, with their sentences."""
        for path in sorted((self.directory / "runs").glob("*/run.json")):
            name = path.parent.name
            if name not in self._sources and name not in self.failed:
                try:
                    run = open_run(path.parent, self._data_dir, trust=self._trust)
                    self._sources[name] = RunSource(run, self.explain)
                except READING_ERRORS as error:
                    self.failed[name] = self.explain(error)
        return dict(sorted(self._sources.items()))


class StudyCurves:
    """A learning curve for each run of a study; `update` shows what training has added."""

    def __init__(self, study: StudySource):
        self._study = study
        self._data: dict[str, ColumnDataSource] = {}
        self._note = sentence("")
        self._plot = plot("Runs of the study", "Training images", "Error")
        self._plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
        self._plot.y_range.start = 0
        self._plot.add_tools(HoverTool(tooltips=[("run", "@run"), ("images", "@x{0,0}"), ("error", "@y")]))
        self.layout = Column(self._note, self._plot, sizing_mode="stretch_width")

    def update(self) -> None:
        """Show the rows that are there now."""
        sources, problems = self._study.sources(), dict(self._study.failed)
        for name, source in sources.items():
            try:
                self._show(name, source.metrics())
            except READING_ERRORS as error:
                problems[name] = self._study.explain(error)
        text = f"{self._study.directory.name}: {len(sources)} run{'s'[: len(sources) != 1]} begun."
        for name, why in problems.items():
            text += f" {name}: {why}"
        if self._note.text != plain(text):
            self._note.text = plain(text)

    def _show(self, name: str, table: dict[str, np.ndarray]) -> None:
        column = next((c for c in _COLUMNS if c in table and np.isfinite(table[c]).any()), None)
        if column is None:
            return
        measured = np.isfinite(table[column])
        x, y = table["images_seen"][measured].tolist(), table[column][measured].tolist()
        data = {"x": x, "y": y, "run": [name] * len(x)}
        if name in self._data:
            if self._data[name].data != data:
                self._data[name].data = data
            return
        self._data[name] = ColumnDataSource(data)
        colour = COLOURS[(len(self._data) - 1) % len(COLOURS)]
        self._plot.line("x", "y", source=self._data[name], color=colour, line_width=1.5)
        self._plot.scatter("x", "y", source=self._data[name], color=colour, size=5)
