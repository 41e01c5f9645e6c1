"""Diagnostics: right angles, by dense computation and in cases where they are known; and they change nothing."""

import csv

import numpy as np
import pytest
from pathway_networks import (
    ETA,
    STRINGS,
    assert_same,
    every_pathway,
    forward,
    rate_network,
    show,
    spiking_network,
    state_of,
)

import spikefa as fa
from spikefa import metrics
from spikefa.diagnostics import evaluation
from spikefa.errors import ArgumentError
from spikefa.experiments import model_file
from spikefa.experiments.run import Run, open_run
from spikefa.experiments.training_config import TrainingConfig

BIG = (6, 60, 50, 40)  # large enough for the Gram matrices with few streams, small enough for dense ones with many


def measured(net, rng, steps=1, **options):
    show(net, rng)
    monitor = fa.GradientAlignment(net, **options)
    net.run_steps(steps)
    return monitor


def with_rule(
    text, streams=3, mask=None, momentum=0.0, sizes=BIG, flipped=(), knows="", skips=(), direct=False, **constants
):
    """A network with hidden tanh units whose feedback lacks the derivative, so that a rule has to have it.

    Units know more by the equations `knows`; `skips` are further projections, as pairs of names.
    """
    net = fa.Network(streams=streams, seed=1, dtype="float64", target="numpy")
    tau = {"tau": 2 * net.clock.dt}
    fa.Input(
        net,
        "image",
        sizes[0],
        "x : 1\n" + knows.replace("y", "x"),
        emit="",
        output="x",
        threshold=None,
        limits=None,
        namespace=tau,
    )
    names = [f"h{number}" for number in range(1, len(sizes) - 1)] + ["output"]
    for name, units in zip(names, sizes[1:], strict=True):
        fa.Layer(
            net,
            name,
            units,
            "v = I : 1\nI : 1\ny : 1\npsi = 1 - y**2 : 1\n" + knows,
            emit="y = tanh(v)",
            output="y",
            threshold=None,
            namespace=tau,
        )
    strings = STRINGS | {"emit": "delta = J", "emit_error": "delta = layer_y - target"}
    pathway = fa.direct_feedback_alignment if direct else fa.feedback_alignment
    pathway(net, **strings, B=fa.uniform(0.5))
    for below, above in [*zip(["image", *names], names, strict=False), *skips]:
        pre = "x" if below == "image" else "y"
        eta = -ETA if above in flipped else ETA
        rule = fa.Plasticity(
            text.replace("y_pre", f"{pre}_pre"),
            {"eta": eta} | constants,
            fa.Momentum(momentum) if momentum else fa.SGD(),
        )
        fa.Projection(net, below, above, fa.uniform(0.6), mask=mask, plasticity=rule)
    fa.classification_task(net, 1, 2)
    return net


def dense(net, activity, W_before, error):
    """Backpropagation's updates, by plain matrix products: D = (W D) psi from the top."""
    updates, D = {}, {"output": error}
    weights = dict(zip(forward(net), W_before, strict=True))
    for layer in net.hidden[::-1]:
        received = sum(W @ D[p.post.name] for p, W in weights.items() if p.pre is layer)
        D[layer.name] = received * (1 - activity[layer.name] ** 2)
    for projection in weights:
        updates[projection.name] = -ETA * activity[projection.pre.name] @ D[projection.post.name].T
    return updates


@pytest.mark.parametrize("mask", [None, 0.6, 0.1])
@pytest.mark.parametrize("streams", [1, 2, 3, 50])
def test_agrees_with_dense_computation(streams, mask, rng):
    """The weights' actual change against plain backpropagation; masks of 0.1 are stored sparse."""
    net = with_rule("dW = -eta * delta_post * psi_post * y_pre", streams, mask and fa.random_connectivity(mask))
    assert [p.weights.sparse for p in forward(net)] == [mask == 0.1] * 3
    before = [p.W.copy() for p in forward(net)]
    monitor = measured(net, rng)
    activity = {p.name: p.view(p.output_variable).copy() for p in (net.input, *net.layers)}
    y = activity["output"]
    expected = dense(net, activity, before, (y - net.error.view("target")) * (1 - y**2))
    assert list(monitor.angle) == [p.name for p in forward(net)] and monitor.steps.tolist() == [0]
    for projection, W in zip(forward(net), before, strict=True):
        here = ... if mask is None else projection.mask
        ours, theirs = (projection.W - W)[here], expected[projection.name][here]
        name = projection.name
        np.testing.assert_allclose(monitor.angle[name], metrics.angle(ours, theirs), rtol=0, atol=1e-5)
        np.testing.assert_allclose(monitor.norm_ratio[name], metrics.norm_ratio(ours, theirs), rtol=1e-8)
        # A change of 1e-17 is lost in a weight; its sign is not.
        np.testing.assert_allclose(monitor.sign[name], metrics.sign_congruence(ours, theirs), rtol=0, atol=0.01)


@pytest.mark.parametrize("streams", [1, 40])
def test_transposed_weights_give_zero(streams, rng):
    for net in (rate_network("backprop", streams, BIG), rate_network("alignment", streams, BIG)):
        for layer, above in (("h2", "output"), ("h1", "h2")):
            for down in net.projections:
                if getattr(down.post, "layer", None) is net[layer] and not isinstance(down, fa.TiedProjection):
                    down.W = net[f"{layer}_to_{above}"].W.T
        monitor = measured(net, rng)
        for name in monitor.angle:
            assert monitor.angle[name] < 1e-4 and monitor.sign[name] == 1
            np.testing.assert_allclose(monitor.norm_ratio[name], 1, rtol=1e-9)


def test_float32_spikes_and_the_derivative_in_the_rule(rng):
    """The spiking network, with the transpose for B: its rule, not its delta, has the derivative."""
    model = model_file.load("lillicrap2016_spiking")
    net = spiking_network(model, "backprop", 20, dtype="float32")
    net.input.view("x")[:] = rng.random((64, 20))
    net.error.view("target")[:] = rng.random((10, 20)) < 0.1
    monitor = fa.GradientAlignment(net, every=2)
    net.run_steps(6)
    assert monitor.steps.tolist() == [1, 3, 5]
    # One layer down, the feedback is (1 - a) of the past and tanh bends it: near, but not the same.
    assert (monitor.angle["h2_to_output"] < 1e-3).all() and (monitor.angle["h1_to_h2"] < 25).all()
    assert (monitor.angle["h1_to_h2"] > 0.1).all()


def test_a_planted_sign_gives_180(rng):
    net = rate_network("alignment", 5, BIG)
    for layer, above, sign in (("h2", "output", 1), ("h1", "h2", -1)):
        down = next(p for p in net.projections if getattr(p.post, "layer", None) is net[layer])
        down.W = sign * net[f"{layer}_to_{above}"].W.T
    monitor = measured(net, rng)
    assert monitor.angle["image_to_h1"] > 180 - 1e-4 and monitor.sign["image_to_h1"] == 0
    assert monitor.angle["h1_to_h2"] < 1e-4


def test_a_sign_in_the_rule_is_seen(rng):
    """Of a hidden layer, whichever sign the output's rule and error have."""
    rule = "dW = -eta * delta_post * psi_post * y_pre"
    one, two = (measured(with_rule(rule, flipped=f), np.random.default_rng(2)) for f in ((), ("h2",)))
    np.testing.assert_allclose(one.angle["h1_to_h2"] + two.angle["h1_to_h2"], 180, atol=1e-6)
    assert one.angle["image_to_h1"] == two.angle["image_to_h1"]


def test_random_feedback_is_about_90_degrees_at_first(rng):
    """False alarm below 1e-4: 30 cosines of independent deltas of 60 x 200 values, with standard deviation of
    at most 1 / sqrt(rank 40) = 0.16 each; their mean is within 4.5 of its own, 0.029."""
    net = rate_network("direct", 200, BIG)
    for projection in forward(net):
        projection.learning.plasticity.lr = 0.0
    monitor = measured(net, rng)
    for _ in range(29):
        net["error_output_to_feedback_h1"].W = rng.uniform(-1, 1, (40, 60))
        show(net, rng)
        net.run_steps(1)
    cosines = np.cos(np.radians(monitor.angle["image_to_h1"]))
    assert len(cosines) == 30 and cosines.std() > 0
    assert abs(np.mean(cosines)) < 4.5 * 0.029


@pytest.mark.parametrize(
    ("rule", "momentum", "constants"),
    [
        ("dW = -eta * delta_post * psi_post * y_pre - gamma * W", 0.9, {"gamma": 1e-3}),
        ("dW = -eta * delta_post * psi_post * (y_pre - 0.3) + c * y_post * y_pre", 0.0, {"c": 0.01}),
        ("dW = -eta * delta_post * psi_post * y_pre * (1 - W**2)", 0.0, {}),
    ],
    ids=["decay", "two terms", "soft bound"],
)
def test_any_rule(rule, constants, momentum, rng):
    """The actual change of the first step, decay put aside; the last rule runs as a loop over synapses."""
    net = with_rule(rule, momentum=momentum, sizes=(6, 5, 4), **constants)
    before = [p.W.copy() for p in forward(net)]
    given = {} if "gamma" in rule else {"output_error": "(layer_y - target) * layer_psi"}
    monitor = measured(net, rng, **given)
    activity = {p.name: p.view(p.output_variable).copy() for p in (net.input, *net.layers)}
    y = activity["output"]
    expected = dense(net, activity, before, (y - net.error.view("target")) * (1 - y**2))
    for projection, W in zip(forward(net), before, strict=True):
        ours = projection.W - W + constants.get("gamma", 0) * W
        angle = metrics.angle(ours, expected[projection.name])
        np.testing.assert_allclose(monitor.angle[projection.name], angle, rtol=0, atol=1e-5)


@every_pathway
@pytest.mark.parametrize("streams", [1, 3])
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


def test_node_perturbation_against_the_true_gradient(rng):
    """Its delta is an estimate; the error is given. On average over many streams, the angle is small."""
    net = rate_network("node_perturbation", 5000, noise=1e-3)
    monitor = measured(net, rng, output_error="(layer_y - target) * layer_psi")
    assert all(0.1 < angle < 60 for angle in monitor.last.values() if angle > 5)
    few = measured(rate_network("node_perturbation", 1, noise=1e-3), rng, output_error="layer_y - target")
    assert few.angle["image_to_h1"] > monitor.angle["image_to_h1"]


def test_frozen_layers_are_measured_and_no_error_is_not_a_number(rng):
    net = rate_network("alignment", 3)
    rule = forward(net)[0].learning.plasticity
    rule.lr = 0.0
    monitor = measured(net, rng)
    net.error.view("target")[:] = net["output"].view("y")
    net.run_steps(1)
    angles = np.array(list(monitor.angle.values()))
    assert np.isfinite(angles[:, 0]).all() and np.isnan(angles[:, 1]).all()


def test_weight_alignment(rng):
    net = rate_network("alignment", 4)
    show(net, rng)
    monitor = fa.WeightAlignment(net, every=2, units=True)
    net.run_steps(4)
    W, B = net["h1_to_h2"].W, net["feedback_h2_to_feedback_h1"].W
    assert monitor.steps.tolist() == [1, 3] and monitor.angle["h1"].shape == (2,)
    assert monitor.angle["h1"][-1] == metrics.angle(W, B.T) == evaluation.alignment(net)["h1"]
    assert np.array_equal(monitor.unit_angle["h1"][-1], metrics.unit_angles(W, B.T, axis=1))
    assert set(monitor.last) == {"angle_h1", "angle_h2"}
    zero = fa.WeightAlignment(rate_network("backprop", 4))
    zero.network.run_steps(1)
    np.testing.assert_allclose(list(zero.last.values()), 0, atol=1e-4)


def test_errors_in_windows(digits):
    net = rate_network("alignment", 5, sizes=(64, 8, 6, 4))
    monitor = fa.ErrorMonitor(net, 2)
    net.stimulus.steps_per_image = 3
    net.stimulus.show_images(digits.train_images[:40], digits.train_labels[:40] % 2)
    expected = []
    for _ in range(4):
        wrong = net.readout.wrong
        net.run_steps(6)
        expected.append((net.readout.wrong - wrong) / 10)
    assert monitor.error.tolist() == expected and monitor.steps.tolist() == [5, 11, 17, 23]


def test_normalised_squared_error_in_windows(rng):
    net = fa.Network(streams=4, target="numpy", dtype="float64")
    fa.Input(net, "image", 3, "x : 1", emit="", output="x", threshold=None, limits=None)
    fa.Layer(net, "output", 2, "I : 1\ny : 1", emit="y = I", output="y", threshold=None)
    fa.Projection(net, "image", "output", W := rng.normal(size=(3, 2)))
    fa.regression_task(net, 1)
    monitor = fa.ErrorMonitor(net, 3)
    x, target = rng.normal(size=(24, 3)), rng.normal(size=(24, 2))
    net.stimulus.show_images(x, target)
    net.run_steps(6)
    halves = [
        metrics.normalized_squared_error(x[part] @ W - target[part], target[part])
        for part in (slice(12), slice(12, 24))
    ]
    np.testing.assert_allclose(monitor.error, halves, rtol=1e-12)


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
