"""Evaluation: predictions and errors that leave no trace."""

import brian2
import numpy as np
import pytest
from pathway_networks import forward, rate_network
from rate_model import naive

import spikefa as fa
from spikefa.core.sandbox import sandboxed
from spikefa.datasets import synthetic
from spikefa.diagnostics import evaluation
from spikefa.diagnostics.record_activity import record_activity
from spikefa.errors import ArgumentError
from spikefa.metrics import normalized_squared_error


def test_evaluation_repeats_itself_and_does_not_learn(small, digits):
    net = small(7)
    images = digits.test_images[:30]  # no multiple of 7
    first = evaluation.predict(net, images, 5)
    W = net.projections[-1].W.copy()
    assert first.shape == (30,) and np.array_equal(first, evaluation.predict(net, images, 5))
    assert np.array_equal(W, net.projections[-1].W)
    with sandboxed(net, "evaluation"):
        assert net.step == 0


def test_alignment_is_the_angle_of_w_and_b_transposed(small):
    net = small()
    assert set(evaluation.alignment(net)) == {"h1", "h2"}
    net["h2_to_output"].W = net["error_output_to_feedback_h2"].W.T * 2
    assert evaluation.alignment(net)["h2"] == pytest.approx(0, abs=1e-3)


def test_differences_of_w_and_b_transposed_and_none_without_such_feedback():
    net = rate_network("alignment")
    W, B = net["h1_to_h2"].W, net["feedback_h2_to_feedback_h1"].W.T
    found = evaluation.weight_differences(net)
    assert list(found)[:2] == ["weight_relative_error_h1", "weight_sign_h1"]
    assert found["weight_relative_error_h1"] == pytest.approx(np.sqrt(((B - W) ** 2).sum() / (W**2).sum()))
    assert found["weight_sign_h1"] == np.mean(B * W > 0)
    direct = evaluation.weight_differences(rate_network("direct"))
    assert np.isnan([direct["weight_relative_error_h1"], direct["weight_sign_h1"]]).all()


def test_what_shows_images_says_that_the_network_was_not_presented(digits):
    net, shown = fa.Network(), (digits.test_images[:2], digits.test_labels[:2], 1)
    for owner, what in (
        ("evaluation.error", lambda: evaluation.error(net, *shown)),
        ("evaluation.predict", lambda: evaluation.predict(net, shown[0], 1)),
        ("sandboxed", lambda: sandboxed(net, "evaluation").__enter__()),
    ):
        rule = "the network has no stimulus; call classification_task or regression_task first"
        with pytest.raises(ArgumentError, match=f"^{owner}: {rule}$"):
            what()


def test_predictions_and_error_leave_no_trace(rate):
    task = synthetic.linear(train=100, test=33)
    nets = [rate.build(rate.params(), streams=10) for _ in range(2)]
    for net in nets:
        net.stimulus.show_images(task.train_images, task.train_targets)
        net.run_steps(5)
    predicted = evaluation.predict(nets[0], task.test_images, 1)
    _, expected = naive(nets[0], [(task.test_images, task.test_targets)], 0)
    np.testing.assert_allclose(predicted, expected, rtol=1e-12)
    error = evaluation.error(nets[0], task.test_images, task.test_targets, 1)
    assert error == pytest.approx(normalized_squared_error(expected - task.test_targets, task.test_targets))
    for net in nets:
        net.run_steps(5)
    for one, other in zip(*map(forward, nets), strict=True):
        assert np.array_equal(one.W, other.W)
    assert nets[0].readout.error == nets[1].readout.error


@pytest.mark.parametrize("what", ["summed_outputs", "predict", "error", "record_activity"])
@pytest.mark.parametrize("stop", [brian2.stop, fa.Network.stop])
def test_what_is_interrupted_says_so_and_leaves_no_trace(small, digits, what, stop):
    """Ctrl-C does in a run what `brian2.stop` does."""
    net = small(4)
    net.run_steps(3)
    run, X, y = net.readout.run, digits.test_images[:40], digits.test_labels[:40]
    before = {name: array.copy() for name, array in net.state().items()}

    def interrupted():
        if net.step == 7:
            stop(*([net] if stop is fa.Network.stop else []))
        run()

    net.readout.run = interrupted
    with pytest.raises(KeyboardInterrupt, match="was stopped after 8 of"):
        if what == "record_activity":
            record_activity(net, digits, 0)
        elif what == "error":
            evaluation.error(net, X, y, 5)
        else:
            getattr(evaluation, what)(net, X, 5)
    assert net.step == 3
    assert all(np.array_equal(array, before[name]) for name, array in net.state().items())


def test_no_images_are_refused(small, digits):
    net, X, y = small(4), digits.test_images[:0], digits.test_labels[:0]
    for call in (evaluation.summed_outputs, evaluation.predict):
        with pytest.raises(ArgumentError, match="evaluation: images must be at least one, got none"):
            call(net, X, 5)
    with pytest.raises(ArgumentError, match="evaluation: images must be at least one, got none"):
        evaluation.error(net, X, y, 5)
