"""A view without a server: one HTML file that holds all it shows."""

from __future__ import annotations

from pathlib import Path

from bokeh.embed import file_html
from bokeh.resources import INLINE

from spikefa._atomic_write import write_whole
from spikefa.view.page import RunPage, StudyPage
from spikefa.view.server import centred


def write_report(page: RunPage | StudyPage, title: str, out: Path) -> Path:
    """Write a page as one file, with scripts, figures and data inside; it needs no network.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    text = file_html(centred(page), INLINE, title=title)
    write_whole(out, text.encode(), "the report")
    return out
