"""States of the synapses: equal to plain loops and to Brian2's `Synapses`, as traces of units where they are traces."""

import numba
import numpy as np
import pytest
from brian2 import Network as StockNetwork
from brian2 import NeuronGroup, Synapses, ms
from naive import eligibility

import spikefa as fa
from spikefa.core.sandbox import sandboxed
from spikefa.engine import memory
from spikefa.errors import ArgumentError

UNITS = "v : 1\nI : 1\ns : 1\nd : 1\npsi = v * (1 - v) : 1"
EMIT = "s = int(rand() < 0.4)\nd = randn()\nv = rand()"
CONSTANTS = {"eta": 0.1, "tau": 5 * ms, "tau_e": 8 * ms, "A": 0.5}
TRACE = "dx/dt = -x / tau : 1 (synapse)\nx += s_pre\ndW = eta * x * psi_post * d_post"
DENSE = "de/dt = -e / tau_e : 1 (synapse)\ne += s_pre * psi_post\ndW = eta * e * d_post"
PAIRS = """
dx/dt = -x / tau : 1 (synapse)
dy/dt = -y / tau : 1 (synapse)
dc/dt = -c / tau_e : 1 (synapse)
c += x * s_post - A * y * s_pre   # of earlier spikes alone
x += s_pre; y += s_post
dW = eta * c * d_post
"""
MASK = np.arange(30).reshape(6, 5) % 3 > 0
NEAREST = "dx/dt = -x / tau : 1 (synapse)\nx = x + s_pre * (1 - x)\ndW = eta * x * d_post - 0.01 * W"
SOFT = "dx/dt = -x / tau : 1 (synapse)\nx += s_pre\ndW = eta * x * d_post * (1 - W)"  # a loop over synapses


def keep(tau, dt=1.0):
    return np.exp(-dt / tau)


#: Rule -> one step of a synapse in plain Python: (states, variables of both sides) -> dW.
def trace_step(s, a, b):
    s["x"] = s.get("x", 0) * keep(5) + a["s"]
    return 0.1 * s["x"] * b["psi"] * b["d"]


def dense_step(s, a, b):
    s["e"] = s.get("e", 0) * keep(8) + a["s"] * b["psi"]
    return 0.1 * s["e"] * b["d"]


def pairs_step(s, a, b):
    x, y, c = (s.get(n, 0) * keep(tau) for n, tau in (("x", 5), ("y", 5), ("c", 8)))
    s["c"], s["x"], s["y"] = c + x * b["s"] - 0.5 * y * a["s"], x + a["s"], y + b["s"]
    return 0.1 * s["c"] * b["d"]


STEPS = {TRACE: trace_step, DENSE: dense_step, PAIRS: pairs_step}


def network(rule, streams=3, target="numpy", **options):
    net = fa.Network(streams=streams, dtype="float64", target=target, seed=3)
    fa.Input(net, "image", 2)
    for name, units in (("a", 6), ("b", 5)):
        fa.Layer(net, name, units, UNITS, emit=EMIT, threshold=None)
    constants = {n: v for n, v in CONSTANTS.items() if n in rule}
    rng = np.random.default_rng(1)
    options = {"bias": rng.normal(size=5), "plasticity": fa.Plasticity(rule, constants)} | options
    W = options.pop("W", rng.normal(size=(6, 5)))
    return net, fa.Projection(net, "a", "b", W, **options)


def history(net, steps):
    """Run a step at a time; return what both populations had in each."""
    found = []
    for _ in range(steps):
        net.run_steps(1)
        found.append([{n: net[p].view(n).copy() for n in ("s", "d")} | {"psi": psi(net[p])} for p in "ab"])
    return found


def psi(population):
    v = population.view("v")
    return v * (1 - v)


@pytest.mark.parametrize("rule", STEPS, ids=["trace", "dense", "pairs"])
def test_a_rule_with_states_equals_plain_loops(rule):
    net, projection = network(rule)
    W, b = projection.W.copy(), projection.b.copy()
    W, b = eligibility(W, b, history(net, 6), STEPS[rule])
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)
    assert (projection.learning.states is None) == (rule == TRACE)


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_numba_gives_what_numpy_gives_with_any_number_of_threads(threads, monkeypatch):
    monkeypatch.setattr("spikefa.engine.threads.SMALL_WORK", 0)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", max(threads, numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(threads)
    (net, projection), (by_numpy, other) = network(PAIRS, target="numba"), network(PAIRS)
    for one in (net, by_numpy):
        one.run_steps(4)
    np.testing.assert_allclose(projection.W, other.W, rtol=0, atol=1e-13)
    np.testing.assert_allclose(projection.b, other.b, rtol=0, atol=1e-13)


def test_synapses_of_brian2_with_the_same_strings_agree():
    """Clock-driven, exact: state update, then events, then weights."""
    net, projection = network(PAIRS, streams=1, learn_bias=False)
    W = projection.W.copy()
    steps = history(net, 8)
    lines = [line.partition("#")[0].strip() for line in PAIRS.strip().splitlines()]
    groups = [NeuronGroup(n, "s : 1\nd : 1", dt=1 * ms, codeobj_class=None) for n in (6, 5)]
    equations = "\n".join(["W : 1", *(line.replace("(synapse)", "(clock-driven)") for line in lines[:3])])
    synapses = Synapses(*groups, equations, method="exact", dt=1 * ms, namespace=CONSTANTS)
    synapses.connect()
    synapses.W = W[np.asarray(synapses.i), np.asarray(synapses.j)]
    changes = "\n".join([*lines[3:5], lines[5].replace("dW =", "W +=")])
    synapses.run_regularly(changes, when="synapses")  # after the state update, in the slot "groups"
    stock = StockNetwork(*groups, synapses)
    for step in steps:
        for group, values in zip(groups, step, strict=True):
            group.s, group.d = values["s"][:, 0], values["d"][:, 0]
        stock.run(1 * ms)
    there = np.asarray(synapses.W).reshape(6, 5)
    np.testing.assert_allclose(projection.W, there, rtol=0, atol=1e-13)
    assert abs(there - W).max() > 0.01


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_the_bias_of_a_rule_with_a_trace_and_w_has_a_trace_of_its_own(target):
    net, projection = network(SOFT, target=target)
    b, trace = projection.b.copy(), 0.0
    for _, post in history(net, 6):
        trace = trace * keep(5) + 1
        b = b + 0.1 * trace * post["d"].sum(axis=1) * (1 - b)
    np.testing.assert_allclose(projection.b, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (TRACE, {"delay": 2 * ms}),
        (PAIRS, {"delay": 2 * ms}),
        (DENSE, {"mask": MASK}),
        (NEAREST, {"mask": MASK}),
        (SOFT, {"mask": MASK}),
        (SOFT, {"delay": 2 * ms}),
    ],
    ids=["trace", "pairs", "dense", "nearest", "soft bound", "soft bound with a delay"],
)
def test_the_reference_states_every_state_a_synapse(rule, options):
    net, projection = network(rule, streams=1, W=fa.uniform(1), **options)
    fa.classification_task(net, 3, 5)
    reference = fa.Brian2Reference(net)
    for one in (net, reference.network):
        one.stimulus.show_images(np.ones((4, 2)))
        one.run_steps(10)
    np.testing.assert_allclose(projection.W, reference.W("a_to_b"), rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b, reference.b("a_to_b"), rtol=0, atol=1e-12)


def test_what_depends_on_one_population_is_its_trace():
    """Whatever its statements are; the low-pass of a product is a state of each synapse."""
    sides = {state.name: state.side for state in fa.Plasticity(PAIRS, CONSTANTS).text.states}
    assert sides == {"x": "pre", "y": "post", "c": "synapse", "x_before_0": "pre", "y_before_0": "post"}
    assert network(NEAREST)[1].learning.terms is not None
    assert [s.side for s in fa.Plasticity(DENSE.replace("psi_post", "A")).text.states] == ["pre"]


@pytest.mark.parametrize("rule", [TRACE, DENSE])
def test_states_go_on_while_weights_rest_and_are_zero_after_a_reset(rule):
    net, projection = network(rule)
    fa.classification_task(net, 3, 5)
    net.stimulus.show_images(np.ones((30, 2)))
    net.run_steps(4)
    arrays = net.parameters() | net.state()
    states = [
        a for n, a in arrays.items() if n in ("a_to_b.state_e", "a_to_b.bias_state_e", "a.x_a_to_b", "b.bias_x_a_to_b")
    ]
    assert len(states) == 2 and all(state.any() for state in states)
    before = [state.copy() for state in states]
    W = projection.W.copy()
    with sandboxed(net, "evaluation"):
        net.run_steps(2)
    assert all(map(np.array_equal, states, before)) and np.array_equal(projection.W, W)
    projection.learning.active = False
    net.run_steps(1)
    assert not any(map(np.array_equal, states, before)) and np.array_equal(projection.W, W)
    projection.learning.active = True
    net.store()
    net.run_steps(2)
    W, now = projection.W.copy(), [state.copy() for state in states]
    net.restore()
    net.run_steps(2)
    assert np.array_equal(projection.W, W) and all(map(np.array_equal, states, now))
    net.reset_state()
    assert not any(state.any() for state in states)


def test_memory_is_told_and_refused_before_it_is_taken(monkeypatch, caplog):
    monkeypatch.setattr(memory, "free_memory", lambda: 1400)
    with pytest.raises(
        ArgumentError,
        match=r"'a->b', .*: the state e .* \(6 x 5 x 3\) must fit into half of the free "
        r"memory, 700 bytes, got 840 bytes",
    ):
        network(DENSE)
    network(TRACE)
    assert "state" not in repr(network(TRACE)[1])
    monkeypatch.setattr(memory, "free_memory", lambda: 1680)
    assert "states of 0.00084 MB" in repr(network(DENSE)[1])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            "e += s_pre\ndW = e",
            r"'e' must be a state, which has a line such as 'de/dt = -e / tau : 1 \(synapse\)' before",
        ),
        ("de/dt = -e / tau : 1\ne += s_pre\ndW = e", r"must have the form .*, got 'de/dt = -e / tau : 1'$"),
        ("de/dt = (s_pre - e) / tau : 1 (synapse)\ne += 1\ndW = e", r"equation of 'e' must be a decay by constants"),
        ("de/dt = -e**2 : 1 (synapse)\ne += 1\ndW = e", r"equation of 'e' must be a decay by constants"),
        ("de/dt = -e / tau_pre : 1 (synapse)\ne += 1\ndW = e", r"constants, whose names do not end in _pre or _post"),
        ("e : 1 (synapse)\ndW = e", r"a statement must change 'e', such as 'e \+= s_pre', got none"),
        ("e : 1 (synapse)\ne += s_pre\ndW = s_pre", r"the update must depend on each state, got no use of 'e'"),
        ("e : 1 (synapse)\ne += s_pre * W\ndW = e", r"a state must not depend on W"),
        ("W : 1 (synapse)\nW += s_pre\ndW = W", r"a state must be a new name that is not W, t or dt"),
        ("e : 1 (synapse)\ne : 1 (synapse)\ne += 1\ndW = e", r"a state must be a new name"),
        ("tau : 1 (synapse)\ntau += s_pre\ndW = tau", r"a constant's name must be .* a state"),
        ("dW = s_pre\ndW = s_pre", r"must have the form .*, got 'dW = s_pre'"),
        (
            "e : 1 (synapse)\ne += (s_pre + s_post + tau + 1)**300\ndW = e",
            r"right side of 'e' must have at most 1000 terms",
        ),
        ("e : 1 (synapse)\ne += 9**9**9**9\ndW = e", r"right side of 'e' must have numbers in the range of floats"),
        ("e : 1 (synapse)\ne += q_pre * s_post\ndW = e", r"'q_pre' needs a variable 'q' of 'a'"),
        ("e : 1 (synapse)\ne += rand() * s_pre\ndW = e", r"must not have the function 'rand'"),
        ("de/dt = e / (tau - tau) : 1 (synapse)\ne += 1\ndW = e", r"must be finite and real"),
        ("dW/dt = s_pre + t / 0", r"must be finite and real"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(rule, message):
    with pytest.raises(ArgumentError, match=message) as refused:
        network(rule, plasticity=fa.Plasticity(rule, {"tau": 5 * ms} if "tau" in rule else {}))
    assert "\n" not in str(refused.value)
