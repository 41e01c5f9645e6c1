"""The server of a view: on this machine alone, and only for those who know its address."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.models import Column
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.util import bind_sockets
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

from spikefa.errors import ArgumentError
from spikefa.view.page import RunPage, StudyPage

#: Where it listens: no other machine can reach it.
HOST = "127.0.0.1"
#: Milliseconds between two looks at the run's files.
_EVERY = 1000


def server_of(page: Callable[[], RunPage | StudyPage], title: str, port: int = 0) -> tuple[BaseServer, str]:
    """Return a server that has not started, and the address of its page.

    Every path of it begins with a secret token, without which each request is refused, the page's socket included.

    Parameters
    ----------
    page : function
        Called for each window that opens the page.
    title : str
    port : int
        0 takes a free one.

    Raises
    ------
    ArgumentError
        If the port is taken, or may not be used.
    """
    token = secrets.token_urlsafe(24)

    def fill(document: Document) -> None:
        opened = page()
        opened.on_tab(lambda: document.add_next_tick_callback(opened.update))
        document.title = title
        document.add_root(centred(opened))
        document.add_periodic_callback(opened.update, _EVERY)

    try:
        sockets, port = bind_sockets(HOST, port)
    except OSError as error:
        raise ArgumentError(f"view: port must be one that is free, got {port} ({error.strerror})") from error
    served = BokehTornado(
        {"/": Application(FunctionHandler(fill))},
        prefix=f"/{token}",
        extra_websocket_origins=[f"{HOST}:{port}"],
    )
    http = HTTPServer(served)
    http.add_sockets(sockets)
    return BaseServer(IOLoop.current(), served, http), f"http://{HOST}:{port}/{token}/"


def centred(page: RunPage | StudyPage) -> Column:
    """Return a page in the middle of a wide window."""
    return Column(
        page.layout,
        sizing_mode="stretch_width",
        styles={"max-width": "1240px", "margin": "0 auto", "padding": "0 12px"},
    )
