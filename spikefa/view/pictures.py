"""Figures of a run, drawn by `spikefa.plotting`, as images of the page."""

from __future__ import annotations

from collections.abc import Mapping

from bokeh.models import Column, Row

from spikefa.plotting.figures import figures
from spikefa.view.parts import WRAPPED, image_of, sentence
from spikefa.view.source import READING_ERRORS, RunSource


class PicturesView:
    """Some figures of a run; `update` draws them again if the run has written a checkpoint since.

    Parameters
    ----------
    source : RunSource
    captions : mapping
        Name in `spikefa.plotting.figures.figures` -> what is written above the figure.
    """

    def __init__(self, source: RunSource, captions: Mapping[str, str]):
        self._source, self._captions = source, captions
        self._drawn: tuple[int, ...] | None = None
        self.layout = Column(sentence("The figures are being drawn ...", muted=True), sizing_mode="stretch_width")

    def update(self) -> None:
        """Draw what is not drawn of the last checkpoint."""
        checkpoint = self._source.checkpoint()
        if checkpoint == self._drawn:
            return
        shown, left_out = [], {}
        for name, caption in self._captions.items():
            try:
                shown.append(image_of(figures[name](self._source.run), caption))
            except READING_ERRORS as error:
                left_out.setdefault(self._source.explain(error), []).append(caption.lower())
        why_not = [sentence(f"No {', '.join(names)}: {why}", muted=True) for why, names in left_out.items()]
        row = [Row(*shown, sizing_mode="stretch_width", styles=WRAPPED)] if shown else []
        self.layout.children = [*row, *why_not]
        self._drawn = checkpoint
