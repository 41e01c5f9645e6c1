"""Pathways through convolutions and pooling, against plain loops; and what cannot run them says so."""

import map_networks
import numpy as np
import pytest
from map_networks import MAPS, PlainLoops, map_network

import spikefa as fa
from spikefa.brian2_reference import Brian2Reference
from spikefa.errors import ArgumentError


def built(pathway, kind):
    """A network with a pathway, and its plain loops."""
    if pathway == "backprop":
        net, B = map_network(pathway, kind), None
    elif pathway == "direct":
        net = map_network(pathway, kind, B=fa.uniform(0.5))
        B = {name: net[f"error_output_to_feedback_{name}"].W.tolist() for name in ("h1", "h2")}
    else:
        net = map_network(pathway, kind, B=fa.uniform(0.5), connectivity="forward")
        names = ("error_output_to_feedback_h2", "feedback_h2_to_feedback_p1")
        B = [net[name].W.tolist() for name in names]
        assert np.shape(B[1]) == (MAPS["h2"][0], 2, 2, MAPS["p1"][0])
    map_networks.show(net)
    return net, PlainLoops(net, pathway, kind, B)


@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.parametrize("pathway", ["backprop", "direct", "alignment"])
def test_a_pathway_through_maps_is_its_plain_loops(pathway, kind):
    net, plain = built(pathway, kind)
    for _ in range(3):
        net.run_steps(1)
        for layer, delta in plain.step().items():
            np.testing.assert_allclose(net[layer].view("delta"), delta, rtol=1e-10, atol=1e-12)
        for name in plain.W:
            np.testing.assert_allclose(net[name].W, plain.W[name], rtol=1e-10, atol=1e-12, err_msg=name)
            np.testing.assert_allclose(net[name].b, plain.b[name], rtol=1e-10, atol=1e-12, err_msg=name)


def test_backprop_through_maps_is_the_gradient():
    """Of GradientAlignment, by products of its own, and of finite differences."""
    net = map_network("backprop")
    map_networks.show(net)
    monitor = fa.GradientAlignment(net)

    def loss():
        return ((net["output"].view("y") - net.error.view("target")) ** 2 / 2).sum()

    before = {name: array.copy() for name, array in net.parameters().items() if name.endswith((".W", ".b"))}
    net.run_steps(1)
    moved = {
        name: (before[name] - array) / map_networks.ETA for name, array in net.parameters().items() if name in before
    }
    assert all(value == pytest.approx(0, abs=1e-5) for name, value in monitor.last.items() if name.startswith("angle"))
    assert all(value == pytest.approx(1) for name, value in monitor.last.items() if name.startswith("sign"))
    net.learns = False
    for name, at in (("image_to_h1.W", (1, 2, 0, 1)), ("image_to_h1.b", (1,)), ("p1_to_h2.W", (0, 1, 1, 2))):
        losses = []
        for change in (1e-5, -1e-5):
            for other, array in before.items():
                net.parameters()[other][...] = array
            net.parameters()[name][at] += change
            net.run_steps(1)
            losses.append(loss())
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(moved[name][at], rel=1e-6)


def test_what_noise_on_all_maps_does_to_the_loss_is_what_backprop_says():
    """Small noise in the copies, through convolutions and maxima, changes the loss by its product with the gradient."""
    learned = dict(B=fa.uniform(0.5), loss="(layer_y - target)**2 / 2", noise=1e-6, ridge=0.1, direct=True)
    noisy, exact = map_network("node_perturbation_feedback", **learned), map_network("backprop")
    for net in (noisy, exact):
        map_networks.show(net)
        net.run_steps(1)
    winners = [net["p1"].view("winner_h1_to_p1") for net in (noisy, exact)]
    assert np.array_equal(*winners) and winners[0].any()
    change = sum((exact[f"feedback_{n}"].view("J") * noisy[n].view("copy_noise")).sum(0) for n in ("h1", "p1", "h2"))
    assert np.abs(change).min() > 1e-9
    np.testing.assert_allclose(noisy["loss_change"].view("J")[0], change, rtol=1e-3)
    assert noisy["error_output_to_feedback_p1"].W.shape == (3, noisy["p1"].units)


def test_random_feedback_through_maps_aligns_with_the_weights_by_maps():
    net = map_network("alignment", B=fa.uniform(0.5), connectivity="forward")
    W = net["p1_to_h2"].W
    net["feedback_h2_to_feedback_p1"].W = 2 * W.swapaxes(0, 3)
    monitor = fa.WeightAlignment(net, units=True)
    map_networks.show(net)
    net.run_steps(1)
    assert sorted(monitor.angle) == ["h2", "p1"]  # pooling has no weights
    assert 0 < monitor.angle["p1"][-1] < 20  # of one step's learning
    assert monitor.unit_angle["p1"].shape == (1, MAPS["p1"][0])


def test_stock_brian2_has_no_shared_weights():
    net = map_network("backprop", streams=1)
    with pytest.raises(
        ArgumentError, match=r"^Brian2Reference: .* share no weights; state it as a Projection with a mask"
    ):
        Brian2Reference(net)
