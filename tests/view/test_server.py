"""The server: on this machine alone, and for those who know the token; and the report, which needs none."""

import asyncio
import re
import sys
import warnings

import pytest
from run_helpers import printed
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.websocket import websocket_connect
from typer.testing import CliRunner

from spikefa.cli import app
from spikefa.errors import ArgumentError
from spikefa.view.opening import open_pages
from spikefa.view.server import server_of


def test_only_this_machine_and_only_with_the_token(spiking_run):
    pages = open_pages(spiking_run.directory)

    async def look():
        server, address = server_of(lambda: pages(False), "run")
        server.start()
        try:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)
            (place,) = {s.getsockname()[0] for s in server._http._sockets.values()}
            assert place == "127.0.0.1"
            page = (await AsyncHTTPClient().fetch(address)).body.decode()
            assert "<title>run</title>" in page and not re.search(r"(src|href)=\"https?:", page)
            root, token = address[:-1].rsplit("/", 1)
            for wrong in (f"{root}/", f"{root}/{token[:-1]}/", f"{root}/static/js/bokeh.min.js", f"{root}/ws"):
                with pytest.raises(HTTPClientError, match="404"):
                    await AsyncHTTPClient().fetch(wrong)
            port = int(root.rpartition(":")[2])
            with pytest.raises(ArgumentError, match=f"view: port must be one that is free, got {port}"):
                server_of(lambda: pages(False), "run", port)
            with pytest.raises(HTTPClientError, match="404"):
                await websocket_connect(f"{root.replace('http', 'ws')}/ws")
        finally:
            server.stop()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of tornado's client
        asyncio.run(look())


def test_without_bokeh_the_commands_say_what_to_install(spiking_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    for command in ("view", "report"):
        result = CliRunner().invoke(app, [command, str(spiking_run.directory)])
        assert str(result.exception) == (
            f'spikefa {command}: needs bokeh, which is not installed; run: pip install "spikefa[view]"'
        )


def test_a_report_is_one_file_beside_the_run(spiking_run, digest):
    before = digest(spiking_run.directory)
    assert f"Wrote {spiking_run.directory}.html" in printed("report", spiking_run.directory)
    text = (spiking_run.directory.parent / "run.html").read_text()
    markup = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert not re.search(r"<script[^>]*\bsrc=|<link|https?://", markup) and len(re.findall(r"img alt=", text)) == 7
    assert digest(spiking_run.directory) == before
