"""Convolutions: as a masked projection whose weights are tied by hand, here and in stock Brian2; state and refusals."""

import naive
import numpy as np
import pytest
from brian2 import ms
from map_networks import map_network

import spikefa as fa
from spikefa.brian2_reference import Brian2Reference
from spikefa.diagnostics import evaluation
from spikefa.engine.window import Window
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint
from spikefa.plasticity.optimizers import optimizers

#: A trace, a factor of what no synapse receives, a term without presynaptic variables.
RULE = "de/dt = -e / tau : 1 (synapse)\ne += s_pre\ndW = (e + 0.2) * (s_post - p_post) + 0.1 * p_post"
CONSTANTS = {"tau": 3 * ms, "gamma": 0.05}
LAYER = "dv/dt = (I - v) / (2*ms) : 1\nI : 1\np = 1 / (1 + exp(-v)) : 1\ns : 1"
WINDOW = Window((2, 5, 4), (3, 3, 2), 3, 2, 1)


def spiking(streams, make):
    """Spikes of an image to a layer that spikes; `make` adds the projection."""
    net = fa.Network(streams=streams, seed=4, dtype="float64", target="numpy")
    fa.Input(net, "image", WINDOW.pre)
    fa.Layer(net, "h", WINDOW.post, LAYER, emit="s = int(rand() < p)")
    make(net)
    fa.classification_task(net, 50, 3)
    return net


def shared(streams, **options):
    W = np.random.default_rng(0).normal(size=WINDOW.weights_shape)
    along = dict(maps=3, field=3, stride=2, padding=1, bias=[0.1, 0.2, -0.3])
    return spiking(streams, lambda net: fa.convolution(net, "image", "h", W, **along, **options))


def tied_by_hand(net, streams, stock):
    """The same with a weight for each synapse, by a masked projection or in stock Brian2; how to read and to set it."""
    W, b, places = net["image_to_h"].weights.dense(), net["image_to_h"].b, WINDOW.post[1] * WINDOW.post[2]
    mask = np.zeros(W.shape, bool)
    mask[net["image_to_h"].synapses()] = True
    rule = dict(plasticity=fa.Plasticity(RULE, {"tau": 3 * ms}))
    dense = spiking(
        streams, lambda net: fa.Projection(net, "image", "h", W, bias=np.repeat(b, places), mask=mask, **rule)
    )
    if not stock:
        projection = dense["image_to_h"]

        def assign(W, b):
            projection.W, projection.b = W, np.repeat(b, places)

        return dense, lambda: (projection.W.copy(), projection.b.copy()), assign
    reference = Brian2Reference(dense)
    synapses = reference.network["image_to_h"]

    def assign(W, b):
        synapses.W = W[np.asarray(synapses.i), np.asarray(synapses.j)]
        reference.b("image_to_h")[:] = np.repeat(b, places)

    return reference.network, lambda: (reference.W("image_to_h"), reference.b("image_to_h").copy()), assign


@pytest.mark.parametrize(
    ("optimizer", "streams", "stock"),
    [*((name, 3, False) for name in naive.OPTIMIZERS), ("sgd", 1, False), ("momentum", 1, True)],
)
def test_is_a_masked_projection_with_tied_weights(optimizer, streams, stock):
    """Updates are summed over the synapses that share a weight; decay counts once; the optimizer moves each weight."""
    rule = fa.Plasticity(f"{RULE} - gamma * W", CONSTANTS, optimizer=optimizers[optimizer](), lr=0.05)
    net = shared(streams, plasticity=rule)
    other, read, assign = tied_by_hand(net, streams, stock)
    pre, post, place = WINDOW.synapses()
    images = np.random.default_rng(2).random((streams, 40))
    for one in (net, other):
        one.stimulus.show_images(images)
    memories = [{} for _ in range(54 + 3)]
    for _ in range(4):
        W, b = net["image_to_h"].W.ravel().copy(), net["image_to_h"].b.copy()
        assign(net["image_to_h"].weights.dense(), b)
        before = read()
        net.run_steps(1)
        other.run_steps(1)
        assert np.array_equal(net["h"].view("s"), other["h"].view("s"))
        np.testing.assert_allclose(net["h"].view("v"), other["h"].view("v"), rtol=1e-12, atol=1e-12)
        moved = [new - old for new, old in zip(read(), before, strict=True)]
        change = np.concatenate((np.bincount(place, moved[0][pre, post], 54), moved[1].reshape(3, -1).sum(1)))
        values = zip(memories, change, np.concatenate((W, b)), strict=True)
        move = [naive.OPTIMIZERS[optimizer](memory, c, -0.05 * w, 0.05) for memory, c, w in values]
        np.testing.assert_allclose(net["image_to_h"].W.ravel() - W, move[:54], rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(net["image_to_h"].b - b, move[54:], rtol=1e-9, atol=1e-13)
    assert net["h"].view("s").any()


def test_bounds_and_a_sign_hold_for_each_weight():
    rule = fa.Plasticity("dW = 0.05 * s_pre * (s_post - 0.1)")
    with pytest.raises(ArgumentError, match=r"^Convolution 'image->h': weights must be at least 0 .*got -"):
        shared(2, plasticity=rule, sign="excitatory")
    net = shared(2, plasticity=rule)
    net = shared(2, plasticity=rule, bounds=(net["image_to_h"].W.min(), net["image_to_h"].W.max()))
    low, high = net["image_to_h"].bounds
    net.stimulus.show_images(np.full((2, 40), 0.8))
    net.run_steps(30)
    W = net["image_to_h"].W
    assert W.min() >= low and W.max() == pytest.approx(high, abs=0, rel=0)
    assert (W.max() == W).sum() > 1 and net["image_to_h"].b.max() > high  # biases have no bounds


def test_a_transposed_convolution_has_the_synapses_of_one_the_other_way():
    """With its weights turned round it brings what they bring, and learns the same from the same two sides."""
    graded = {"equations": "I : 1\ny : 1\nz : 1", "emit": "", "output": "y", "threshold": None}
    net = fa.Network(streams=2, dtype="float64", target="numpy", seed=1)
    low, high = (fa.Population(net, name, units, **graded) for name, units in (("low", (2, 5, 4)), ("high", (3, 3, 2))))
    along = dict(field=3, stride=2, padding=1)
    up = fa.convolution(net, low, high, fa.uniform(0.5), plasticity=fa.Plasticity("dW = 0.1 * z_post * y_pre"), **along)
    rule = fa.Plasticity("dW = 0.1 * y_pre * z_post")
    down = fa.convolution(net, high, low, fa.uniform(0.5), transposed=True, plasticity=rule, maps=2, **along)
    assert down.W.shape == (3, 3, 3, 2) and down.b.shape == (2,)
    down.W = up.W.swapaxes(0, 3)
    W = up.weights.dense()
    assert np.array_equal(down.weights.dense(), W.T)
    rng = np.random.default_rng(2)
    for one in (low, high):
        one.view("y")[:] = rng.normal(size=(one.units, 2))
        one.view("z")[:] = one.view("y")
    net.run_steps(1)
    np.testing.assert_allclose(low.view("I"), W @ high.view("y"), rtol=1e-12, atol=1e-12)
    moved = up.W - down.W.swapaxes(0, 3)
    np.testing.assert_allclose(moved, 0, atol=1e-14)
    assert np.abs(down.weights.dense() - W.T).max() > 0.01 and np.abs(down.b).min() > 0.01
    for units, message in (
        ((2, 7, 4), r"pre must have units \(3, 4, 2\), got \(3, 3, 2\)"),
        ((3, 5, 4), r"post must have units \(2, 5, 4\), got \(3, 5, 4\)"),
    ):
        other = fa.Population(net, f"other_{units[0]}", units, **graded)
        with pytest.raises(ArgumentError, match=f"^convolution 'high->other_.': {message}$"):
            fa.convolution(net, high, other, fa.uniform(0.5), transposed=True, maps=2, **along)


def test_a_delay_of_each_unit():
    rng = np.random.default_rng(1)
    delay = rng.integers(0, 3, 40)
    net = shared(1, delay=delay * ms)
    sent = np.zeros((8, 40))
    for step in range(8):
        net["image"].x = rng.random(40)
        net.run_steps(1)
        sent[step] = net["image"].view("s")[:, 0]
    arrives = np.array([sent[7 - steps, unit] for unit, steps in enumerate(delay)])
    expected = net["image_to_h"].weights.dense().T @ arrives + np.repeat(net["image_to_h"].b, 6)
    np.testing.assert_allclose(net["h"].view("I")[:, 0], expected, rtol=1e-12, atol=1e-12)


def test_resumes_bit_for_bit_and_evaluations_leave_no_trace(tmp_path):
    rule = fa.Plasticity("dW = -delta_post * y_pre", optimizer=fa.Adam(), lr=0.01)
    images, labels = np.random.default_rng(3).random((16, 24)), np.arange(16) % 3

    def net():
        net = map_network("alignment", plasticity=rule, B=fa.uniform(0.5), connectivity="forward")
        fa.WeightAverage(net, images=4, every=1)
        return net

    def state(net):
        return {name: array.copy() for name, array in (net.state() | net.parameters()).items()}

    whole, second = net(), net()
    whole.stimulus.show_images(images, labels)
    whole.run_steps(4)
    checkpoint.save(tmp_path / "c.h5", whole, {"epoch": 1}, "")
    before = state(whole)
    fa.error(whole, images, labels, steps=1)
    assert all(np.array_equal(array, before[name]) for name, array in state(whole).items())
    whole.run_steps(4)
    checkpoint.load(tmp_path / "c.h5", second)
    second.stimulus.show_images(images[8:], labels[8:])
    second.run_steps(4)
    theirs = state(second)
    assert all(np.array_equal(array, theirs[name]) for name, array in state(whole).items())
    assert not np.array_equal(theirs["image_to_h1.W"], before["image_to_h1.W"])

    checkpoint.load_weights(tmp_path / "c.h5", second)
    assert np.array_equal(second["p1_to_h2"].W, before["average.p1_to_h2.W"])
    found = checkpoint.read_weights(tmp_path / "c.h5", averaged=False)
    assert np.array_equal(found["image_to_h1"][0], before["image_to_h1.W"])
    assert found["image_to_h1"][0].shape == (2, 3, 3, 2) and found["image_to_h1"][1].shape == (2,)
    assert "h1_to_p1" not in found

    fa.exchange.save_weights(whole, tmp_path / "w.npz")
    fa.exchange.load_weights(second, tmp_path / "w.npz")
    assert np.array_equal(second["p1_to_h2"].W, whole["p1_to_h2"].W)
    assert 0 < evaluation.alignment(whole)["p1"] < 180


def test_a_copy_of_a_layer_receives_by_the_same_weights_and_biases():
    def make(net):
        fa.convolution(net, "image", "h", fa.uniform(1), field=3, stride=2, padding=1, bias=[0.1, 0.2, -0.3])
        fa.PerturbedCopy(net, "copy", "h", noise=1e-9)
        tied = fa.TiedProjection(net, "image", "copy", "image_to_h", bias=True)
        assert np.array_equal(tied.W, net["image_to_h"].W) and np.array_equal(tied.b, [0.1, 0.2, -0.3])

    net = spiking(2, make)
    net.stimulus.show_images(np.full((2, 40), 0.8))
    net.run_steps(2)
    assert net["h"].view("v").std() > 0.1
    np.testing.assert_allclose(net["copy"].view("v"), net["h"].view("v"), rtol=0, atol=1e-7)


def test_the_weights_of_a_window_are_watched_by_their_index():
    rule = fa.Plasticity("dW = 0.05 * s_pre * (s_post - p_post)")
    net = shared(2, plasticity=rule)
    with pytest.raises(ArgumentError, match=r"synapses must be indices of weights \(n, 4\) or bool \(2, 3, 3, 3\)"):
        fa.WeightMonitor(net, "image_to_h", [(1, 0)])
    monitor = fa.WeightMonitor(net, "image_to_h", [(1, 0, 2, 1), (0, 1, 1, 2)])
    net.stimulus.show_images(np.full((2, 40), 0.8))
    net.run_steps(2)
    assert np.array_equal(monitor.weights[-1], net["image_to_h"].W[[1, 0], [0, 1], [2, 1], [1, 2]])


def test_says_what_it_is():
    net = shared(1, plasticity=fa.Plasticity("dW = s_pre * s_post"))
    assert repr(net["image_to_h"]).startswith("<Convolution 'image->h': (2, 3, 3, 3) at 3 x 2 places, learns by")
    (row,) = net.summary().projections
    assert row["synapses"] == len(WINDOW.synapses()[0])


def test_populations_hold_maps_in_order():
    net = fa.Network(target="numpy", dtype="float64")
    image = fa.Input(net, "image", WINDOW.pre, "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    layer = fa.Layer(net, "h", (2, 5, 4), **graded)
    W = np.zeros((2, 1, 1, 2))
    W[0, 0, 0, 1] = W[1, 0, 0, 0] = 1  # the maps exchanged
    fa.convolution(net, "image", "h", W, field=1)
    image.view("x")[(1 * 5 + 3) * 4 + 2] = 1
    net.run_steps(1)
    assert np.flatnonzero(layer.view("y")).tolist() == [(0 * 5 + 3) * 4 + 2]
    assert (layer.units, layer.grid, layer.restate(fa.Network(target="numpy")).grid) == (40, (2, 5, 4), (2, 5, 4))


@pytest.mark.parametrize("units", [(2, 3), (2, 3, 0), (1.0, 2, 2), (True, 2, 2)])
def test_units_that_are_no_maps_are_refused(units):
    with pytest.raises(ArgumentError, match=r"^Input 'image': units must be a positive whole number or \(maps, height"):
        fa.Input(fa.Network(target="numpy"), "image", units)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"post": "side"},
            r"convolution 'image->side': 'side' must state its units as \(maps, height, width\), got 18",
        ),
        ({"field": 2}, r"convolution 'image->h': post must have units \(3, 3, 3\), got \(3, 3, 2\)"),
        ({"maps": 2}, r"convolution 'image->h': post must have units \(2, 3, 2\), got \(3, 3, 2\)"),
        ({"padding": 3}, "convolution 'image->h': padding must be a whole number, from 0 to 2, got 3"),
        ({"W": np.ones((40, 18))}, r"Convolution 'image->h': weights must be \(2, 3, 3, 3\), got \(40, 18\)"),
        ({"bias": np.ones(18)}, r"Convolution 'image->h': bias must be \(3,\), got \(18,\)"),
        ({"delay": np.ones((40, 18)) * ms}, r"Convolution 'image->h': delay must be of shape \(\) or \(40,\), got"),
        (
            {"plasticity": fa.Plasticity("dW = s_post * (s_pre - W)")},
            r"Convolution 'image->h': a rule must be a sum of terms f\(pre\) \* g\(post\) where places",
        ),
        ({"pre": "nobody"}, "convolution: pre must be"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    def make(net):
        fa.Layer(net, "side", 18, LAYER, emit="s = int(rand() < p)")
        given = {"pre": "image", "post": "h", "W": fa.uniform(1), "field": 3, "stride": 2, "padding": 1}
        fa.convolution(net, **given | changes)

    with pytest.raises(ArgumentError, match=f"^{message}"):
        spiking(1, make)
