"""Draw a digit with the mouse: the network answers with its spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import (
    Button,
    Column,
    ColumnDataSource,
    FreehandDrawTool,
    Range1d,
    Row,
    Select,
    Slider,
    Span,
)
from bokeh.plotting import figure

from spikefa.plotting.style import BLUE, INK, ORANGE, VERMILLION
from spikefa.view.answer import Answer, Answerer
from spikefa.view.ink import drawn
from spikefa.view.parts import plain, plot, sentence
from spikefa.view.source import READING_ERRORS, RunSource

#: Steps for which a drawing is shown unless the slider says otherwise, at least; and at most.
_STEPS, _MOST_STEPS = 50, 400
#: Units of a layer in the raster, evenly chosen.
_UNITS = 100
_GREYS = [f"#{grey:02x}{grey:02x}{grey:02x}" for grey in range(255, -1, -1)]


class DrawingView:
    """A canvas, and what the network answers to what is drawn on it; `update` answers with the last checkpoint."""

    def __init__(self, source: RunSource):
        self._source = source
        self._why = sentence("The network is being built ...", muted=True)
        self.layout = Column(self._why, sizing_mode="stretch_width")
        self._answer: Answer | None = None
        self._answered: tuple[int, ...] = ()
        self._built = False

    def update(self) -> None:
        """Build the page at the first call that finds a network; answer anew if it has learned since."""
        if self._built:
            if self._source.checkpoint() != self._answered:
                self._respond()
            return
        try:
            self._build(self._source.answerer)
        except READING_ERRORS as error:
            self._why.text = plain(self._source.explain(error))

    def _build(self, answerer: Answerer) -> None:
        height, width = answerer.frame.shape
        layers, classes = answerer.layers, self._source.run.classes
        self._ink = ColumnDataSource({"xs": [], "ys": []})
        self._image = ColumnDataSource({"image": [np.zeros((height, width), np.float32)]})
        self._bars = ColumnDataSource(
            {"x": list(range(classes)), "top": [0.0] * classes, "colour": [BLUE] * classes}, name="outputs"
        )
        self._spikes = {name: ColumnDataSource({"t": [], "low": [], "high": []}) for name in layers}
        self._potential = ColumnDataSource({"t": [], "v": []})
        self._time = Range1d(0, 1)

        clear = Button(label="Clear", width=100)
        clear.on_click(self._clear)
        steps = min(_MOST_STEPS, max(_STEPS, self._source.run.config.test_steps))
        self._steps = Slider(title="Steps", start=1, end=_MOST_STEPS, value=steps, step=1, width=170)
        self._layer = Select(title="Potential of a unit of", options=list(layers), value=next(iter(layers)), width=150)
        self._unit = Slider(title="Unit", start=0, end=max(1, layers[self._layer.value] - 1), value=0, step=1)
        self._unit.sizing_mode = "stretch_width"
        self._said = sentence("Draw a digit in the square.")

        self._ink.on_change("data", lambda name, old, new: self._respond())
        self._steps.on_change("value_throttled", lambda name, old, new: self._respond())
        self._layer.on_change("value", lambda name, old, new: self._choose_layer(layers[new]))
        self._unit.on_change("value", lambda name, old, new: self._show_potential())

        left = Column(self._canvas(), Row(clear, self._steps), self._said, width=300)
        right = Column(Row(self._seen(height, width), self._class_bars(classes), sizing_mode="stretch_width"))
        right.children += [self._raster(name, units) for name, units in layers.items()]
        right.children += [Row(self._layer, self._unit, sizing_mode="stretch_width"), self._trace()]
        right.sizing_mode = "stretch_width"
        self.layout.children = [Row(left, right, sizing_mode="stretch_width")]
        self._respond()
        self._built = True

    def _canvas(self) -> figure:
        canvas = plot("", "", "", tools="", width=290, height=290, sizing_mode="fixed", x_range=(0, 1), y_range=(0, 1))
        canvas.axis.visible = canvas.grid.visible = False
        canvas.outline_line_color, canvas.toolbar_location, canvas.min_border = "#8a8a8a", None, 4
        canvas.name = "canvas"
        lines = canvas.multi_line(
            "xs", "ys", source=self._ink, line_width=20, line_cap="round", line_join="round", color=INK
        )
        pen = FreehandDrawTool(renderers=[lines])
        canvas.add_tools(pen)
        canvas.toolbar.active_drag = pen
        return canvas

    def _seen(self, height: int, width: int) -> figure:
        seen = plot(
            "The network sees",
            "",
            "",
            tools="",
            width=150,
            height=170,
            sizing_mode="fixed",
            x_range=(0, 1),
            y_range=(0, 1),
        )
        seen.axis.visible = seen.grid.visible = False
        seen.toolbar_location = None
        image = seen.image("image", 0, 0, 1, 1, source=self._image, palette=_GREYS)
        image.glyph.color_mapper.low, image.glyph.color_mapper.high = 0, 1
        return seen

    def _class_bars(self, classes: int) -> figure:
        bars = plot("Output of each class", "", "Summed output", tools="", height=170, min_width=200)
        bars.vbar("x", width=0.8, top="top", color="colour", source=self._bars)
        bars.y_range.start = 0
        bars.xaxis.ticker = list(range(classes))
        bars.xgrid.visible = False
        return bars

    def _raster(self, layer: str, units: int) -> figure:
        shown = min(units, _UNITS)
        raster = plot(
            "", "", layer, tools="", height=round(30 + 1.3 * shown), x_range=self._time, y_range=(-0.5, shown - 0.5)
        )
        raster.segment("t", "low", "t", "high", source=self._spikes[layer], color=INK, line_width=1)
        raster.grid.visible = False
        raster.yaxis.major_label_text_font_size = raster.xaxis.major_label_text_font_size = "0pt"
        raster.yaxis.major_tick_line_color = None
        raster.min_border_left = 60
        return raster

    def _trace(self) -> figure:
        trace = plot("", "Time (ms)", "Potential", tools="", height=170, x_range=self._time)
        trace.line("t", "v", source=self._potential, color=BLUE, line_width=1.5)
        trace.add_layout(Span(location=0, dimension="width", line_color=VERMILLION, line_width=0.5))
        trace.min_border_left = 60
        self._trace_axis = trace.yaxis[0]
        return trace

    def _clear(self) -> None:
        self._ink.data = {"xs": [], "ys": []}

    def _respond(self) -> None:
        """Show the drawing to the network, and what it does."""
        answerer = self._source.answerer
        image = drawn(list(zip(self._ink.data["xs"], self._ink.data["ys"], strict=True)), answerer.frame)
        self._answered = self._source.checkpoint()
        try:
            answer = answerer.answer(image, int(self._steps.value))
        except READING_ERRORS as error:
            self._said.text = plain(self._source.explain(error))
            return
        self._answer = answer
        colours = [ORANGE if k == answer.prediction else BLUE for k in range(len(answer.outputs))]
        self._image.data = {"image": [image[::-1]]}
        self._bars.data = {"x": list(range(len(colours))), "top": answer.outputs.tolist(), "colour": colours}
        for layer, activity in answer.activity.items():
            self._spikes[layer].data = _strokes(activity, answer.dt)
        self._time.end = max(len(next(iter(answer.activity.values()))), 1) * answer.dt
        empty = not image.any()
        self._said.text = "Draw a digit in the square." if empty else f"The network answers <b>{answer.prediction}</b>."
        self._show_potential()

    def _choose_layer(self, units: int) -> None:
        self._unit.end = max(1, units - 1)
        self._unit.value = min(self._unit.value, units - 1)
        self._show_potential()

    def _show_potential(self) -> None:
        if self._answer is None:
            return
        layer, answer = self._layer.value, self._answer
        v = answer.potential.get(layer, answer.activity[layer])[:, int(self._unit.value)].astype(float)
        label = f"Potential ({answer.units.get(layer, 'a.u.')})" if layer in answer.potential else "Output"
        self._trace_axis.axis_label = label
        self._potential.data = {"t": ((np.arange(len(v)) + 0.5) * answer.dt).tolist(), "v": v.tolist()}


def _strokes(activity: np.ndarray, dt: float) -> dict[str, Any]:
    """Return a stroke a spike of evenly chosen units, or as high as a graded output is."""
    units = activity.shape[1]
    chosen = activity[:, np.linspace(0, units - 1, min(units, _UNITS)).round().astype(int)]
    step, unit = np.nonzero(chosen > 0)
    half = 0.45 * chosen[step, unit] / max(float(chosen.max(initial=0)), 1e-30)
    return {"t": ((step + 0.5) * dt).tolist(), "low": (unit - half).tolist(), "high": (unit + half).tolist()}
