"""The pages: of a run, with a tab for each thing to see, and of a study, which shows all its runs and one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from bokeh.models import Column, Div, Select, TabPanel, Tabs

from spikefa.plotting.run_title import run_title
from spikefa.view.drawing import DrawingView
from spikefa.view.learning import LearningView
from spikefa.view.parts import plain
from spikefa.view.pictures import PicturesView
from spikefa.view.recordings import RecordingsView
from spikefa.view.source import READING_ERRORS, RunSource
from spikefa.view.study import StudyCurves, StudySource

#: Title of a tab -> the figures in it, by their names in `spikefa.plotting.figures.figures`, with captions.
PICTURES = {
    "Weights": {"weights": "Weights", "receptive_fields": "Receptive fields"},
    "Answers": {"confusion": "Confusion matrix", "misclassified": "Images that it gets wrong"},
    "Units": {"rates": "Mean outputs", "tuning": "Tuning", "psth": "Outputs after onset"},
}


class View(Protocol):
    """A part of a page."""

    layout: Any

    def update(self) -> None:
        """Show what training has written since the last call."""


class RunPage:
    """The page of a run.

    Parameters
    ----------
    source : RunSource
    alone : bool
        Whether the page has no server: everything is drawn at once, and nobody can draw a digit.
    """

    def __init__(self, source: RunSource, alone: bool = False):
        self._source = source
        self.views: dict[str, View] = {
            "Learning": LearningView(source),
            "Recordings": RecordingsView(source, alone),
            **{title: PicturesView(source, names) for title, names in PICTURES.items()},
        }
        if not alone:
            self.views["Draw a digit"] = DrawingView(source)
        self._title = Div(sizing_mode="stretch_width")
        self._tabs = Tabs(
            tabs=[TabPanel(title=title, child=view.layout) for title, view in self.views.items()],
            sizing_mode="stretch_width",
        )
        self.layout = Column(self._title, self._tabs, sizing_mode="stretch_width")
        if alone:
            for view in self.views.values():
                view.update()
        self._show_title()

    def on_tab(self, then: Callable[[], None]) -> None:
        """Call a function when another tab is looked at."""
        self._tabs.on_change("active", lambda name, old, new: then())

    def update(self) -> None:
        """Show what training has written since, in the tab that is looked at."""
        self._show_title()
        list(self.views.values())[self._tabs.active].update()

    def _show_title(self) -> None:
        try:
            title = run_title(self._source.run)
        except READING_ERRORS as error:
            title = self._source.explain(error)
        text = f'<h1 style="font-size:18px;font-weight:600;margin:8px 0 2px">{plain(title)}</h1>'
        if self._title.text != text:
            self._title.text = text


class StudyPage:
    """The page of a study: the learning curves of its runs, and the page of the one that is chosen.

    Parameters
    ----------
    study : StudySource
    alone : bool
        Whether the page has no server: it then has the curves alone.
    """

    def __init__(self, study: StudySource, alone: bool = False):
        self._study = study
        self._curves = StudyCurves(study)
        self._select = Select(title="Run", options=[], value="", sizing_mode="stretch_width", visible=not alone)
        self._place = Column(sizing_mode="stretch_width")
        self._page: RunPage | None = None
        self._then: Callable[[], None] | None = None
        self.layout = Column(self._curves.layout, self._select, self._place, sizing_mode="stretch_width")
        if not alone:
            self._select.on_change("value", lambda name, old, new: self._choose(new))
        self.update()

    def on_tab(self, then: Callable[[], None]) -> None:
        """Call a function when another tab of the chosen run is looked at."""
        self._then = then
        if self._page is not None:
            self._page.on_tab(then)

    def update(self) -> None:
        """Show what the runs have written since, and runs that have begun."""
        self._curves.update()
        names = list(self._study.sources())
        if names != self._select.options:
            self._select.options = names
            self._select.value = self._select.value or names[0]
        if self._page is not None:
            self._page.update()

    def _choose(self, name: str) -> None:
        self._page = RunPage(self._study.sources()[name])
        if self._then is not None:
            self._page.on_tab(self._then)
        self._place.children = [self._page.layout]
