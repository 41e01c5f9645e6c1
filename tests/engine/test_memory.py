"""Memory: how much there is, and what would need more."""

import numpy as np
import pytest
from brian2 import ms

import spikefa as fa
from spikefa.engine import memory
from spikefa.errors import ArgumentError

UNITS = "dv/dt = (I - v) / (5*ms) : 1\nI : 1\ns : 1"


def test_free_memory_is_the_least_of_machine_and_container(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   5 kB\n")
    assert memory.free_memory(tmp_path / "meminfo", tmp_path) == 5 * 1024
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert memory.free_memory(tmp_path / "meminfo", tmp_path) == 2000
    assert memory.free_memory(tmp_path / "none", tmp_path / "none") is None


@pytest.mark.parametrize(
    ("free", "make", "message"),
    [
        (
            500,
            lambda n: fa.Layer(n, "g", 50, UNITS, emit="s = v"),
            r"Layer 'g': its variables must fit into the free m",
        ),
        (
            90,
            lambda n: fa.Projection(n, "a", "h", np.ones((4, 3))),
            r"'a->h': weights \(4, 3\) must fit into .* 90 byte",
        ),
        (
            150,
            lambda n: fa.Projection(n, "a", "h", np.ones((4, 3)), delay=20 * ms),
            r"Delay 'a_to_h_delay': what is under way in 20 steps must fit into the free memory, 150 bytes, got 640 by",
        ),
    ],
)
def test_what_needs_more_memory_than_is_free_is_refused(monkeypatch, free, make, message):
    net = fa.Network(streams=2, target="numpy")
    fa.Input(net, "a", 4)
    fa.Layer(net, "h", 3, UNITS, emit="s = v")
    monkeypatch.setattr(memory, "free_memory", lambda: free)
    with pytest.raises(ArgumentError, match=message):
        make(net)
