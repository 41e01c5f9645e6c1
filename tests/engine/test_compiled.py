"""Compiled code is kept in a folder of the user's own, or not at all."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from spikefa.engine import compiled
from spikefa.errors import SpikefaWarning


@pytest.fixture(autouse=True)
def _not_looked_at(monkeypatch):
    compiled._is_private.cache_clear()
    yield
    compiled._is_private.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKEFA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKEFA_CACHE", "~/kernels")
    monkeypatch.setenv("HOME", "/users/x")
    assert compiled.cache_folder() == Path("/users/x/kernels")
    monkeypatch.setenv("SPIKEFA_CACHE", "")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/numba")
    assert compiled.cache_folder() == Path("/numba/spikefa")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert compiled.cache_folder() == Path("/xdg/spikefa/kernels")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert compiled.cache_folder() == Path("/users/x/.cache/spikefa/kernels")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert compiled.cache_folder() is None and compiled.private_folder() is None


def test_it_is_made_for_the_user_alone(folder):
    before = os.umask(0)
    try:
        assert compiled.private_folder() == folder
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_can_write_is_not_used(folder, mode):
    folder.mkdir()
    folder.chmod(mode)
    with pytest.warns(SpikefaWarning, match=f"{folder} is writable by others, who could change the code") as told:
        assert compiled.private_folder() is None
        assert compiled.private_folder() is None
    assert len(told) == 1 and not list(folder.iterdir())


def test_a_folder_that_others_could_put_another_one_for_is_not_used(folder):
    folder.parent.chmod(0o777)
    with pytest.warns(SpikefaWarning, match=f"{folder.parent} is writable by others"):
        assert compiled.private_folder() is None
    folder.parent.chmod(0o700)


def test_a_folder_of_another_user_is_not_used(folder, monkeypatch):
    folder.mkdir(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.warns(SpikefaWarning, match="belongs to another user"):
        assert compiled.private_folder() is None


@pytest.mark.parametrize("place", ["folder", "nowhere"])
def test_a_function_is_compiled_with_and_without_a_folder(folder, monkeypatch, place):
    if place == "nowhere":
        monkeypatch.setenv("SPIKEFA_CACHE", "/proc/no/such")
    before = numba.config.CACHE_DIR
    double = compiled.compiled(nogil=True)(double_of)
    assert double(3) == 6 and before == numba.config.CACHE_DIR
    assert bool(list(folder.rglob("*.nbi"))) == (place == "folder")


def double_of(x):
    return 2 * x


def test_everything_is_imported_by_a_user_without_a_home():
    code = (
        "import spikefa as fa; fa.Network, fa.Layer, fa.Projection, fa.WeightAverage, fa.Softmax, fa.new_run; print(1)"
    )
    env = {name: value for name, value in os.environ.items() if name not in ("SPIKEFA_CACHE", "XDG_CACHE_HOME")}
    env |= {"HOME": "/proc/no/such", "NUMBA_CACHE_DIR": ""}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout == "1\n", done.stderr


ORDERS = """
import sys
import numba
from spikefa.engine.compiled import compiled, is_kept

@compiled()
def double(x):
    return x + x

assert not is_kept(double)
for kind in sys.argv[1:]:
    assert double({"int": 1, "float": 1.0}[kind]) == 2
assert is_kept(double)
"""


def test_it_is_compiled_anew_if_what_it_may_call_has_changed_and_shared_if_nothing_has(folder, monkeypatch, tmp_path):
    compiled.compiled()(double_of)(3)
    (index,) = folder.rglob("*.nbi")
    again = compiled.compiled()(double_of)
    again(3)
    assert sum(again.stats.cache_hits.values()) == 1
    elsewhere = {}
    path = tmp_path / "elsewhere" / Path(__file__).name
    path.parent.mkdir()
    path.write_bytes(Path(__file__).read_bytes())
    os.utime(path, (0, 0))
    exec(compile(path.read_text(), str(path), "exec"), elsewhere | {"__name__": "elsewhere"}, elsewhere)
    shared = compiled.compiled()(elsewhere["double_of"])
    shared(3)
    assert sum(shared.stats.cache_hits.values()) == 1 and list(folder.rglob("*.nbi")) == [index]
    monkeypatch.setattr(compiled, "_kernels", lambda: b"changed")
    changed = compiled.compiled()(double_of)
    changed(3)
    assert sum(changed.stats.cache_misses.values()) == 1 and len(list(folder.rglob("*.nbi"))) == 2


def test_machine_code_has_a_file_that_follows_from_its_types(tmp_path):
    """Two processes that compile one function for different types at once write different files."""
    script, found = tmp_path / "script.py", []
    script.write_text(ORDERS)
    for order in (("int", "float"), ("float", "int")):
        folder = tmp_path / order[0]
        environment = os.environ | {"SPIKEFA_CACHE": str(folder)}
        subprocess.run([sys.executable, script, *order], env=environment, check=True, timeout=300)
        found.append(sorted(path.name for path in folder.rglob("*.nbc")))
    assert found[0] == found[1] and len(found[0]) == 2
