"""Recordings of activity: images, rasters, and PSP with delta, with sliders for moment, time and unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from bokeh.models import (
    Column,
    ColumnDataSource,
    CustomJS,
    LinearAxis,
    Range1d,
    RangeSlider,
    Slider,
    Span,
)
from bokeh.plotting import figure

from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.plotting.style import BLUE, INK, ORANGE, RULE, VERMILLION
from spikefa.view.parts import plain, plot, sentence
from spikefa.view.pictures import PicturesView
from spikefa.view.source import READING_ERRORS, RunSource

#: Recordings that a file without a server holds, evenly chosen, the first and the last among them.
MOST_IN_A_FILE = 12
#: Pixels of a unit in a raster.
_UNIT_PIXELS = 3.2
_NONE = "This run has no recordings of activity. They need layers that spike, classes, and record_activity."


class RecordingsView:
    """The recordings of a run; `update` adds those that training has made meanwhile.

    Parameters
    ----------
    source : RunSource
    alone : bool
        Whether the page has no server: it then holds several recordings, and its own sliders choose among them.
    """

    def __init__(self, source: RunSource, alone: bool = False):
        self._source, self._alone = source, alone
        self._files: list[Path] = []
        self._instead: PicturesView | None = None
        self._note = sentence(_NONE)
        self.layout = Column(self._note, sizing_mode="stretch_width")
        if source.recordings():
            self.update()

    def update(self) -> None:
        """Take in recordings that are new; whoever looks at an earlier one still does."""
        files = self._source.recordings()
        if files == self._files:
            if not files and self._source.checkpoint():  # there will be none
                self._show_figure()
            return
        try:
            if not self._files:
                self._build(files)
            at_end = self._files and self._moment.value == len(self._files) - 1
            self._files = files
            if len(files) > 1 and not self._alone:
                self._moment.end, self._moment.disabled = len(files) - 1, False
                if at_end:
                    self._moment.value = len(files) - 1
        except READING_ERRORS as error:
            self._note.text = plain(self._source.explain(error))

    def _show_figure(self) -> None:
        """Show what the network does now, as a figure."""
        if self._instead is None:
            self._instead = PicturesView(self._source, {"activity": "Activity"})
            self.layout.children = [self._note, self._instead.layout]
        self._instead.update()

    def _build(self, files: list[Path]) -> None:
        if self._alone:
            chosen = np.linspace(0, len(files) - 1, min(len(files), MOST_IN_A_FILE)).round().astype(int)
            files = [files[k] for k in chosen]
        last = self._source.recording(files[-1])
        self._sources = {name: ColumnDataSource(data) for name, data in _columns(last).items()}
        self._time = Range1d(0, last.duration)
        self._note.text = plain(_title(last))
        self._moment = Slider(
            title="Recording",
            start=0,
            end=max(1, len(files) - 1),
            value=len(files) - 1,
            step=1,
            disabled=len(files) == 1,
            sizing_mode="stretch_width",
        )
        time = RangeSlider(
            title="Time (ms)",
            start=0,
            end=last.duration,
            value=(0, last.duration),
            step=last.dt,
            sizing_mode="stretch_width",
        )
        time.js_link("value", self._time, "start", attr_selector=0)
        time.js_link("value", self._time, "end", attr_selector=1)
        names = _rows(last)
        row = Slider(
            title=names[0],
            show_value=False,
            start=0,
            end=len(names) - 1,
            value=0,
            step=1,
            sizing_mode="stretch_width",
        )
        row.js_on_change("value", CustomJS(args={"names": names}, code="cb_obj.title = names[cb_obj.value]"))
        plots = [self._images(last), *(self._raster(last, name, row) for name in last.spikes)]
        plots += [self._neuron(last, name) for name in last.hidden]
        for drawn in plots:
            drawn.min_border_left, drawn.min_border_right = 70, 60  # one time axis for all
        if self._alone:
            self._choose_in_page(files)
        else:
            self._moment.on_change("value", lambda name, old, new: self._choose(int(new)))
        self.layout.children = [self._moment, time, row, self._note, *plots]

    def _choose(self, number: int) -> None:
        try:
            found = self._source.recording(self._files[number])
        except READING_ERRORS as error:
            self._note.text = plain(self._source.explain(error))
            return
        self._note.text = plain(_title(found))
        for name, data in _columns(found).items():
            self._sources[name].data = data

    def _choose_in_page(self, files: list[Path]) -> None:
        found = [self._source.recording(file) for file in files]
        stages = [{name: ColumnDataSource(data) for name, data in _columns(one).items()} for one in found]
        titles = [plain(_title(one)) for one in found]
        self._moment.js_on_change(
            "value",
            CustomJS(
                args={"shown": self._sources, "stages": stages, "titles": titles, "note": self._note},
                code="""
                    const chosen = stages[cb_obj.value]
                    const of = (all, name) => all instanceof Map ? all.get(name) : all[name]
                    const names = shown instanceof Map ? [...shown.keys()] : Object.keys(shown)
                    for (const name of names) of(shown, name).data = of(chosen, name).data
                    note.text = titles[cb_obj.value]
                """,
            ),
        )

    def _images(self, recording: ActivityRecording) -> figure:
        drawn = plot("", "", "", tools="", height=80, x_range=self._time, y_range=(0, 1))
        drawn.image(
            "image",
            "x",
            "y",
            "width",
            "height",
            source=self._sources["images"],
            palette=[f"#{g:02x}{g:02x}{g:02x}" for g in range(255, -1, -1)],
        )
        drawn.text(
            "label_x", "label_y", "label", source=self._sources["images"], text_font_size="12px", text_color="#6a6a6a"
        )
        drawn.axis.visible = drawn.grid.visible = False
        return drawn

    def _raster(self, recording: ActivityRecording, layer: str, row: Slider) -> figure:
        units, numbers = recording.spikes[layer].shape[1], recording.unit_numbers.get(layer)
        drawn = plot(
            "",
            "",
            f"{layer} (class)" if layer == recording.output else f"{layer} (unit)" if numbers is not None else layer,
            tools="",
            height=round(40 + _UNIT_PIXELS * units),
            x_range=self._time,
            y_range=(-0.5, units - 0.5),
        )
        drawn.grid.visible = False
        if layer == recording.output:
            drawn.quad("left", "right", "bottom", "top", source=self._sources["right class"], color=ORANGE, alpha=0.35)
            classes = recording.output_classes
            first = np.flatnonzero(np.r_[True, classes[1:] != classes[:-1]])
            middles = [float(np.flatnonzero(classes == classes[k]).mean()) for k in first]
            drawn.yaxis.ticker = middles
            drawn.yaxis.major_label_overrides = {m: str(classes[k]) for m, k in zip(middles, first, strict=True)}
            drawn.yaxis.major_tick_line_color = None
        elif numbers is None:
            drawn.yaxis.ticker = []  # a row's place in the raster is not the number of its unit
        else:
            drawn.yaxis.major_label_overrides = dict(enumerate(map(str, numbers)))
        drawn.segment("t", "low", "t", "high", source=self._sources[f"spikes {layer}"], color=INK, line_width=1)
        marked = Span(location=0, dimension="width", line_color=VERMILLION, line_alpha=0.35, line_width=_UNIT_PIXELS)
        row.js_link("value", marked, "location")
        drawn.add_layout(marked)
        self._add_switches(drawn, recording)
        drawn.xaxis.major_label_text_font_size = "0pt"
        return drawn

    def _neuron(self, recording: ActivityRecording, layer: str) -> figure:
        unit, number = recording.units.get(layer), recording.traced_units.get(layer)
        traced = "the recorded unit" if number is None else f"unit {number}"
        v, delta = self._reach(layer, "v"), self._reach(layer, "delta")  # zeros of both on one line
        drawn = plot(
            f"{layer}: PSP of {traced} (blue) and its modulatory signal δ (red)",
            "Time (ms)",
            f"Potential ({unit})" if unit else "PSP (a.u.)",
            tools="",
            height=200,
            x_range=self._time,
            y_range=(-v, v),
        )
        drawn.extra_y_ranges = {"delta": Range1d(-delta, delta)}
        right = LinearAxis(y_range_name="delta", axis_label="Modulatory signal δ", axis_label_text_font_style="normal")
        right.axis_label_text_color = right.major_label_text_color = VERMILLION
        drawn.add_layout(right, "right")
        drawn.yaxis[0].axis_label_text_color = drawn.yaxis[0].major_label_text_color = BLUE
        source = self._sources[f"neuron {layer}"]
        drawn.varea("t", "zero", "delta", source=source, color=VERMILLION, alpha=0.25, y_range_name="delta")
        drawn.line("t", "delta", source=source, color=VERMILLION, line_width=1, y_range_name="delta")
        drawn.line("t", "v", source=source, color=BLUE, line_width=1.5)
        drawn.add_layout(Span(location=0, dimension="width", line_color=RULE, line_width=0.5))
        drawn.ygrid.visible = False
        self._add_switches(drawn, recording)
        return drawn

    def _reach(self, layer: str, name: str) -> float:
        """Return how far a trace goes from zero in any recording: what grows with learning is seen to grow."""
        found = [getattr(self._source.recording(file), name)[layer] for file in self._source.recordings()]
        return 1.06 * max((float(np.abs(x[np.isfinite(x)]).max(initial=0)) for x in found), default=0) or 1.0

    @staticmethod
    def _add_switches(drawn: figure, recording: ActivityRecording) -> None:
        for k in range(1, len(recording.images)):
            at = k * recording.steps_per_image * recording.dt
            drawn.add_layout(Span(location=at, dimension="height", line_color=RULE, line_width=0.5))


def _title(recording: ActivityRecording) -> str:
    return f"After {recording.images_seen:,} training images. The row slider marks a row of the rasters."


def _rows(recording: ActivityRecording) -> list[str]:
    """Return the title of each row of the rasters, such as "Row 3: unit 17 of h1, unit 4 of output"."""
    count = max(2, *(spikes.shape[1] for spikes in recording.spikes.values()))  # a slider needs a way to go
    titles = []
    for row in range(count):
        known = [(layer, numbers) for layer, numbers in recording.unit_numbers.items() if row < len(numbers)]
        units = ", ".join(f"unit {numbers[row]} of {layer}" for layer, numbers in known)
        titles.append(f"Row {row}: {units}" if units else f"Row {row}")
    return titles


def _columns(recording: ActivityRecording) -> dict[str, dict[str, list]]:
    """Return what is drawn of a recording, as columns by the name of their source."""
    each, middle = recording.steps_per_image * recording.dt, recording.dt / 2
    starts = (np.arange(len(recording.images)) * each).tolist()
    height, width = recording.images.shape[1:]
    side = min(0.35 * each, 0.1 * recording.duration)
    found: dict[str, dict[str, list]] = {
        "images": {
            "image": [image[::-1].astype(np.float32) for image in recording.images],
            "x": [start + (each - side) / 2 for start in starts],
            "y": [0.02] * len(starts),
            "width": [side * width / height] * len(starts),
            "height": [0.96] * len(starts),
            "label": [str(label) for label in recording.labels],
            "label_x": [start + (each + 1.1 * side) / 2 for start in starts],
            "label_y": [0.6] * len(starts),
        }
    }
    right: dict[str, list] = {"left": [], "right": [], "bottom": [], "top": []}
    for start, label in zip(starts, recording.labels, strict=True):
        units = np.flatnonzero(recording.output_classes == label)
        if units.size:
            edges = (start, start + each, float(units[0]) - 0.5, float(units[-1]) + 0.5)
            for column, value in zip(right.values(), edges, strict=True):
                column.append(value)
    found["right class"] = right
    for layer, spikes in recording.spikes.items():
        step, unit = np.nonzero(spikes)
        t = (step * recording.dt + middle).tolist()  # the middle of its step, left of an image's switch
        found[f"spikes {layer}"] = {"t": t, "low": (unit - 0.42).tolist(), "high": (unit + 0.42).tolist()}
    for layer in recording.hidden:
        v, delta = recording.v[layer].astype(float), recording.delta[layer].astype(float)
        t = (recording.t + middle).tolist()
        found[f"neuron {layer}"] = {"t": t, "v": v.tolist(), "delta": delta.tolist(), "zero": [0.0] * len(t)}
    return found
