"""Pooling: winners, ties, ports, and refusals; values and feedback are compared with plain loops in the contracts."""

import numpy as np
import pytest
from brian2 import ms

import spikefa as fa
from spikefa.errors import ArgumentError, SpikefaError

GRADED = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}


def pooled(kind="max", units=(2, 4, 4), post=(2, 2, 2), streams=1, **options):
    net = fa.Network(target="numpy", dtype="float64", streams=streams)
    fa.Input(net, "image", units, "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    fa.Layer(net, "p", post, **GRADED)
    fa.pooling(net, "image", "p", kind, **{"field": 2} | options)
    return net


def test_the_first_of_equal_outputs_wins_and_the_population_says_which():
    net = pooled()
    x = net["image"].view("x").reshape(2, 4, 4)
    x[0, 0, 1] = x[0, 1, 0] = 3
    x[1, 3, 3] = 2
    net.run_steps(1)
    assert net["p"].view("winner_image_to_p").reshape(2, 2, 2).tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 3]]]
    assert "p.winner_image_to_p" in net.state()


def test_two_kinds_add_in_one_port_and_a_delay_is_kept():
    net = pooled(delay=1 * ms)
    fa.pooling(net, "image", "p", "mean", field=2, name="means")
    net["image"].view("x")[:] = np.arange(32)[:, None]
    net.run_steps(1)
    means = net["p"].view("y")[:, 0].copy()  # what is sent by the maxima is under way
    assert means.tolist() == [2.5, 4.5, 10.5, 12.5, 18.5, 20.5, 26.5, 28.5]
    net.run_steps(1)
    assert (net["p"].view("y")[:, 0] - means).tolist() == [5, 7, 13, 15, 21, 23, 29, 31]


def test_spikes_are_pooled_too():
    net = fa.Network(target="numpy", streams=3, seed=1)
    fa.Input(net, "image", (1, 4, 4))
    fa.Layer(net, "p", (1, 3, 3), "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.pooling(net, "image", "p", field=2, stride=1)
    net["image"].x = 0.2
    net.run_steps(1)
    s = net["image"].view("s").reshape(4, 4, 3)
    expected = np.maximum.reduce([s[:3, :3], s[1:, :3], s[:3, 1:], s[1:, 1:]])
    assert np.array_equal(net["p"].view("s").reshape(3, 3, 3), expected) and 0 < expected.mean() < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "median"}, "pooling: kind must be one of 'max', 'mean', got 'median'; did you mean 'mean'.*"),
        ({"post": (1, 2, 2)}, r"pooling 'image->p': post must have units \(2, 2, 2\), got \(1, 2, 2\)"),
        ({"stride": 3}, r"pooling 'image->p': post must have units \(2, 1, 1\), got \(2, 2, 2\)"),
        ({"field": 5}, "pooling 'image->p': field must fit the maps of 4 x 4 units with padding 0, got 5"),
        ({"field": None}, "pooling 'image->p': field must be a positive whole number, got None"),
        ({"units": 32}, r"pooling 'image->p': 'image' must state its units as \(maps, height, width\), got 32"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ArgumentError, match=f"^{message}$"):
        pooled(**options)


def test_there_are_no_weights():
    net = pooled()
    assert repr(net["image_to_p"]) == "<Pooling 'image->p': max of 2 x 2 places>"
    with pytest.raises(AttributeError, match=r"^Pooling 'image->p': has no weights$"):
        net["image_to_p"].W  # noqa: B018
    with pytest.raises(SpikefaError, match=r"^Pooling: has no weights$"):
        net["image_to_p"].weights.dense()
    assert net.parameters() == {} and net["image_to_p"].b.tolist() == [0, 0]


def test_a_tied_projection_pools_by_winners_of_its_own():
    net = pooled(streams=2)
    fa.Population(net, "other", (2, 4, 4), "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    fa.Population(net, "copy", (2, 2, 2), **GRADED)
    fa.TiedProjection(net, "other", "copy", "image_to_p", bias=True)
    rng = np.random.default_rng(3)
    for name in ("image", "other"):
        net[name].view("x")[:] = rng.random((32, 2))
    net.run_steps(1)
    for name, pool in (("image", "p"), ("other", "copy")):
        windows = net[name].view("x").reshape(2, 2, 2, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 2, 4, 2)
        assert np.array_equal(net[pool].view("y").reshape(2, 2, 2, 2), windows.max(3))
        if name == "image":
            assert np.array_equal(net["p"].view("winner_image_to_p").reshape(2, 2, 2, 2), windows.argmax(3))
    assert [name for name in net.state() if "winner" in name] == ["p.winner_image_to_p"]


@pytest.mark.parametrize(
    ("units", "transpose", "message"),
    [
        (8, False, r"'back' must have units \(2, 2, 2\), got 8"),
        (32, True, r"'back' must have units \(2, 4, 4\), got 32"),
        ((4, 4, 2), True, r"'back' must have units \(2, 4, 4\), got \(4, 4, 2\)"),
    ],
)
def test_who_follows_must_have_its_maps(units, transpose, message):
    net = pooled()
    fa.Population(net, "back", units, **GRADED)
    ends = ("p", "back") if transpose else ("image", "back")
    with pytest.raises(ArgumentError, match=f"^TiedProjection '{ends[0]}->back': {message}$"):
        fa.TiedProjection(net, *ends, "image_to_p", transpose=transpose)
