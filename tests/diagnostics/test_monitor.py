"""Monitors: they change nothing, do not measure in evaluations, and save their tables."""

import csv

import numpy as np
import pytest
from diagnostic_networks import measured, with_rule
from pathway_networks import (
    assert_same,
    every_pathway,
    rate_network,
    show,
    state_of,
)

import spikefa as fa
from spikefa.diagnostics import evaluation
from spikefa.errors import ArgumentError
from spikefa.experiments.run import Run, open_run
from spikefa.experiments.training_config import TrainingConfig


@every_pathway
@pytest.mark.parametrize("streams", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_learning_is_the_same_bit_for_bit(pathway, streams):
    def run(watched):
        net = rate_network(pathway, streams, dtype="float32")
        show(net, np.random.default_rng(4))
        if watched:
            fa.GradientAlignment(net, every=2)
            if evaluation.feedback_pairs(net):
                fa.WeightAlignment(net, every=3, units=True)
            fa.ErrorMonitor(net, 2)
        net.run_steps(7)
        evaluation.predict(net, np.random.default_rng(5).random((4 * streams, net.input.units)), 1)
        net.run_steps(3)
        return state_of(net), net.readout.progress

    (plain, counts), (watched, counts_too) = run(False), run(True)
    assert_same(plain, watched)
    assert counts["wrong"] == counts_too["wrong"] and np.array_equal(counts["output_sums"], counts_too["output_sums"])


def test_evaluations_are_not_measured(rng):
    net = rate_network("alignment", 2)
    show(net, rng)
    monitors = fa.GradientAlignment(net), fa.WeightAlignment(net), fa.ErrorMonitor(net)
    net.run_steps(2)
    evaluation.predict(net, rng.random((4, net.input.units)), 3)
    net.run_steps(1)
    for monitor in monitors:
        assert monitor.steps.tolist() == [0, 1, 2]


def test_tables_are_saved(rng, tmp_path):
    monitor = measured(rate_network("alignment", 2), rng, steps=3)
    monitor.save(tmp_path / "update.csv")
    rows = list(csv.DictReader((tmp_path / "update.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == [0, 1, 2]
    for name, angle in monitor.angle.items():
        assert [float(row[f"angle_{name}"]) for row in rows] == angle.tolist()
    empty = fa.GradientAlignment(rate_network("alignment", 2), None)
    empty.save(tmp_path / "empty.csv")
    assert (tmp_path / "empty.csv").read_text() == "step\n" and empty.last == {}
    with pytest.raises(OSError, match="cannot write the diagnostics"):
        monitor.save(tmp_path / "none" / "update.csv")


def test_training_writes_them(model, tmp_path):
    """In the metrics; resumed as if never stopped; and learning is the same without."""
    params = model.params({"pixels": 64, "hidden": (20,), "outputs": 10, "eta": 0.04})
    finals = []
    for diagnostics in (True, False):
        config = TrainingConfig(epochs=2, record_activity=False, diagnostics=diagnostics)
        run = Run(tmp_path / str(diagnostics), model, params, 50, 0, config, "digits", None, 0)
        run.create()
        trainer = run.trainer()
        trainer.run()
        finals.append(state_of(trainer.network))
        names = ["update_angle_deg_image_to_h1", "update_angle_deg_h1_to_output"]
        others = ["update_norm_ratio_image_to_h1", "update_sign_h1_to_output"]
        assert [name in trainer.rows[0] for name in names + others] == [diagnostics] * 4
        if diagnostics:
            assert [row[names[0]] == "" for row in trainer.rows] == [True, False, False]
            assert all(0 < row[names[0]] < 180 and row[names[1]] < 1e-3 for row in trainer.rows[1:])
            assert all(row[others[0]] > 0 and row[others[1]] == 1 for row in trainer.rows[1:])
            again = open_run(run.directory)
            assert again.config == config
    assert_same(*finals)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda net: fa.GradientAlignment(net, 0),
            "GradientAlignment: every must be a positive whole number of steps or",
        ),
        (lambda net: fa.WeightAlignment(net, 1.5), "WeightAlignment: every must be .* None, got 1.5"),
        (lambda net: fa.ErrorMonitor(net, 0), "presentations must be a positive whole number, got 0"),
        (
            lambda net: fa.GradientAlignment(net, derivative="q"),
            "derivative must be an expression of the variables of 'h1', which has .*'psi'.*got 'q'",
        ),
        (lambda net: fa.GradientAlignment(net, output_error="q"), "output_error must be .*'error_output'.*got 'q'"),
        (
            lambda net: fa.GradientAlignment(net, error="q"),
            "no rule of the last layer, 'output', has a term .*'q_post'",
        ),
        (lambda net: fa.GradientAlignment(net, output_error="layer_q"), "'layer_q' needs a variable 'q' of layer 'out"),
        (
            lambda net: fa.GradientAlignment(with_rule("dW = -eta * delta_post * y_pre + eta * y_post * y_pre")),
            "no rule of the last layer, 'output', has a term .*'delta_post'.*; in Python give error or "
            "output_error, or let the model's build set network.output_error",
        ),
        (lambda net: fa.GradientAlignment(fa.Network()), "no projection to a layer learns"),
        (lambda net: fa.WeightAlignment(rate_network("output_only")), "no hidden layer has feedback from the layer"),
        (
            lambda net: fa.ErrorMonitor(fa.Network()),
            "ErrorMonitor: the network has no stimulus; call classification_task or",
        ),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make(rate_network("alignment"))


def test_a_measurement_is_due_at_the_end_of_every_so_many_steps(small, digits):
    net = small(target="numpy")
    angles = fa.WeightAlignment(net, every=3)
    net.stimulus.show_images(digits.train_images[:2], digits.train_labels[:2])
    net.run_steps(7)
    assert angles.steps.tolist() == [2, 5]
