"""Learning curves, mean outputs and angles that grow while a run trains."""

from __future__ import annotations

import numpy as np
from bokeh.models import Column, ColumnDataSource, Legend, NumeralTickFormatter, Row, Span
from bokeh.plotting import figure

from spikefa.plotting.style import RULE
from spikefa.view.parts import COLOURS, WRAPPED, plain, plot, sentence
from spikefa.view.source import READING_ERRORS, RunSource

_ERRORS = ("test_error", "validation_error", "train_error")
#: Title, label of the axis, and the columns' prefix, of each further plot.
_BY_LAYER = (
    ("Firing rates", "Rate (Hz)", "rate_hz_"),
    ("Mean outputs", "Mean output (a step)", "mean_output_"),
    ("Weights against feedback", "Angle (degrees)", "weight_angle_deg_"),
)


class LearningView:
    """The table of metrics as plots; `update` shows what training has added."""

    def __init__(self, source: RunSource):
        self._source = source
        run = source.run
        self._scale, unit = (100, " (%)") if run.classes is not None else (1, " (NSE)")
        self._sources: dict[str, ColumnDataSource] = {}
        self._status = sentence("")
        self._errors = self._plot("Errors", f"Error{unit}")
        if run.classes is not None:
            chance = 100 * (1 - 1 / run.classes)
            self._errors.add_layout(Span(location=chance, line_color=RULE, line_dash="dashed"))
        self._others = {prefix: self._plot(title, label) for title, label, prefix in _BY_LAYER}
        self._missing = sentence("", muted=True)
        self.layout = Column(self._status, sizing_mode="stretch_width")
        self.update()

    def _plot(self, title: str, label: str) -> figure:
        drawn = plot(title, "Training images", label, min_width=330)
        drawn.xaxis.formatter = NumeralTickFormatter(format="0,0")
        drawn.y_range.start = 0
        return drawn

    def update(self) -> None:
        """Show the rows that are there now."""
        try:
            table = self._source.metrics()
        except READING_ERRORS as error:
            self._status.text = plain(self._source.explain(error))
            return
        if not len(table.get("epoch", ())):
            self._status.text = "Training has not evaluated the network yet."
            return
        self._status.text = plain(self._words(table))
        for column in _ERRORS:
            self._show(self._errors, table, column, column.replace("_error", ""), self._scale)
        for prefix, drawn in self._others.items():
            for column in table:
                layer = column.removeprefix(prefix)
                if layer != column and (prefix != "mean_output_" or f"rate_hz_{layer}" not in table):  # said in Hz
                    self._show(drawn, table, column, layer)
        self._arrange()

    def _show(self, drawn: figure, table: dict[str, np.ndarray], column: str, label: str, scale: float = 1.0) -> None:
        measured = np.isfinite(table[column])
        if not measured.any():
            return
        data = {"x": table["images_seen"][measured].tolist(), "y": (scale * table[column][measured]).tolist()}
        if column in self._sources:
            if self._sources[column].data != data:
                self._sources[column].data = data
            return
        self._sources[column] = ColumnDataSource(data, name=column)
        colour = COLOURS[len(drawn.renderers) // 2 % len(COLOURS)]
        style = {"source": self._sources[column], "color": colour, "legend_label": label}
        if not drawn.legend:
            drawn.add_layout(_legend(), "above")  # where no curve is under it
        drawn.line("x", "y", line_width=2, **style)
        drawn.scatter("x", "y", size=5, **style)

    def _arrange(self) -> None:
        """Show the plots that have a curve, and say which have none."""
        plots = [self._errors, *self._others.values()]
        shown = [drawn for drawn in plots if drawn.renderers]
        if len(self.layout.children) == 1:
            row = Row(*shown, sizing_mode="stretch_width", styles=WRAPPED)
            self.layout.children = [self._status, row, self._missing]
        elif self.layout.children[1].children != shown:
            self.layout.children[1].children = shown
        missing = [drawn.title.text.lower() for drawn in plots if not drawn.renderers]
        self._missing.text = f"Not measured in this run: {', '.join(missing)}." if missing else ""

    def _words(self, table: dict[str, np.ndarray]) -> str:
        said = [f"{int(table['images_seen'][-1]):,} training images (epoch {table['epoch'][-1]:.4g})"]
        for column in _ERRORS:
            measured = table[column][np.isfinite(table[column])]
            if measured.size:
                name = column.replace("_error", "").replace("train", "training")
                said.append(f"{name} error {self._scale * measured[-1]:.4g}{' %' if self._scale == 100 else ''}")
        return ", ".join(said) + "."


def _legend() -> Legend:
    return Legend(
        orientation="horizontal",
        border_line_color=None,
        padding=0,
        margin=2,
        spacing=14,
        glyph_width=16,
        label_text_font_size="11px",
    )
