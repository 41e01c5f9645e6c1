"""Tasks: a network has one, with a layer to read out."""

import pytest
from layered_networks import build_with

import spikefa as fa
from spikefa.errors import ArgumentError

BAD_TASKS = [
    (lambda n: fa.classification_task(n, 0, 3), r"steps per image must be a positive whole number, got 0"),
    (
        lambda n: fa.classification_task(n, 5, 2),
        r"layer 'h' must have equal groups of units for 2 classes, got 3 units",
    ),
]


@pytest.mark.parametrize(("what", "message"), BAD_TASKS)
def test_bad_tasks_are_refused(what, message):
    with pytest.raises(ArgumentError, match=message):
        build_with(what)


def test_a_network_is_presented_once_and_with_a_layer():
    net = fa.Network()
    fa.Input(net, "image", 4)
    with pytest.raises(
        ArgumentError, match=r"^classification_task: the network must have a layer .* add a Layer first$"
    ):
        fa.classification_task(net, 1, 2)
    with pytest.raises(ArgumentError, match=r"^regression_task: the network must have a layer .* add a Layer first$"):
        fa.regression_task(net, 1)
    fa.Layer(net, "h", 2, "I : 1\ns : 1", emit="s = I")
    fa.classification_task(net, 1, 2)
    with pytest.raises(ArgumentError, match=r"^regression_task: the network has a task already; set"):
        fa.regression_task(net, 3)
    net.run_steps(1)


def test_each_task_has_its_readout():
    found = []
    for finish in (lambda net: fa.classification_task(net, 2, 2), lambda net: fa.regression_task(net, 2)):
        net = fa.Network(target="numpy")
        fa.Input(net, "image", 2)
        fa.Layer(net, "out", 4, "I : 1\ns : 1", emit="s = I")
        finish(net)
        found.append((net.readout.takes, net.readout.classes))
        with pytest.raises(ArgumentError, match="Network: layers must be added before the task, got 'late' after it"):
            fa.Layer(net, "late", 4, "I : 1\ns : 1", emit="s = I")
    assert found == [("labels", 2), ("targets", None)]
