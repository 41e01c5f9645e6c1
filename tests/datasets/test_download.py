"""Downloading, from a server on this machine. Nothing here needs a network."""

import gzip
import hashlib
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from idx_files import STEMS, arrays, assert_same, idx, refused

from spikefa.datasets import load, mnist

GZIP = partial(gzip.compress, mtime=0)


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


class Server:
    """Serves `content` (path -> bytes) and remembers every request."""

    def __init__(self):
        self.content, self.requests, server = {}, [], self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                body = server.content.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args):
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def mirrors(server, monkeypatch, tmp_path):
    """Two mirrors, one/ and two/, of a small "mnist"; the cache is in tmp_path."""
    import pooch

    content = arrays()
    files = {f"{stem}.gz": GZIP(idx(array)) for stem, array in content.items()}
    server.content.update({f"/{place}/{file}": data for place in ("one", "two") for file, data in files.items()})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setitem(mnist._MIRRORS, "mnist", (f"{server.url}/one/", f"{server.url}/two/"))
    monkeypatch.setitem(mnist._MD5, "mnist", tuple(hashlib.md5(data).hexdigest() for data in files.values()))
    return content


def test_download_once(server, mirrors, tmp_path):
    assert_same(load("mnist"), mirrors)
    assert server.requests == [f"/one/{stem}.gz" for stem in STEMS]
    assert sorted(p.name for p in (tmp_path / "cache/spikefa/mnist").iterdir()) == sorted(f"{s}.gz" for s in STEMS)
    server.requests.clear()
    assert_same(load("mnist"), mirrors)
    assert server.requests == []


def test_an_empty_variable_is_none(server, mirrors, monkeypatch):
    monkeypatch.setenv("SPIKEFA_DATA", "")
    assert_same(load("mnist"), mirrors)
    assert len(server.requests) == 4


def test_a_directory_is_never_filled_by_downloads(server, mirrors, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(lambda: load("mnist", tmp_path / "empty"), STEMS[0], "found neither")
    assert server.requests == []


def test_damaged_cache_is_fetched_again(server, mirrors, tmp_path):
    load("mnist")
    server.requests.clear()
    cached = tmp_path / "cache/spikefa/mnist" / f"{STEMS[3]}.gz"
    cached.write_bytes(cached.read_bytes()[:-5])
    assert_same(load("mnist"), mirrors)
    assert server.requests == [f"/one/{STEMS[3]}.gz"]


@pytest.mark.parametrize("fault", ["absent", "altered"])
def test_second_mirror(server, mirrors, fault):
    if fault == "absent":
        del server.content[f"/one/{STEMS[1]}.gz"]
    else:
        server.content[f"/one/{STEMS[1]}.gz"] += b"\0"
    assert_same(load("mnist"), mirrors)
    assert f"/two/{STEMS[1]}.gz" in server.requests and f"/two/{STEMS[0]}.gz" not in server.requests


def test_wrong_checksum(server, mirrors, tmp_path):
    for place in ("one", "two"):
        server.content[f"/{place}/{STEMS[2]}.gz"] = GZIP(idx(np.zeros((10, 3, 4))))
    refused(
        lambda: load("mnist"), "mnist: cannot download", f"{STEMS[2]}.gz", "127.0.0.1", "published checksum",
        "put train-images-idx3-ubyte", "data_dir", "--data-dir", "SPIKEFA_DATA",
    )  # fmt: skip
    assert not (tmp_path / "cache/spikefa/mnist" / f"{STEMS[2]}.gz").exists()


def test_not_found(server, mirrors):
    server.content.clear()
    message = refused(lambda: load("mnist"), "cannot download train-images-idx3-ubyte.gz", "404", "SPIKEFA_DATA")
    assert message.count("404") == 2


def test_no_connection(server, mirrors, monkeypatch):
    monkeypatch.setitem(mnist._MIRRORS, "mnist", ("http://127.0.0.1:1/",))
    refused(lambda: load("mnist"), "cannot download", "127.0.0.1:1: no connection", "--data-dir", "SPIKEFA_DATA")


def test_cache_that_cannot_be_made(server, mirrors, tmp_path):
    (tmp_path / "cache").write_text("a file where the cache should be")
    refused(lambda: load("mnist"), "cannot download", str(tmp_path / "cache"), "SPIKEFA_DATA")


def test_published_addresses_and_checksums_are_complete():
    assert set(mnist._MIRRORS) == set(mnist._MD5) == {"mnist", "fashion-mnist"}
    for sums in mnist._MD5.values():
        assert len(sums) == len(set(sums)) == 4 and all(len(md5) == 32 for md5 in sums)
    for urls in mnist._MIRRORS.values():
        assert all(url.startswith("http") and url.endswith("/") for url in urls)
