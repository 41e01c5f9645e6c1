"""Reciprocal projections: weights of their own at the synapses of another projection."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.brian2_reference import Brian2Reference
from spikefa.errors import ArgumentError

GRADED = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}


def network(streams=2):
    net = fa.Network(target="numpy", dtype="float64", streams=streams)
    fa.Input(net, "image", (2, 4, 4), "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    fa.Layer(net, "h", (3, 2, 2), **GRADED)
    fa.Population(net, "back", (2, 4, 4), **GRADED)
    return net


@pytest.mark.parametrize("fraction", [None, 0.5, 0.1])  # all, most dense, sparse
def test_it_has_the_synapses_of_a_projection_whichever_was_first(fraction):
    nets = network(), network()
    mask = None if fraction is None else fa.random_connectivity(fraction)
    for number, net in enumerate(nets):
        if number:
            back = fa.ReciprocalProjection(net, "h", "back", "image_to_h", fa.uniform(0.5))
        fa.Projection(net, "image", "h", fa.uniform(0.5), mask=mask)
        if not number:
            back = fa.ReciprocalProjection(net, "h", "back", net["image_to_h"], fa.uniform(0.5))
        net["image"].view("x")[:] = np.arange(64).reshape(32, 2) / 64
        net.run_steps(1)
        assert np.array_equal(back.W != 0, (net["image_to_h"].W != 0).T)
        np.testing.assert_allclose(net["back"].view("y"), back.W.T @ net["h"].view("y"), rtol=1e-12, atol=1e-12)
        assert not np.allclose(back.W, net["image_to_h"].W.T)
        assert {"h_to_back.W", "h_to_back.b"} <= set(net.parameters())
    assert np.array_equal(nets[0]["h_to_back"].W, nets[1]["h_to_back"].W)


def test_against_a_convolution_its_weights_are_shared_and_can_be_given():
    net = network()
    W = np.random.default_rng(0).normal(size=(3, 3, 3, 2))
    back = fa.ReciprocalProjection(net, "h", "back", "image_to_h", W)
    fa.convolution(net, "image", "h", fa.uniform(0.5), field=3)
    assert np.array_equal(back.W, W) and back.b.shape == (2,)
    there = net["image_to_h"]
    assert back.synapse_count == there.synapse_count
    back.W = there.W.swapaxes(0, 3)
    assert np.array_equal(back.weights.dense(), there.weights.dense().T)


def test_stock_brian2_agrees():
    net = network(1)
    fa.ReciprocalProjection(net, "h", "back", "image_to_h", fa.uniform(0.5))
    fa.Projection(net, "image", "h", fa.uniform(0.5), mask=fa.random_connectivity(0.5))
    fa.classification_task(net, 2, 3)
    reference = Brian2Reference(net).network
    for one in (net, reference):
        one.stimulus.show_images(np.linspace(0, 1, 32)[None], [0])
        one.run_steps(2)
    assert net["back"].view("y").any()
    np.testing.assert_allclose(net["back"].view("y"), reference["back"].view("y"), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("ends", "source", "W", "message"),
    [
        (("h", "back"), "image_to_h", np.ones((12, 32)), r"weights must be \(3, 3, 3, 2\), got \(12, 32\)"),
        (("h", "h"), "image_to_h", 0, r"Convolution 'image->h' must be \(12, 12\), got \(32, 12\)"),
        (("h", "back"), "tied", 0, "TiedProjection 'image->h' follows another projection; name that one"),
        (("h", "side"), "image_to_h", 0, r"'side' must have units \(2, 4, 4\), got 32"),
    ],
)
def test_what_cannot_be_is_refused(ends, source, W, message):
    net = network()
    fa.Population(net, "side", 32, **GRADED)
    fa.convolution(net, "image", "h", fa.uniform(0.5), field=3)
    fa.TiedProjection(net, "image", "h", "image_to_h", name="tied")
    with pytest.raises(ArgumentError, match=f"^ReciprocalProjection '{ends[0]}->{ends[1]}': {message}$"):
        fa.ReciprocalProjection(net, *ends, source, W)


def test_a_pathway_of_it_must_be_named():
    net = network()
    with pytest.raises(
        ArgumentError, match=r"^feedback_alignment: connectivity must be one of 'all', 'forward', got 'no'"
    ):
        fa.feedback_alignment(net, error="", feedback="", B=fa.uniform(1), connectivity="no")
    assert not net.feedback
