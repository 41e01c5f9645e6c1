"""What the panels of a view share: how plots look, sentences, and figures of matplotlib as images."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

from bokeh.models import Div
from bokeh.plotting import figure

from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILLION

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
#: Colour of a sentence that says why something is not shown.
_MUTED = "#5f5f5f"
#: Style of a row whose parts go to the next line in a narrow window.
WRAPPED = {"flex-wrap": "wrap"}


def plot(title: str, x: str, y: str, *, tools: str = "pan,box_zoom,wheel_zoom,reset,save", **more: Any) -> figure:
    """Return an empty plot as wide as its place, its y from 0 if `more` says nothing else."""
    drawn = figure(
        title=title,
        x_axis_label=x,
        y_axis_label=y,
        tools=tools,
        **{"sizing_mode": "stretch_width", "height": 280} | more,
    )
    drawn.toolbar.logo, drawn.toolbar.autohide = None, True
    drawn.toolbar.active_drag = drawn.toolbar.active_scroll = None  # the page is scrolled, not the plot
    drawn.title.text_font_size, drawn.title.text_color = "13px", INK
    drawn.outline_line_color, drawn.xgrid.grid_line_color = None, None
    drawn.ygrid.grid_line_color = "#ececec"
    for axis in drawn.axis:
        axis.axis_label_text_font_style = "normal"
        axis.axis_line_color = axis.major_tick_line_color = "#8a8a8a"
        axis.minor_tick_line_color = None
    return drawn


def sentence(text: str, *, muted: bool = False, **more: Any) -> Div:
    """Return a paragraph of plain text."""
    return Div(text=plain(text), styles={"color": _MUTED if muted else INK}, sizing_mode="stretch_width", **more)


def plain(text: str) -> str:
    """Return a text as HTML that shows it letter by letter: what a run's files say is never markup."""
    return html.escape(text)


def image_of(drawn: Any, name: str, dpi: int = 160) -> Div:
    """Return a figure of matplotlib as an image, with its name in place of the run's; at most as wide as the page."""
    held = io.BytesIO()
    drawn.suptitle(name, fontsize=8, fontweight="bold")
    drawn.savefig(held, format="png", dpi=dpi)
    data = base64.b64encode(held.getvalue()).decode()
    width = round(110 * drawn.get_size_inches()[0])
    style = f"width:{width}px;max-width:calc(100vw - 40px);height:auto"
    return Div(text=f'<img alt="{plain(name)}" style="{style}" src="data:image/png;base64,{data}">')
