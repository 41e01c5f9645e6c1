"""The precision of a fixed projection: what it changes, what goes with it, and what is refused in one sentence."""

import json
import re

import numpy as np
import pytest
from brian2 import ms
from run_helpers import TINY

import spikefa as fa
from spikefa.errors import ArgumentError, ModelError
from spikefa.experiments import model_file
from spikefa.experiments.run import new_run, open_run

GRADED = {"equations": "I : 1\ny : 1", "emit": "y = I + 0.1", "output": "y", "threshold": None}


def network(dtype="float32", streams=3, **options):
    net = fa.Network(streams=streams, dtype=dtype, target="numpy", **options)
    for name, units in (("low", 12), ("high", 9), ("back", 12)):
        fa.Population(net, name, units, **GRADED)
    net["low"].view("y")[:] = np.random.default_rng(0).normal(size=(12, streams))
    return net


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
def test_currents_are_close_and_the_description_says_how_weights_are_rounded(precision):
    currents = []
    for chosen in (None, "float32", precision):
        net = network()
        projection = fa.Projection(net, "low", "high", fa.uniform(0.5), precision=chosen, delay=2 * ms)
        net.run_steps(4)
        currents.append(net["high"].view("I").copy())
    assert np.array_equal(currents[0], currents[1]) and not np.array_equal(currents[0], currents[2])
    np.testing.assert_allclose(currents[2], currents[0], rtol=0, atol=0.05)
    assert f": 12 x 9, fixed, {precision}, rounded by up to 0.00" in repr(projection)


def test_weights_are_set_as_a_whole_and_rounded():
    net = network()
    projection = fa.Projection(net, "low", "high", fa.uniform(0.5), precision="int8")
    with pytest.raises(ValueError, match="read-only"):
        projection.W[0, 0] = 1
    given = np.full((12, 9), 0.3)
    given[0, 0] = 1.0
    projection.W = given
    assert len(np.unique(projection.W)) == 2 and abs(projection.W[1, 1] - 0.3) <= 1 / 254
    net.run_steps(1)
    np.testing.assert_allclose(net["high"].view("I"), projection.W.T @ net["low"].view("y"), atol=0.1)


@pytest.mark.parametrize(("precision", "largest"), [("int8", 3.4e38), ("bfloat16", 3.39e38)])
def test_weights_must_be_finite_once_they_are_rounded(precision, largest):
    net = network()
    projection = fa.Projection(net, "low", "high", np.full((12, 9), -largest), precision=precision)
    assert np.isfinite(projection.W).all() and np.isfinite(projection.weights.rounding_error)
    before = projection.W.copy()
    beyond = {"int8": ("float32", 1e300), "bfloat16": ("bfloat16", 3.4e38)}
    held, value = beyond[precision]
    message = rf"^Projection 'low->high': weights must be within {held}'s range, got -{value:g}$".replace("+", r"\+")
    with pytest.raises(ArgumentError, match=message):
        projection.W = np.full((12, 9), -value)
    assert np.array_equal(projection.W, before)
    with pytest.raises(ArgumentError, match=message):
        fa.Projection(network(), "low", "high", np.full((12, 9), -value), precision=precision)


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
def test_weights_that_are_written_back_are_packed_anew(precision):
    """As a checkpoint does; the same bits go on."""
    first, other = (network(seed=seed) for seed in (1, 2))
    for net in (first, other):
        fa.Projection(net, "low", "high", fa.uniform(0.5), precision=precision)
        net.run_steps(1)
    assert not np.array_equal(first["high"].view("I"), other["high"].view("I"))
    for name, array in other.parameters().items():
        array[...] = first.parameters()[name]
    for net in (first, other):
        net.run_steps(1)
    assert np.array_equal(first["high"].view("I"), other["high"].view("I"))


DELAYS = np.arange(12 * 9).reshape(12, 9) % 3 * ms


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int4"}, "precision must be one of 'float32', 'bfloat16', 'int8', got 'int4'; .*"),
        ({"plasticity": fa.Plasticity("dW = y_pre * y_post")}, "be 'float32' with weights that learn, got 'int8'"),
        ({"mask": fa.random_connectivity(0.5)}, "be 'float32' with a mask, got 'int8'"),
        ({"delay": DELAYS}, "be 'float32' where each synapse has a delay of its own, got 'int8'"),
    ],
)
def test_what_does_not_go_with_it_is_refused(options, message):
    net = network()
    with pytest.raises(ArgumentError, match=rf"^Projection 'low->high': .*{message}$"):
        fa.Projection(net, "low", "high", fa.uniform(0.5), **{"precision": "int8"} | options)
    assert not net.projections


def test_doubles_and_weights_of_others_are_refused():
    net = network("float64")
    for precision in ("float32", "int8"):
        with pytest.raises(ArgumentError, match=f"precision must be None in a network of float64, got '{precision}'"):
            fa.Projection(net, "low", "high", fa.uniform(0.5), precision=precision)
    net = network()
    fa.Projection(net, "low", "high", fa.uniform(0.5), precision="bfloat16")
    with pytest.raises(ArgumentError, match="the weights of Projection 'low->high' have the precision 'bfloat16' and"):
        fa.TiedProjection(net, "high", "back", "low_to_high", transpose=True)


def test_the_model_has_it_for_fixed_feedback():
    model = model_file.load("lillicrap2016_spiking")
    small = {"pixels": 8, "hidden": (6, 5), "outputs": 10, "target": "numpy", "feedback_precision": "int8"}
    for pathway, packed in (("alignment", 2), ("direct", 2), ("augmented_direct", 2), ("indirect", 1)):
        net = model.build(model.params(small | {"pathway": pathway}), 2, 0)
        assert sum(projection.precision == "int8" for projection in net.projections) == packed
    with pytest.raises(ModelError, match=r"pathway must be one of .* with a feedback_precision, got 'backprop'"):
        model.params(small | {"pathway": "backprop"})
    with pytest.raises(ModelError, match="dtype must be float32 with a feedback_precision, got 'float64'"):
        model.params(small | {"dtype": "float64"})
    net = model.build(model.params(small), 1, 0)
    with pytest.raises(ArgumentError, match=r"^Brian2Reference: .*stock Brian2 knows no precision 'int8'$"):
        fa.Brian2Reference(net)


def test_feedback_along_the_synapses_of_others_has_none():
    net = fa.Network(target="numpy")
    fa.Input(net, "image", 4)
    for name in ("hidden", "output"):
        fa.Layer(net, name, 3, **GRADED)
    error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}
    with pytest.raises(ArgumentError, match="feedback_precision must be None with connectivity='forward', got 'int8'"):
        fa.feedback_alignment(
            net,
            **error,
            feedback="J : 1\ndelta : 1",
            emit="delta = J",
            B=fa.uniform(0.5),
            connectivity="forward",
            feedback_precision="int8",
        )
    assert not net.feedback


def test_a_run_says_it_and_is_resumed_bit_for_bit(tmp_path):
    made = {}
    for name, epochs in (("whole", 2), ("parts", 1)):
        changes = TINY | {"hidden": (5, 6), "feedback_precision": "int8", "target": "numpy"}
        settings = {"data": "digits", "streams": 100, "epochs": epochs, "record_activity": False}
        made[name] = new_run(tmp_path / name, "lillicrap2016_spiking", changes, **settings)
        made[name].create()
        made[name].trainer().run()
    longer = open_run(made["parts"].directory).ending_after(2)
    trainer = longer.trainer()
    trainer.resume()
    trainer.run()
    assert json.loads((longer.directory / "run.json").read_text())["params"]["feedback_precision"] == "int8"
    one, other = (run.trained_network() for run in (made["whole"], longer))
    assert all("fixed, int8" in repr(projection) for projection in other.projections[:2])
    for a, b in zip(one.projections, other.projections, strict=True):
        assert np.array_equal(a.W, b.W) and np.array_equal(a.b, b.b)


@pytest.mark.parametrize(
    ("precision", "bounds", "given", "message"),
    [
        ("int8", (0.001, 1), (0.001, 0.9995), "at least 0.001 and at most 1, rounded to int8, got 0 (and 0 more)"),
        ("int8", (-0.5, 1), (-0.5, 0.9), "at least -0.5 and at most 1, rounded to int8, got -0.503147 (and 0 more)"),
        (
            "bfloat16",
            (0, 0.9999),
            (0.9999, 0.1),
            "at least 0 and at most 0.9999, rounded to bfloat16, got 1 (and 0 more)",
        ),
    ],
)
def test_bounds_hold_for_what_weights_are_rounded_to(precision, bounds, given, message):
    W = np.full((12, 9), 0.5)
    W[0, :2] = given
    message = "^" + re.escape(f"Projection 'low->high': weights must be {message}") + "$"
    with pytest.raises(ArgumentError, match=message):
        fa.Projection(network(), "low", "high", W, precision=precision, bounds=bounds)
    net = network()
    projection = fa.Projection(net, "low", "high", np.full((12, 9), 0.5), precision=precision, bounds=bounds)
    before = projection.W.copy()
    with pytest.raises(ArgumentError, match=message):
        projection.W = W
    assert np.array_equal(projection.W, before)
    net.run_steps(1)


def test_it_is_chosen_when_the_projection_is_made():
    projection = fa.Projection(network(), "low", "high", fa.uniform(0.5))
    with pytest.raises(AttributeError, match="precision"):
        projection.precision = "int8"
    assert projection.precision is None
