"""Downloading, from a server on this machine. Nothing here needs a network."""

import gzip
import hashlib
import sys
import threading
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from idx_files import STEMS, arrays, assert_same, idx, refused

from spikefa.datasets.mnist import FASHION_MNIST, MNIST, Published, load_idx

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
def content(server, monkeypatch):
    """A small set, which the server has twice: in one/ and in two/."""
    made = arrays()
    files = {f"{stem}.gz": GZIP(idx(array)) for stem, array in made.items()}
    server.content.update({f"/{place}/{file}": data for place in ("one", "two") for file, data in files.items()})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return made


@pytest.fixture
def published(server, content):
    """Where the small set is published, with the checksums of its files."""
    md5 = tuple(hashlib.md5(server.content[f"/one/{stem}.gz"]).hexdigest() for stem in STEMS)
    return Published("small", (f"{server.url}/one/", f"{server.url}/two/"), md5, ())


@pytest.fixture
def loaded(published, tmp_path):
    """A function that loads the small set through a cache of its own."""
    return lambda data_dir=None, of=published: load_idx(of, data_dir, tmp_path / "cache")


def test_download_once(server, loaded, content, tmp_path):
    assert_same(loaded(), content)
    assert server.requests == [f"/one/{stem}.gz" for stem in STEMS]
    assert sorted(p.name for p in (tmp_path / "cache/small").iterdir()) == sorted(f"{s}.gz" for s in STEMS)
    server.requests.clear()
    assert_same(loaded(), content)
    assert server.requests == []


def test_an_empty_variable_is_none(server, loaded, content, monkeypatch):
    monkeypatch.setenv("SPIKEFA_DATA", "")
    assert_same(loaded(), content)
    assert len(server.requests) == 4


def test_a_directory_is_never_filled_by_downloads(server, loaded, content, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(lambda: loaded(tmp_path / "empty"), STEMS[0], "found neither")
    assert server.requests == []


def test_damaged_cache_is_fetched_again(server, loaded, content, tmp_path):
    loaded()
    server.requests.clear()
    cached = tmp_path / "cache/small" / f"{STEMS[3]}.gz"
    cached.write_bytes(cached.read_bytes()[:-5])
    assert_same(loaded(), content)
    assert server.requests == [f"/one/{STEMS[3]}.gz"]


@pytest.mark.parametrize("fault", ["absent", "altered"])
def test_second_mirror(server, loaded, content, fault):
    if fault == "absent":
        del server.content[f"/one/{STEMS[1]}.gz"]
    else:
        server.content[f"/one/{STEMS[1]}.gz"] += b"\0"
    assert_same(loaded(), content)
    assert f"/two/{STEMS[1]}.gz" in server.requests and f"/two/{STEMS[0]}.gz" not in server.requests


def test_wrong_checksum(server, loaded, content, tmp_path):
    for place in ("one", "two"):
        server.content[f"/{place}/{STEMS[2]}.gz"] = GZIP(idx(np.zeros((10, 3, 4))))
    refused(
        lambda: loaded(),
        "small: cannot download",
        f"{STEMS[2]}.gz",
        "127.0.0.1",
        "published checksum",
        "put train-images-idx3-ubyte",
        "data_dir",
        "SPIKEFA_DATA",
    )
    assert not (tmp_path / "cache/small" / f"{STEMS[2]}.gz").exists()


def test_not_found(server, loaded, content):
    server.content.clear()
    message = refused(lambda: loaded(), "cannot download train-images-idx3-ubyte.gz", "404", "SPIKEFA_DATA")
    assert message.count("404") == 2


def test_no_connection(loaded, published):
    unreachable = replace(published, mirrors=("http://127.0.0.1:1/",))
    refused(lambda: loaded(of=unreachable), "cannot download", "127.0.0.1:1: no connection", "data_dir", "SPIKEFA_DATA")


def test_cache_that_cannot_be_made(server, loaded, content, tmp_path):
    (tmp_path / "cache").write_text("a file where the cache should be")
    refused(lambda: loaded(), "cannot download", str(tmp_path / "cache"), "SPIKEFA_DATA")


def test_the_users_cache_is_the_default(published, content, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert_same(load_idx(published), content)
        assert (tmp_path / "spikefa/small" / f"{STEMS[0]}.gz").is_file()


@pytest.mark.parametrize("published", [MNIST, FASHION_MNIST], ids=lambda published: published.name)
def test_published_addresses_and_checksums_are_complete(published):
    assert len(published.md5) == len(set(published.md5)) == 4 and all(len(md5) == 32 for md5 in published.md5)
    assert all(url.startswith("http") and url.endswith("/") for url in published.mirrors)
    assert len(published.first_labels) == 10
