"""Softmax: against plain loops, in groups, of spiking units, in evaluations; bad input."""

import numpy as np
import pytest
from naive import softmax
from scipy.stats import chi2

import spikefa as fa
from spikefa.brian2_reference import Brian2Reference
from spikefa.diagnostics import evaluation
from spikefa.errors import ArgumentError, ModelError
from spikefa.experiments import model_file

SPIKING = "v : 1\nI : 1\np : 1\ns : 1"


@pytest.mark.parametrize("streams", [1, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_output_is_divided(streams, dtype, rng):
    net = fa.Network(streams=streams, dtype=dtype, target="numpy")
    fa.Input(net, "image", 3, "x : 1", emit="", output="x", threshold=None)
    fa.Layer(net, "output", 4, "I : 1\ny : 1", output="y", threshold=None)
    fa.Softmax(net, "output", "I")
    fa.Projection(net, "image", "output", rng.normal(size=(3, 4)), bias=[0, 900.0, 900.5, -800])
    fa.classification_task(net, 1, 4)
    images = rng.random((2 * streams, 3))
    predictions = evaluation.predict(net, images, 1)  # it runs in evaluations too
    net.stimulus.show_images(images)
    net.run_steps(1)
    current, y = net["output"].view("I").astype(float), net["output"].view("y")
    expected = np.exp(current - current.max(axis=0))
    np.testing.assert_allclose(y, expected / expected.sum(axis=0), rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(y.sum(axis=0), 1, rtol=1e-6)
    assert np.array_equal(predictions[:streams], y.argmax(axis=0))
    if streams == 1:
        with pytest.raises(ArgumentError, match="stock Brian2 has no equal of the Softmax of 'output'"):
            Brian2Reference(net)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("streams", [1, 4])
def test_groups_against_plain_loops(streams, groups, rng):
    net = fa.Network(streams=streams, dtype="float64", target="numpy")
    layer = fa.Layer(net, "h", 6, "v : 1\ny : 1", output="y", threshold=None)
    fa.Softmax(net, layer, groups=groups)
    layer.view("v")[...] = rng.normal(scale=3, size=(6, streams))
    net.run_steps(1)
    for k in range(streams):
        np.testing.assert_allclose(layer.view("y")[:, k], softmax(layer.view("v")[:, k], groups), rtol=1e-13)


def surprise(counts, n, p):
    """Sum of squared z-scores of spike counts, whose units are independent of one another."""
    return (((counts - n * p) ** 2) / (n * p * (1 - p))).sum()


def test_spikes_have_the_divided_probability(rng):
    """Chi-square of 20 units' counts in 40,000 draws; false alarms 1e-6. Groups of neighbours are found out."""
    net = fa.Network(streams=100, seed=0, target="numpy")
    layer = fa.Layer(net, "output", 20, SPIKING, emit="s = int(rand() < p)")
    fa.Softmax(net, layer, result="p", groups=4)
    v = rng.normal(size=20)
    layer.view("v")[...] = v[:, None]
    counts, steps = np.zeros(20), 400
    for _ in range(steps):
        net.run_steps(1)
        counts += layer.view("s").sum(axis=1)
    limit = chi2.isf(1e-6, 20)
    assert surprise(counts, 100 * steps, np.array(softmax(v, 4))) < limit
    neighbours = np.exp(v.reshape(4, 5))
    assert surprise(counts, 100 * steps, (neighbours / neighbours.sum(axis=1, keepdims=True)).ravel()) > limit


def test_spikes_follow_the_potentials_of_their_own_step():
    """The probability is divided after the potentials have moved and before spikes are drawn."""
    net = fa.Network(target="numpy")
    equations = "dv/dt = 1000 / tau : 1\ntau = 1*ms : second\nI : 1\np : 1\ns : 1"
    layer = fa.Layer(net, "output", 2, equations, emit="s = int(p > 0.9)")
    fa.Softmax(net, layer, result="p")
    layer.view("v")[:] = [[-1000.0], [-2000.0]]
    net.run_steps(1)
    assert layer.view("s").ravel().tolist() == [1, 0] and layer.view("v").ravel().tolist() == [0, -1000]


def test_competing_output_units_of_the_spiking_model(digits):
    """One unit of every class shares one probability; the rule is that of the cross-entropy, by hand."""
    model = model_file.load("lillicrap2016_spiking")
    params = {
        "pixels": 64,
        "hidden": (20,),
        "outputs": 30,
        "loss": "cross_entropy",
        "softmax": True,
        "gamma": 0.0,
        "dtype": "float64",
        "weight_range": 1.0,
    }
    net = model.build(model.params(params), streams=5, seed=0)
    net.stimulus.show_images(digits.train_images[:25], digits.train_labels[:25])
    net.run_steps(24)
    projection = net["h1_to_output"]
    W, before = projection.W.copy(), net["error_output"].view("u").copy()
    net.run_steps(1)
    output, error = net["output"], net["error_output"]
    p = output.view("p").reshape(10, 3, 5)  # classes, groups, streams
    e = np.exp(output.view("v").reshape(10, 3, 5))
    np.testing.assert_allclose(p, e / e.sum(axis=0), rtol=1e-12)
    assert p.std() > 0.01
    u = before + 0.9 * (output.view("s") - error.view("target") - before)
    np.testing.assert_allclose(error.view("u"), u, rtol=0, atol=1e-12)
    expected = -1e-3 * net["h1"].view("s") @ np.tanh(u).T
    np.testing.assert_allclose(projection.W - W, expected, rtol=0, atol=1e-12)
    with pytest.raises(ModelError, match="loss must be cross_entropy with softmax, got 'squared_error'"):
        model.build(model.params({"softmax": True}))


def test_bad_softmax_is_refused():
    net = fa.Network(target="numpy")
    layer = fa.Layer(net, "output", 4, "I : 1\nv = I : 1\ny : 1", output="y", threshold=None)
    with pytest.raises(
        ArgumentError, match=r"'output': potential must be a state variable of the layer, \['I', 'y'\], g"
    ):
        fa.Softmax(net, layer)
    with pytest.raises(ArgumentError, match=r"'output': result must be a state variable of the layer, .* got 'v'"):
        fa.Softmax(net, layer, "I", "v")
    for groups in (3, 0, -1, 2.0, True):
        with pytest.raises(ArgumentError, match=f"'output': groups must divide the 4 units, got {groups}"):
            fa.Softmax(net, layer, "I", groups=groups)
    fa.Softmax(net, layer, "I")
    with pytest.raises(ArgumentError, match="Softmax 'output': the layer has one already"):
        fa.Softmax(net, "output", "I")
    for emit, threshold in (("s = 1", "s > 0.5"), ("s = 1", None), ("", "v > 0")):
        name = f"spiking{len(net.populations)}"
        fa.Layer(net, name, 4, "v : 1\ns : 1", emit=emit, threshold=threshold)
        with pytest.raises(
            ArgumentError, match=f"'{name}': a layer whose output is divided has no emit and no threshold"
        ):
            fa.Softmax(net, name)
