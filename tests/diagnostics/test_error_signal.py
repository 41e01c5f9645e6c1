"""Diagnostics: which error a network has, and at which rate its rules carry it, whatever form the rules have."""

import gc
import tracemalloc

import numpy as np
import pytest
from diagnostic_networks import BIG, dense, measured, with_rule
from pathway_networks import ETA, NOISE, forward, rate_network, show, spiking_network

import spikefa as fa
from spikefa import metrics
from spikefa.diagnostics import evaluation
from spikefa.diagnostics.error_signal import error_term, loss_derivative
from spikefa.errors import ArgumentError
from spikefa.experiments import model_file

CENTRED = "centred = y - 0.4 : 1"
MEAN = "dm/dt = (y - m) / tau : 1\ncentred = 2 * (y - m) / 2 : 1"
TRUE_ERROR = {"output_error": "(layer_y - target) * layer_psi"}


def compared(net, rng, **options):
    """What a monitor measures in a step; and, of the weights' actual change, what dense backpropagation says."""
    before = [p.W.copy() for p in forward(net)]
    monitor = measured(net, rng, **options)
    activity = {p.name: p.view(p.output_variable).copy() for p in (net.input, *net.layers)}
    y = activity["output"]
    updates = dense(net, activity, before, (y - net.error.view("target")) * (1 - y**2))
    expected = {}
    for projection, W in zip(forward(net), before, strict=True):
        here = projection.mask if projection.masked else ...
        ours, theirs = (projection.W - W)[here], updates[projection.name][here]
        expected[projection.name] = (
            metrics.angle(ours, theirs),
            metrics.norm_ratio(ours, theirs),
            metrics.sign_congruence(ours, theirs),
        )
    return monitor, expected


def assert_as_expected(monitor, expected):
    for name, (angle, ratio, sign) in expected.items():
        np.testing.assert_allclose(monitor.angle[name], angle, rtol=0, atol=1e-5)
        np.testing.assert_allclose(monitor.norm_ratio[name], ratio, rtol=1e-8)
        np.testing.assert_allclose(monitor.sign[name], sign, rtol=0, atol=0.01)


@pytest.mark.parametrize(
    ("pre", "knows"),
    [
        ("(y_pre - 0.5)", ""),
        ("(2 * y_pre - 1) / 2", ""),
        ("(y_pre - 0.5)", CENTRED),
        ("centred_pre", CENTRED),
        ("(y_pre - m_pre)", MEAN),
        ("(centred_pre + 0.1)", MEAN),
    ],
)
@pytest.mark.parametrize("streams", [2, 50])
@pytest.mark.parametrize("mask", [None, 0.6])
def test_what_is_subtracted_from_the_presynaptic_output_turns_nothing(pre, knows, streams, mask, rng):
    """Neither the direction nor the rate of the reference; the rule itself says what the output error is."""
    rule = f"dW = -eta * delta_post * psi_post * {pre}"
    net = with_rule(rule, streams, mask and fa.random_connectivity(mask), knows=knows)
    monitor, expected = compared(net, rng)
    assert_as_expected(monitor, expected)
    assert all(angle[0] < 60 for name, angle in monitor.angle.items() if name == "h2_to_output")


@pytest.mark.parametrize(
    ("rule", "constants", "given"),
    [
        ("c * y_post * y_pre - eta * delta_post * psi_post * y_pre", {"c": 0.01}, TRUE_ERROR),
        ("-eta * delta_post * psi_post * (y_pre - 0.5) * (1 - W**2)", {}, {}),  # a loop over synapses
        ("-2 * eta * tanh(delta_post) * psi_post * y_pre / 2", {}, TRUE_ERROR),
        ("-eta * delta_post * psi_post * y_pre + c * y_post * y_pre", {"c": 0.0}, {}),
        ("-eta * (delta_post + c * delta_post * y_post**2) * psi_post * y_pre", {"c": 0.5}, TRUE_ERROR),
    ],
)
def test_the_rate_is_the_coefficient_of_the_error(rule, constants, given, rng):
    net = with_rule(f"dW = {rule}", sizes=(6, 5, 4), **constants)
    if "W" in rule:
        other = fa.GradientAlignment(net, **TRUE_ERROR)
    monitor, expected = compared(net, rng, **given)
    assert_as_expected(monitor, expected)
    if "W" in rule:
        assert other.last == pytest.approx(monitor.last, rel=1e-6)


def test_the_rates_of_layers_are_their_own(rng):
    """Also where constants change between runs."""
    net = with_rule("dW = -eta * delta_post * psi_post * y_pre", sizes=(6, 5, 4))
    one = net["image_to_h1"].learning.plasticity
    one.constants["eta"] = ETA / 4
    monitor, expected = compared(net, rng)
    np.testing.assert_allclose(4 * expected["image_to_h1"][1], monitor.norm_ratio["image_to_h1"], rtol=1e-8)
    one.constants["eta"] = 0.0
    net.run_steps(1)
    assert np.isnan(monitor.norm_ratio["image_to_h1"][1]) and np.isfinite(monitor.norm_ratio["h1_to_output"][1])


def test_a_rule_without_the_error_has_no_ratio(rng):
    monitor, expected = compared(with_rule("dW = eta * y_post * y_pre"), rng, **TRUE_ERROR)
    for name, (angle, _, sign) in expected.items():
        assert np.isnan(monitor.norm_ratio[name]) and abs(monitor.angle[name] - angle) < 1e-5
        assert abs(monitor.sign[name] - sign) < 0.01


@pytest.mark.parametrize(
    ("rule", "constants", "expected"),
    [
        ("-eta * delta_post * (y_pre - 0.5)", {}, (-ETA, "delta", True)),
        ("eta * (0.5 - y_pre) * delta_post * psi_post / 2", {}, (-ETA / 2, "delta*psi", True)),
        ("-eta * trace_pre * delta_post", {}, (-ETA, "delta", True)),
        ("-eta * (0.3 - trace_pre) * delta_post", {}, (ETA, "delta", True)),
        ("-eta * (trace_pre - m_pre) * delta_post", {}, None),  # which of them is it?
        ("-eta * delta_post", {}, (-ETA, "delta", True)),
        ("-eta * (delta_post - c) * y_pre", {"c": 0.1}, (-ETA, "delta", False)),
        ("-eta * int(delta_post > c) * y_pre", {"c": 0.1}, (-ETA, "int(delta > 0.1)", True)),
        ("-eta * delta_post * y_pre * W", {}, None),
        ("-eta * delta_post * (y_pre - 0.5) * (2 - W) - c * W**3", {"c": 0.01}, (-2 * ETA, "delta", True)),
        ("-eta * delta_post * y_pre / W", {}, None),
        ("-eta * clip(delta_post * y_pre, -1, 1)", {}, None),
        ("eta * y_post * y_pre", {}, None),
    ],
)
def test_error_terms(rule, constants, expected):
    net = with_rule(f"dW = {rule}", knows="dtrace/dt = (y - trace) / tau : 1\nm : 1", **constants)
    term = error_term(net["h2_to_output"], ["delta"])
    assert expected == (None if term is None else (pytest.approx(term.coefficient), term.post, term.whole))


DERIVATIVES = {
    "linear": lambda y: np.ones_like(y),
    "tanh": lambda y: 1 - y**2,
    "logistic": lambda y: y * (1 - y),
    "leaky": lambda y: np.where(y > 0, 1.0, 0.05),
}


@pytest.mark.parametrize("units", DERIVATIVES)
@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "float64"])
@pytest.mark.parametrize("dropout", [None, 0.5])
def test_units_of_every_kind(units, dtype, dropout, rng):
    """A linear unit's derivative is a number and no array."""
    model = model_file.load("lillicrap2016_rate")
    changes = {"sizes": (6, 5, 4, 3), "units": units, "output_unit": units, "classes": None, "dtype": dtype}
    net = model.build(model.params(changes | {"weight_range": 0.5, "dropout": dropout}), streams=7)
    net.stimulus.show_images(rng.normal(size=(7, 6)), rng.uniform(0, 1, (7, 3)))
    monitor = fa.GradientAlignment(net)
    net.run_steps(1)
    W = net["h2_to_output"].W.astype(float)
    r, kept = (net["h2"].view(name) for name in ("r", "kept")) if dropout else (net["h2"].view("y"), 1.0)
    output = net["output"].view("y").astype(float)
    top = (output - net.error.view("target")) * DERIVATIVES[units](output)
    found = monitor.gradients()
    assert {layer: D.dtype for layer, D in found.items()} == dict.fromkeys(("h1", "h2", "output"), np.dtype(dtype))
    np.testing.assert_allclose(found["output"], top, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["h2"], W @ top * DERIVATIVES[units](r) * kept, rtol=1e-4, atol=1e-6)
    assert all(np.isfinite(angle).all() for angle in monitor.angle.values())


def test_node_perturbation_has_its_loss_for_an_error(rng):
    """Its delta is an estimate, also at the output."""
    net = rate_network("node_perturbation", 3, BIG, noise=1e-3)
    monitor, expected = compared(net, rng)
    assert_as_expected(monitor, expected)
    assert monitor.angle["h2_to_output"] > 5


def test_derivatives_of_losses(model, rng):
    """Of an output that a statement writes, and of a probability that is a function of the potential."""
    net = rate_network("node_perturbation", loss="(layer_y - target)**4 + c * layer_v**2", namespace={"c": 0.3})
    show(net, rng)
    net.run_steps(1)
    y, v, target = (a.copy() for a in (net["output"].view("y"), net["output"].view("I"), net.error.view("target")))
    monitor = fa.GradientAlignment(net)
    expected = 4 * (y - target) ** 3 * (1 - y**2) + 0.6 * v
    np.testing.assert_allclose(monitor.gradients()["output"], expected, rtol=1e-12)

    net = spiking_network(model, "node_perturbation", 2)
    net.error.view("target")[:] = rng.random((10, 2))
    net.run_steps(3)
    p = 1 / (1 + np.exp(-net["output"].view("v")))
    expected = (p - net.error.view("target")) * p * (1 - p)
    np.testing.assert_allclose(fa.GradientAlignment(net).gradients()["output"], expected, rtol=1e-12)


def test_losses_that_are_none_of_each_unit(rng):
    losses = {"layer_v * target": True, "int(layer_y > target)": False, "target**2": False, "layer_drawn**2": False}
    layer = "v = I : 1\nI : 1\ny : 1\npsi = 1 - y**2 : 1\ndrawn : 1"
    for loss, known in losses.items():
        net = rate_network("node_perturbation", loss=loss, layer=layer, emit="tanh(v)\ndrawn = rand()")
        assert (loss_derivative(net.error, "psi") is not None) == known
    with pytest.raises(
        ArgumentError,
        match="'delta' of the last layer, 'output', comes from 'feedback_output' and not "
        "from the error population 'error_output', so that it may be an estimate; give output_error",
    ):
        fa.GradientAlignment(net)
    assert fa.GradientAlignment(net, output_error="layer_y - target") is not None
    net = fa.Network(target="numpy", dtype="float64")
    fa.Input(net, "image", 3, output="x", emit="", threshold=None)
    fa.Layer(net, "output", 3, "I : 1\ny : 1\npsi = 1 : 1", output="y", threshold=None)
    fa.Softmax(net, "output", "I")
    fa.node_perturbation(net, loss="-target * log(layer_y)", noise=NOISE)
    assert loss_derivative(net.error, "psi") is None


def test_a_model_states_its_error(rng):
    """Where its rule does not; what is given to the monitor comes first."""
    rule = "dW = eta * (tanh(v_post - delta_post) - y_post) * y_pre"
    with pytest.raises(
        ArgumentError,
        match=r"^[^\n]*Projection 'h2->output': 'dW = eta \* \(tanh\(v_post - delta_post\) "
        r"- y_post\) \* y_pre'\); in Python give [^\n]*'\(layer_y - target\) \* layer_psi'$",
    ):
        fa.GradientAlignment(with_rule(rule))
    stated, given = with_rule(rule), with_rule(rule)
    stated.output_error = TRUE_ERROR["output_error"]
    monitors = [measured(stated, np.random.default_rng(1)), measured(given, np.random.default_rng(1), **TRUE_ERROR)]
    assert monitors[0].last == pytest.approx(monitors[1].last, nan_ok=True) and monitors[0].angle["h2_to_output"] < 30
    given.output_error = "no_such"
    fa.GradientAlignment(given, **TRUE_ERROR)
    with pytest.raises(ArgumentError, match=r"network.output_error must be an expression .*'error_output'.*'no_such'"):
        fa.GradientAlignment(given)


@pytest.mark.parametrize("streams", [2, 50])
def test_skip_connections(streams, rng):
    """A layer receives the errors of all layers to which it projects."""
    rule = "dW = -eta * delta_post * psi_post * y_pre"
    net = with_rule(rule, streams, skips=[("h1", "output"), ("image", "h2")])
    assert len(forward(net)) == 5
    assert_as_expected(*compared(net, rng))


def test_feedback_belongs_to_any_outgoing_projection(rng):
    net = with_rule("dW = -eta * delta_post * psi_post * y_pre", skips=[("h1", "output")], direct=True)
    W, B = net["h1_to_output"].W, net["error_output_to_feedback_h1"].W
    assert evaluation.alignment(net)["h1"] == metrics.angle(W, B.T)
    monitor = fa.WeightAlignment(net)
    net.run_steps(1)
    assert set(monitor.angle) == {"h1", "h2"}
    chain = with_rule("dW = -eta * delta_post * psi_post * y_pre", skips=[("h1", "output")])
    assert evaluation.feedback_pairs(chain)["h1"][0] is chain["h1_to_h2"]


def test_refused_monitors_leave_no_warning(caplog):
    refused = [
        lambda: fa.GradientAlignment(with_rule("dW = eta * y_post * y_pre")),
        lambda: fa.GradientAlignment(rate_network("alignment"), derivative="q"),
        lambda: fa.GradientAlignment(fa.Network()),
        lambda: fa.WeightAlignment(rate_network("output_only")),
    ]
    for make in refused:
        with pytest.raises(ArgumentError, match="Alignment"):
            make()
    gc.collect()
    assert "never included" not in caplog.text


def test_last_measurement_as_columns(rng):
    net = with_rule("dW = -eta * delta_post * psi_post * y_pre", sizes=(6, 5, 4))
    show(net, rng)
    monitor = fa.GradientAlignment(net, 2)
    names = [
        f"update_{what}_{p}" for what in ("angle_deg", "norm_ratio", "sign") for p in ("image_to_h1", "h1_to_output")
    ]
    net.run_steps(1)
    assert list(monitor.metrics) == names and np.isnan(list(monitor.metrics.values())).all()
    net.run_steps(3)
    measures = (monitor.angle, monitor.norm_ratio, monitor.sign)
    assert list(monitor.metrics.values()) == [measure[p][-1] for measure in measures for p in monitor.angle]


def peak(function):
    """Bytes that were allocated at once."""
    function()
    gc.collect()
    tracemalloc.start()
    function()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("mask", [None, 0.5])
def test_no_copies_of_large_matrices(mask, rng):
    net = with_rule(
        "dW = -eta * delta_post * psi_post * y_pre", 4, mask and fa.random_connectivity(mask), sizes=(500, 600, 500)
    )
    show(net, rng)
    monitors = [fa.WeightAlignment(net, units=True)] + [fa.GradientAlignment(net)] * (mask is not None)
    net.run_steps(1)
    for monitor in monitors:
        assert peak(lambda monitor=monitor: (monitor.request(net.step), monitor.run())) < 8 * 500 * 600 / 1.5
