"""Delays: what arrives, what rules learn of it, in every storage; against stock Brian2 and its own shift register."""

import numpy as np
import pytest
from brian2 import Network as StockNetwork
from brian2 import NeuronGroup, StateMonitor, Synapses, ms, mV, second
from masked_networks import STORAGE
from test_brian2_reference import compare

import spikefa as fa
from spikefa.core.sandbox import sandboxed
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint

PRE, POST = 6, 5
UNITS = "I : 1\ns : 1\nv = I : 1\nx = 0.1 * s + 0.5 : 1"

RNG = np.random.default_rng(3)
DELAYS = {
    "one for all": 3 * ms,
    "a unit": np.array([0, 1, 2, 3, 1, 7]) * ms,
    "a synapse": RNG.integers(0, 6, (PRE, POST)) * ms,
}
LINES = {"dense": None, "masked": fa.random_connectivity(0.6)}


def network(streams, rule=None, delay=None, mask=None, storage=None, emit="s = int(rand() < 0.4)", **options):
    net = fa.Network(streams=streams, dtype="float64", target="numpy", seed=2, weight_policy=STORAGE.get(storage))
    fa.Population(net, "a", PRE, UNITS, emit=emit)
    fa.Population(net, "b", POST, UNITS, emit="s = int(rand() < 0.4)")
    projection = fa.Projection(
        net, "a", "b", fa.uniform(1), bias=np.arange(POST) / 4, mask=mask, plasticity=rule, delay=delay, **options
    )
    return net, projection


def steps_of(projection, delay):
    return np.broadcast_to(np.asarray(delay / ms).round().astype(int).T, projection.shape[::-1]).T


def history(net, steps):
    """Run step by step; return the outputs of both populations, each step's current, and the variables x."""
    seen = {"s": [], "x": [], "post": [], "I": []}
    for _ in range(steps):
        net.run_steps(1)
        seen["s"].append(net["a"].view("s").copy())
        seen["x"].append(0.1 * net["a"].view("s") + 0.5)
        seen["post"].append(net["b"].view("s").copy())
        seen["I"].append(net["b"].view("I").copy())
    return seen


def then(values, n, steps):
    """What each synapse receives in step n, (n_pre, n_post, streams), by a plain loop."""
    got = np.zeros((*steps.shape, values[0].shape[1]))
    for i, j in np.ndindex(*steps.shape):
        if n - steps[i, j] >= 0:
            got[i, j] = values[n - steps[i, j]][i]
    return got


@pytest.mark.parametrize("emit", ["s = int(rand() < 0.4)", "s = randn()"])
@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("mask", LINES)
@pytest.mark.parametrize("storage", [None, "sparse"])
@pytest.mark.parametrize("streams", [1, 3, 40])
def test_what_arrives_was_sent_so_many_steps_ago(streams, storage, mask, delay, emit):
    """With spikes and graded outputs; event-driven, by BLAS, by tables and sparse."""
    delay = DELAYS[delay]
    net, projection = network(streams, delay=delay, mask=LINES[mask], storage=storage, emit=emit)
    steps, W = steps_of(projection, delay), projection.W
    seen = history(net, 12)
    for n in range(12):
        arrives = then(seen["s"], n, steps)
        expected = np.einsum("ij,ijk->jk", W, arrives) + projection.b[:, None]
        np.testing.assert_allclose(seen["I"][n], expected, rtol=0, atol=1e-12)


RULES = {
    "output": ("dW = 0.1 * s_pre * s_post", ("s", 0.1)),
    "another variable": ("dW = 0.1 * x_pre * s_post", ("x", 0.1)),
    "post only": ("dW = 0.1 * s_post", (None, 0.1)),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("mask", LINES)
@pytest.mark.parametrize("streams", [1, 3, 40])
def test_rules_learn_of_what_arrives(streams, mask, delay, rule):
    text, (variable, eta) = RULES[rule]
    delay = DELAYS[delay]
    net, projection = network(streams, fa.Plasticity(text), delay, LINES[mask])
    steps, W = steps_of(projection, delay), projection.W.copy()
    exists = np.ones(W.shape, bool) if projection.mask is None else projection.mask
    seen = history(net, 10)
    for n in range(10):
        pre = np.ones((*steps.shape, streams)) if variable is None else then(seen[variable], n, steps)
        W += exists * eta * np.einsum("ijk,jk->ij", pre, seen["post"][n])
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)


@pytest.mark.parametrize("delay", ["one for all", "a unit"])
def test_rules_that_are_no_products_learn_of_what_arrives(delay):
    delay = DELAYS[delay]
    net, projection = network(2, fa.Plasticity("dW = 0.1 * tanh(x_pre - s_post)"), delay)
    steps, W = steps_of(projection, delay), projection.W.copy()
    seen = history(net, 10)
    for n in range(10):
        W += 0.1 * np.tanh(then(seen["x"], n, steps) - seen["post"][n]).sum(-1)
    np.testing.assert_allclose(projection.W, W, rtol=0, atol=1e-12)


def test_a_delay_of_nothing_is_the_same_step():
    plain, delayed = network(3)[0], network(3, delay=0 * ms)[0]
    for net in (plain, delayed):
        net.run_steps(4)
    assert np.array_equal(plain["b"].view("I"), delayed["b"].view("I")) and not delayed.parts("delay")


def test_a_delay_of_one_step_is_what_a_recurrent_projection_has():
    currents = []
    for delay in (None, 1 * ms, 2 * ms):
        net, _ = network(2)
        back = fa.Projection(net, "b", "a", fa.uniform(1), delay=delay)
        itself = fa.Projection(net, "b", "b", fa.uniform(1), name="itself", delay=delay)
        seen = []
        for _ in range(6):
            net.run_steps(1)
            seen.append((net["a"].view("I").copy(), net["b"].view("I").copy()))
        currents.append(np.concatenate([np.concatenate(pair) for pair in seen]))
        assert back.delay_steps == itself.delay_steps
    assert np.array_equal(currents[0], currents[1]) and not np.array_equal(currents[0], currents[2])


def test_what_is_sent_while_a_projection_is_inactive_arrives_when_it_is_active_again():
    seen = []
    for pause in (False, True):
        net, projection = network(2, delay=3 * ms)
        net.run_steps(4)
        projection.active = not pause
        net.run_steps(2)
        assert net["b"].view("I").any() != pause
        projection.active = True
        net.run_steps(2)
        seen.append(net["b"].view("I").copy())
    assert np.array_equal(*seen)


SOURCE = "dv/dt = (1.2 + 0.1*(i // streams) - v) / (7*ms) : 1\ny : 1"
TARGET = "dv/dt = (g - v) / (10*ms) : 1\ndg/dt = -g / (5*ms) : 1\ndu/dt = (g - u) / (20*ms) : 1\ny : 1"
STOCK_DELAYS = {
    "one for all": 2.5 * ms,
    "a unit": np.array([0.0, 1.14, 3.75]) * ms,
    "a synapse": np.array([[0.0, 5.05], [1.25, 0.3], [7.77, 2.0]]) * ms,
}


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("delay", STOCK_DELAYS)
def test_delays_are_brian2s_to_the_bit(delay, learns):
    """Rounded as Brian2 does; the update of a spike that arrives, too."""
    delay = STOCK_DELAYS[delay]
    W = np.array([[0.9, 2.3], [1.7, 0.0], [0.4, 3.1]])
    fires = dict(threshold="v > 1", reset="v = 0", method="exact")
    pre = NeuronGroup(3, SOURCE, namespace={"streams": 1}, **fires)
    post = NeuronGroup(2, TARGET, **fires)
    learning = "\nw += 0.25 * u_post" if learns else ""
    synapses = Synapses(pre, post, "w : 1", on_pre=f"g_post += w{learning}")
    synapses.connect()
    i, j = synapses.i[:], synapses.j[:]
    synapses.w = W[i, j]
    synapses.delay = np.broadcast_to(np.asarray(delay).T, W.T.shape).T[i, j] * second
    stock = StateMonitor(post, ["v", "g"], record=True, when="end")
    for obj in (pre, post, synapses):
        obj.clock.dt = 0.1 * ms
    StockNetwork(pre, post, synapses, stock).run(60 * ms)

    net = fa.Network(streams=2, dt=0.1 * ms, dtype="float64", target="numpy")
    fa.Population(net, "a", 3, SOURCE, output="y", namespace={"streams": 2}, **fires)
    fa.Population(net, "b", 2, TARGET, output="y", **fires)
    # Both streams are the same, and each adds half.
    rule = fa.Plasticity("dW = 0.125 * y_pre * u_post") if learns else None
    projection = fa.Projection(net, "a", "b", W, into="g", delay=delay, plasticity=rule, learn_bias=False)
    ours = StateMonitor(net["b"], ["v", "g"], record=True, when="end")
    net.add(ours)
    net.run(60 * ms)
    compared = np.testing.assert_allclose if learns else np.testing.assert_array_equal
    options = dict(rtol=0, atol=1e-12) if learns else {}
    for name in ("v", "g"):
        for stream in range(2):
            compared(getattr(ours, name)[stream::2], getattr(stock, name), **options)
    compared(projection.W[i, j], synapses.w[:], **options)
    assert (np.diff(stock.v) < -0.5).any() and (not learns or not np.array_equal(projection.W, W))


LIF = "dv/dt = (I - v) / (5*ms) : 1\nI : 1\np = 1 / (1 + exp(-v)) : 1\npsi = p * (1 - p) : 1\ns : 1"


def learner(
    streams=1, delay=None, feedback=None, mask=None, rule="dW = -eta * delta_post * psi_post * s_pre", **options
):
    net = fa.Network(streams=streams, dtype="float64", seed=1, **options)
    fa.Input(net, "image", 64)
    for name, units in (("h1", 12), ("output", 10)):
        fa.Layer(net, name, units, LIF, emit="s = int(rand() < p)")
    fa.feedback_alignment(
        net,
        error="du/dt = (layer_s - target - u) / (2*ms) : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / (2*ms) : 1\nJ : 1\ndelta : 1",
        B=fa.uniform(0.5),
        delay=feedback,
    )
    plasticity = fa.Plasticity(rule, {"eta": 0.02, "gamma": 1e-3})
    for pre, post in (("image", "h1"), ("h1", "output")):
        times = delay((net[pre].units, net[post].units)) if callable(delay) else delay
        fa.Projection(net, pre, post, fa.uniform(0.5), mask=mask, plasticity=plasticity, delay=times)
    fa.classification_task(net, 7, 10)
    return net


def drawn(shape):
    return np.random.default_rng(1).integers(0, 4, shape) * ms


@pytest.mark.parametrize(
    ("delay", "rule"),
    [
        (2 * ms, "dW = -eta * delta_post * psi_post * s_pre - gamma * W"),
        (2 * ms, "dW = -eta * delta_post * (psi_post * psi_pre + tanh(s_pre - s_post)) - gamma * W"),
        (lambda shape: drawn(shape)[:, 0], "dW = -eta * delta_post * psi_post * psi_pre"),
        (drawn, "dW = -eta * delta_post * psi_post * (s_pre - psi_pre) - gamma * W"),
    ],
)
def test_the_reference_has_delays_too(digits, delay, rule):
    """By a shift register of stock Brian2, also in the feedback, which is graded."""
    mask = fa.random_connectivity(0.7) if delay is drawn else None
    if "psi_pre" in rule:  # the input has none
        net = learner(delay=delay, feedback=3 * ms, rule=rule.replace("psi_pre", "s_pre"), mask=mask)
        more = fa.Plasticity(rule, {"eta": 0.02, "gamma": 1e-3})
        times = delay((12, 10)) if callable(delay) else delay
        fa.Projection(net, "h1", "output", fa.uniform(0.5), plasticity=more, delay=times, name="more")
    else:
        net = learner(delay=delay, feedback=3 * ms, rule=rule, mask=mask)
    compare(net, digits)


@pytest.mark.parametrize("delay", [2 * ms, drawn], ids=["one", "synapses"])
def test_what_is_under_way_survives_checkpoints_evaluations_and_store(digits, tmp_path, delay):
    """Bit for bit as an uninterrupted run."""

    def make():
        net = learner(3, delay, feedback=4 * ms)
        net.stimulus.show_images(digits.train_images[:30], digits.train_labels[:30])
        return net

    def state(net):
        return {k: v.copy() for k, v in {**net.state(), **net.parameters()}.items()}

    whole = make()
    whole.run_steps(28)
    expected = state(whole)
    assert any(name.endswith("delay.ring") and array.any() for name, array in expected.items())

    looked = make()
    looked.run_steps(14)
    first = fa.summed_outputs(looked, digits.test_images[:6], 5)
    with sandboxed(looked, "recording"):
        looked.stimulus.show_images(digits.test_images[:6])
        looked.run_steps(9)
    assert np.array_equal(first, fa.summed_outputs(looked, digits.test_images[:6], 5))
    checkpoint.save(tmp_path / "c", looked, {})
    looked.store()
    looked.run_steps(7)
    looked.restore()
    resumed = make()
    checkpoint.load(tmp_path / "c", resumed)
    for net in (resumed, looked):
        net.stimulus.show_images(digits.train_images[6:30], digits.train_labels[6:30])
        net.run_steps(14)
        got = state(net)
        assert set(got) == set(expected)
        for key, value in expected.items():
            assert np.array_equal(got[key], value), key


def test_weights_with_delays_a_synapse_are_read_and_set_whole():
    _, projection = network(3, delay=DELAYS["a synapse"])
    W = np.arange(PRE * POST, dtype=float).reshape(PRE, POST)
    projection.W = W
    assert np.array_equal(projection.W, W) and projection.mask.all()
    with pytest.raises(ValueError, match="read-only"):
        projection.W[0, 0] = 1
    assert np.array_equal(projection.delay_steps, DELAYS["a synapse"] / ms)


def test_delays_are_kept_in_the_fewest_dimensions():
    for delay, steps in (
        (np.full(PRE, 2) * ms, 2),
        (np.full((PRE, POST), 2) * ms, 2),
        (np.tile(np.arange(PRE)[:, None], POST) * ms, np.arange(PRE)),
        (2.5 * ms, 3),
        (2.49 * ms, 2),
    ):
        assert np.array_equal(network(1, delay=delay)[1].delay_steps, steps)
    assert network(1)[1].delay_steps is None


KINDS = {
    "tied": lambda net, one, **more: fa.TiedProjection(net, "a", "b", one, name="t", **more),
    "derived": lambda net, one, **more: fa.DerivedProjection(net, "a", "b", one, lambda W: 2 * W, name="t", **more),
    "shuffled": lambda net, one, **more: fa.ShuffledProjection(net, "a", "b", fa.uniform(1), name="t", **more),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("delay", ["one for all", "a unit"])
def test_other_kinds_have_delays(kind, delay):
    currents = []
    for time in (None, DELAYS[delay]):
        net, one = network(2, into="I")
        one.active = False
        made = KINDS[kind](net, one, delay=time)
        seen = history(net, 9)
        currents.append(seen["I"])
    if kind == "shuffled":
        assert not np.array_equal(currents[0], currents[1])
        return
    for n in range(9):
        arrives = then(seen["s"], n, steps_of(made, time))
        np.testing.assert_allclose(currents[1][n], np.einsum("ij,ijk->jk", made.W, arrives), rtol=0, atol=1e-12)


NO_SYNAPSES = r"delay must be of shape \(\) or \(6,\), got \(6, 5\)"
BAD = [
    (5, "delay must be a time, such as 5\\*ms, or an array of times, got 5"),
    ("5*ms", "delay must be a time, .*, got '5\\*ms'"),
    (True, "delay must be a time, .*, got True"),
    (5 * mV, "delay must be a time, .*, got 5. mV"),
    (np.array([1 + 2j]) * ms, "delay must be a time"),
    (-1 * ms, "delay must be finite and at least 0, got -1. ms"),
    (np.array([1, 2, 3, 4, -5, 6]) * ms, "delay must be finite and at least 0, got -5. ms"),
    (np.nan * ms, "delay must be finite and at least 0, got nan"),
    (np.inf * ms, "delay must be finite and at least 0, got inf"),
    (np.ones(POST) * ms, r"delay must be of shape \(\) or \(6,\) or \(6, 5\), got \(5,\)"),
    (np.ones((POST, PRE)) * ms, r"delay must be of shape \(\) or \(6,\) or \(6, 5\), got \(5, 6\)"),
    (1e9 * second, "delay must be at most 1000000 steps of 1. ms, got 1. Gs"),
]


@pytest.mark.parametrize(("delay", "message"), BAD)
def test_bad_delays_are_refused(delay, message):
    with pytest.raises(ArgumentError, match=f"^Projection 'a->b': {message}"):
        network(1, delay=delay)


@pytest.mark.parametrize(("pre", "post"), [("b", "a"), ("a", "a")])
@pytest.mark.parametrize("delay", [0 * ms, 0.4 * ms, np.array([0.0, 1, 1, 1, 1, 1]) * ms])
def test_a_step_must_pass_where_the_schedule_needs_one(pre, post, delay):
    net, _ = network(1)
    delay = delay[: net[pre].units] if np.ndim(delay) else delay
    with pytest.raises(
        ArgumentError, match=f"^Projection '{pre}->{post}': delay must be at least one step, 1. ms, since"
    ):
        fa.Projection(net, pre, post, fa.uniform(1), delay=delay)
    assert len(net.projections) == 1 and not net.parts("delay")


def test_what_delays_a_synapse_cannot_have():
    with pytest.raises(ArgumentError, match=r"a rule must be a sum of terms f\(pre\) \* g\(post\) where each synapse"):
        network(1, fa.Plasticity("dW = tanh(s_pre - s_post)"), DELAYS["a synapse"])
    net, one = network(1, delay=DELAYS["a synapse"])
    for kind in ("tied", "shuffled"):
        with pytest.raises(ArgumentError, match=NO_SYNAPSES):
            KINDS[kind](net, one, delay=DELAYS["a synapse"])
    with pytest.raises(ArgumentError, match="have a delay a synapse and cannot be another's"):
        KINDS["tied"](net, one)
