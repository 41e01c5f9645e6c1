"""Heterogeneity: a parameter has a value a unit, the same in all streams, unless it is said otherwise."""

import numpy as np
import pytest
from brian2 import ms, mV
from scipy.stats import kstest

import spikefa as fa
from spikefa.errors import ArgumentError, EquationError

EQUATIONS = """
dv/dt = (I - v) / tau : 1
I : 1
tau : second
theta : 1
n : integer
c : 1 (constant)
k : 1 (shared)
dead : boolean
s : 1
"""


def network(streams=3, seed=1, dtype="float64", units=4, **options):
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, target="numpy")
    return net, fa.Layer(net, "h", units, EQUATIONS, emit="s = int(v > theta)", namespace={"spread": 3 * ms}, **options)


TAU = "clip(20*ms + spread*randn(), 5*ms, 50*ms)"


def test_a_value_a_unit_is_the_same_in_all_streams_and_for_any_number_of_them():
    found = []
    for streams in (1, 3, 7):
        _, layer = network(streams)
        layer.set("tau", TAU, each="unit")
        values = layer.view("tau")
        assert (values == values[:, :1]).all() and len(set(values[:, 0])) == 4
        found.append(values[:, 0])
    assert all(np.array_equal(found[0], other) for other in found)
    _, other = network(seed=2)
    other.set("tau", TAU)
    assert not np.array_equal(other.view("tau")[:, 0], found[0])


def test_strings_have_the_distribution_that_they_say():
    _, layer = network(units=5000)
    layer.set("tau", TAU)
    layer.set("theta", "rand()")
    tau, theta = layer.view("tau")[:, 0], layer.view("theta")[:, 0]
    assert kstest((tau - 20e-3) / 3e-3, "norm").pvalue > 1e-3 and kstest(theta, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(tau, theta)[0, 1]) < 5 / 5000**0.5


GIVEN = {
    "number": (0.5, np.full(4, 0.5)),
    "unit's number": ("i / 2", np.arange(4) / 2),
    "array": ([1, 2, 3, 4], np.arange(1, 5)),
    "function": (lambda rng, shape: np.arange(shape[0]) * 2.0, 2 * np.arange(4)),
    "constants": ("spread / ms", np.full(4, 3)),
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_given_in_many_ways(given, dtype):
    _, layer = network(dtype=dtype)
    value, expected = GIVEN[given]
    layer.set("theta", value)
    assert np.array_equal(layer.view("theta"), np.repeat(expected[:, None], 3, 1))


def test_functions_draw_from_the_seed_and_the_name():
    def draw(rng, shape):
        return rng.normal(size=shape)

    found = []
    for seed in (1, 1, 2):
        _, layer = network(seed=seed)
        layer.set("theta", draw)
        found.append(layer.view("theta")[:, 0].copy())
        layer.set("c", draw)
        assert not np.array_equal(layer.view("c")[:, 0], found[-1])
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])


def test_quantities_have_their_units():
    _, layer = network()
    layer.set("tau", np.array([1, 2, 3, 4]) * ms)
    assert np.allclose(layer.view("tau"), np.arange(1, 5)[:, None] * 1e-3)
    layer.set("tau", 5 * ms)
    assert (layer.view("tau") == 5e-3).all()
    layer.set("n", [1, 2, 3, 4])
    assert np.array_equal(layer.view("n"), np.repeat(np.arange(1, 5)[:, None], 3, 1))


def test_a_value_a_neuron_is_had_by_saying_so():
    _, layer = network()
    layer.set("theta", "rand()", each="neuron")
    assert len(set(layer.theta[:])) == 12
    layer.set("theta", lambda rng, shape: rng.random(shape), each="neuron")
    assert len(set(layer.theta[:])) == 12
    layer.set("theta", np.arange(12).reshape(4, 3), each="neuron")
    assert np.array_equal(layer.theta, np.arange(12))


TOLD = r"^Layer 'h': 'theta' is a parameter, of which .* would draw another value in each of 3 streams; write set\("
DRAWN = [
    lambda layer: setattr(layer, "theta", "rand()"),
    lambda layer: setattr(layer, "theta", "0.5 + 0.1 * randn()"),
    lambda layer: layer.theta.__setitem__(slice(None), "poisson(3)"),
    lambda layer: layer.theta.__setitem__("i > 3", "rand()"),
    lambda layer: layer.theta.__setitem__("rand() < 0.5", 0),
    lambda layer: setattr(layer[:6], "theta", "rand()"),
    lambda layer: layer[3:6].theta.__setitem__(slice(None), "binomial(3, 0.5)"),
]


@pytest.mark.parametrize("draw", range(len(DRAWN)))
def test_a_parameter_drawn_anew_in_each_stream_is_refused(draw):
    _, layer = network()
    with pytest.raises(ArgumentError, match=TOLD):
        DRAWN[draw](layer)
    assert not layer.theta[:].any()
    DRAWN[draw](network(streams=1)[1])  # where a unit has one neuron


NUMBERED = [
    lambda layer: setattr(layer, "theta", "0.5 + 0.1 * i"),
    lambda layer: layer.theta.__setitem__(slice(None), "i"),
    lambda layer: layer.theta.__setitem__("i > 3", 1),
    lambda layer: setattr(layer[:6], "theta", "i"),
]


@pytest.mark.parametrize("number", range(len(NUMBERED)))
def test_a_parameter_by_the_numbers_of_neurons_is_refused(number):
    """In a string that is assigned ``i`` is a neuron, and would make another network in each stream."""
    _, layer = network()
    told = "'theta' is a parameter, of which .* would give, since i is the number of a neuron, another value in each of"
    with pytest.raises(ArgumentError, match=told):
        NUMBERED[number](layer)
    assert not layer.theta[:].any()
    NUMBERED[number](network(streams=1)[1])
    layer.v = "i"  # which a step changes


def test_initial_values_may_differ_between_streams():
    """Of what a step changes: potentials, currents, what statements, projections, stimuli and other objects write."""
    net, layer = network(receive="theta = 0.9 * theta")
    fa.Input(net, "image", 3)
    other = fa.Layer(net, "other", 3, "I : 1\nge : 1\nw : 1\nx : 1\ns : 1", emit="s = I", threshold=None)
    fa.Projection(net, "image", "other", fa.uniform(1), into="ge")
    other.run_regularly("w = 0.5 * w")
    for group, variable in ((layer, "v"), (layer, "I"), (layer, "theta"), (layer, "s"), (net["image"], "x")):
        setattr(group, variable, "rand()")
    other.ge, other.w = "rand()", "rand()"
    assert len(set(layer.v[:])) == 12 and len(set(other.ge[:])) == 9
    with pytest.raises(ArgumentError, match="Layer 'other': 'x' is a parameter"):
        other.x = "rand()"


BAD = [
    (("gx", 1), "set must name a state variable, .*'tau', 'theta', 'v'.*, got 'gx'"),
    (("k", 1), "set must name a state variable, .* got 'k'"),
    (("dead", 1), "set must name a state variable, .* got 'dead'"),
    ((3, 1), "set must name a state variable, .* got 3"),
    (("theta", np.ones(3)), r"'theta' must be \(4,\), got \(3,\)"),
    (("theta", np.ones((4, 3))), r"'theta' must be \(4,\), got \(4, 3\)"),
    (("theta", lambda rng, shape: np.ones(7)), r"'theta' must be \(4,\), got \(7,\)"),
    (("theta", [1, 2, np.nan, 4]), "'theta' must be finite, got 1 that are not"),
    (("theta", "1 / (i - i)"), "'theta' must be finite, got 4 that are not"),
    (("theta", None), "'theta' must be an array of numbers, got None"),
    (("theta", 5 * mV), "'theta' must have no unit, got 5"),
    (("tau", 5), "'tau' must be in units of s, got 5"),
    (("tau", 5 * mV), "'tau' must be in units of s, got 5"),
    (("n", [1, 2.5, 3, 4]), "'n' must be whole numbers, got 2.5"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_values_are_refused(arguments, message):
    _, layer = network()
    before = {name: array.copy() for name, array in layer.state_arrays().items()}
    with np.errstate(all="ignore"), pytest.raises(ArgumentError, match=f"^Layer 'h': {message}"):
        layer.set(*arguments)
    assert all(np.array_equal(array, before[name]) for name, array in layer.state_arrays().items())


def test_values_must_be_finite_in_the_float_type():
    _, layer = network(dtype="float32")
    with pytest.raises(ArgumentError, match=r"^Layer 'h': 'theta' must be within float32's range, got -1e\+300$"):
        layer.set("theta", [1, 2, -1e300, 4])
    with pytest.raises(ArgumentError, match=r"^Layer 'h': theta in evaluations must be within float32's range"):
        layer.set_in_evaluations(theta=1e39)
    assert not layer.theta[:].any() and not layer.evaluation_values
    layer.set("n", [1, 2, 3, 4])
    network(dtype="float64")[1].set("theta", 1e300)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rand(", "must be an expression, got 'rand\\('"),
        ("", "must be an expression, got ''"),
        ("i; i", "must be an expression, got 'i; i'"),
        ("gone + 1", ".*gone"),
        ("5*ms", ""),
        ("values", ".*values"),  # a name of the function that reads it
        ("theta + 1", "must not depend on variables, got 'theta'"),
        ("2 * v", "must not depend on variables, got 'v'"),
    ],
)
def test_strings_that_brian2_cannot_read_are_refused(text, message):
    _, layer = network()
    with pytest.raises(EquationError, match=f"^Layer 'h': 'theta':? {message}"):
        layer.set("theta", text)


SET = [
    lambda layer, value: setattr(layer, "v", value),
    lambda layer, value: layer.v.__setitem__(slice(None), value),
    lambda layer, value: setattr(layer[:6], "v", value),
]


@pytest.mark.parametrize("how", SET)
@pytest.mark.parametrize("value", [None, 1j, {}, ["a"]])
def test_what_are_no_numbers_is_refused_in_every_way(how, value):
    _, layer = network()
    with pytest.raises(ArgumentError, match=r"^Layer 'h': v must "):
        how(layer, value)
    assert not layer.v[:].any()


def test_each_is_a_unit_or_a_neuron():
    with pytest.raises(ArgumentError, match="Layer 'h': each must be one of 'unit', 'neuron', got 'stream'"):
        network()[1].set("theta", 1, each="stream")


def test_units_integrate_with_their_own_time_constants():
    net, layer = network()
    layer.set("tau", np.array([2, 4, 8, 16]) * ms)
    layer.set("theta", 10)
    layer.I = 1
    net.run_steps(1)
    np.testing.assert_allclose(layer.view("v"), np.repeat(1 / np.array([[2.0], [4], [8], [16]]), 3, 1), rtol=1e-12)


@pytest.mark.parametrize(
    "value, message",
    [
        ("randn(3)", r"Layer 'h.*': 'tau'"),
        (lambda: 1, r"the function that gives 'tau' failed with TypeError"),
        (lambda rng, shape: 1 / 0, r"the function that gives 'tau' failed with ZeroDivisionError: 'division by zero'"),
    ],
)
def test_what_cannot_be_computed_is_one_sentence(value, message):
    net = fa.Network(streams=2, target="numpy")
    layer = fa.Layer(net, "h1", 3, "tau : second\ns : 1", emit="s = 1")
    with pytest.raises(fa.SpikefaError, match=message):
        layer.set("tau", value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            np.arange(4.0),
            r"'u' must be one value, or 12, one a unit and stream, got \(4,\); for one a unit: p.set\('u'",
        ),
        (np.arange(5.0), r"'u' must be one value, or 12, one a unit and stream, got \(5,\)$"),
        (np.ones((4, 3)), r"'u' must be one value, or 12, one a unit and stream, got \(4, 3\)$"),
    ],
    ids=["a unit", "other", "table"],
)
def test_an_array_that_is_set_as_a_whole_has_a_value_for_each_neuron(value, message):
    net = fa.Network(streams=3, target="numpy")
    p = fa.Population(net, "p", 4, "u : 1", output="u", threshold=None)
    with pytest.raises(ArgumentError, match=message):
        p.u = value
    p.u = np.arange(12.0)
    p.u = [2.0]
    assert (p.u[:] == 2).all()
