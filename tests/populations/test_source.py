"""Sources: groups of Brian2, and parts of populations, as the presynaptic side of projections."""

import brian2
import numpy as np
import pytest
from brian2 import (
    Hz,
    NeuronGroup,
    PoissonGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
)
from brian2 import Network as StockNetwork
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.utils.logger import catch_logs
from test_brian2_reference import compare

import spikefa as fa
from spikefa.core.sandbox import sandboxed
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint
from spikefa.experiments.repeatable import require_repeatable

LIF = "dv/dt = (I + ge - v) / (10*ms) : 1\nI : 1\ndge/dt = -ge / (5*ms) : 1\ns : 1"
SPIKES = [0, 1, 2, 0, 1], [0, 2, 3, 5, 8] * ms
W = np.arange(1, 7).reshape(3, 2) / 4


@pytest.fixture(autouse=True)
def stock_target(monkeypatch):
    monkeypatch.setitem(brian2.prefs, "codegen.target", "numpy")


def network(streams=1, name="net", **options):
    net = fa.Network(streams=streams, dtype="float64", target="numpy", seed=3, **options)
    fa.Layer(net, "h1", 2, LIF, threshold="v > 1", reset="v = 0")
    return net


def generator(clock, period=10 * ms):
    return SpikeGeneratorGroup(3, *SPIKES, period=period, clock=clock, name="given", codeobj_class=NumpyCodeObject)


def oscillators(clock):
    group = NeuronGroup(
        3,
        "dx/dt = drive / (10*ms) : 1\ndrive : 1",
        threshold="x > 1",
        reset="x = 0",
        method="euler",
        clock=clock,
        name="oscillators",
        codeobj_class=NumpyCodeObject,
    )
    group.drive = [1.5, 2, 3.3]
    return group


def noise(clock, rates=200 * Hz, n=3, **options):
    return PoissonGroup(n, rates, clock=clock, name="noise", codeobj_class=NumpyCodeObject, **options)


KINDS = {"given": generator, "oscillators": oscillators, "noise": noise}


def seen_by(net, variable, population, steps):
    """Monitor a variable; return a function that gives its last values after a run, (steps, units, streams)."""
    monitor = StateMonitor(net[population], variable, record=True, when="end", codeobj_class=NumpyCodeObject)
    net.add(monitor)
    of = net[population]
    return lambda: getattr(monitor, f"{variable}_").T[-steps:].reshape(steps, of.units, of.streams)


def outputs(net, population, steps):
    """Run, and return the output of each step, (steps, units, streams)."""
    seen = seen_by(net, "s", population, steps)
    net.run_steps(steps)
    return seen()


@pytest.mark.parametrize(
    ("make", "delay"),
    [(generator, 0 * ms), (generator, 3 * ms), (oscillators, 4 * ms)],
)
def test_as_stock_synapses_deliver(make, delay):
    """To the bit, with a period, in every stream; in one run and in many."""
    net = network(streams=2)
    fa.Projection(net, make(net.clock), "h1", W, into="ge", delay=delay)
    monitor = StateMonitor(net["h1"], ["ge", "v"], record=True, when="end")
    net.add(monitor)
    for steps in (13, 30):
        net.run_steps(steps)
    clock = brian2.Clock(dt=1 * ms)
    source = make(clock)
    post = NeuronGroup(2, LIF, threshold="v > 1", reset="v = 0", method="euler", clock=clock, dtype=float)
    post.codeobj_class = NumpyCodeObject
    synapses = Synapses(source, post, "w : 1", on_pre="ge_post += w", delay=delay, clock=clock)
    synapses.connect()
    synapses.w = W.ravel()
    stock = StateMonitor(post, ["ge", "v"], record=True, when="end", clock=clock)
    StockNetwork(source, post, synapses, stock).run(43 * ms)
    for name in ("ge", "v"):
        got, expected = getattr(monitor, name).reshape(2, 2, -1), getattr(stock, name)
        assert np.ptp(expected) > 0.5
        np.testing.assert_allclose(got, np.broadcast_to(expected[:, None], got.shape), rtol=0, atol=1e-14)


def test_poisson_spikes_follow_from_the_seed_and_differ_between_streams():
    def spikes(seed, of_brian2=0):
        net = fa.Network(streams=40, target="numpy", seed=seed)
        group = noise(net.clock, "100*Hz + i * 200*Hz")
        fa.Source(net, group)
        monitor = SpikeMonitor(group, codeobj_class=NumpyCodeObject)
        net.add(monitor)
        brian2.seed(of_brian2)
        seen = outputs(net, "noise_source", 100)
        return seen, monitor

    seen, monitor = spikes(3)
    n = 40 * 100
    for unit, chance in enumerate((0.1, 0.3, 0.5)):
        assert abs(seen[:, unit].sum() - n * chance) < 4 * np.sqrt(n * chance * (1 - chance))
    assert not np.array_equal(seen[..., 0], seen[..., 1])
    assert np.array_equal(seen, spikes(3, of_brian2=1)[0]) and not np.array_equal(seen, spikes(4)[0])
    step, unit = np.nonzero(seen[..., 0])  # the group's own are those of stream 0
    assert np.array_equal(monitor.i, unit) and np.array_equal(np.round(monitor.t / ms), step)


def test_rates_may_change():
    net = network()
    rates = TimedArray([0, 1000] * Hz, dt=5 * ms)
    group = noise(net.clock, "rates_in_time(t)", namespace={"rates_in_time": rates})
    fa.Source(net, group)
    assert outputs(net, "noise_source", 10)[:, :, 0].sum(axis=1).tolist() == [0] * 5 + [3] * 5
    net = network()
    group = noise(net.clock, 0 * Hz)
    fa.Source(net, group)
    assert not outputs(net, "noise_source", 5).any()
    group.rates = 1000 * Hz
    assert outputs(net, "noise_source", 5).all()
    group.rates = [0, 1500, -1] * Hz
    rule = r"rates must be at most 1000 Hz, one spike a step, got 1500 Hz of neuron 1"
    with pytest.raises(ArgumentError, match=rule):
        net.run_steps(1)


def test_spikes_may_be_set_anew():
    net = network()
    group = generator(net.clock, 0 * ms)
    fa.Source(net, group)
    assert outputs(net, "given_source", 10).sum() == 5
    group.set_spikes([2], [12] * ms)
    with catch_logs() as logs:
        assert np.argwhere(outputs(net, "given_source", 5)).tolist() == [[2, 2, 0]]
    assert not logs
    group.set_spikes([2, 2], [20, 20.2] * ms)
    with pytest.raises(ArgumentError, match=r"'given' must not spike more than once in a step of 1. ms"):
        net.run_steps(1)


def test_a_neuron_may_be_a_unit_of_one_stream():
    net = network(streams=3)
    groups = {kind: make(net.clock) for kind, make in KINDS.items()}
    for kind, group in groups.items():
        fa.Source(net, group, each="neuron")
        projection = fa.Projection(net, group, "h1", np.ones((1, 2)))
        assert projection.pre is net[f"{kind}_source"] and projection.shape == (1, 2)
    monitors = {kind: SpikeMonitor(group, codeobj_class=NumpyCodeObject) for kind, group in groups.items()}
    net.add(monitors)
    outputs = {kind: seen_by(net, "s", f"{kind}_source", 20) for kind in groups}
    net.run_steps(20)
    for kind, monitor in monitors.items():
        step, stream = np.nonzero(outputs[kind]()[:, 0])
        assert stream.size > 5
        assert np.array_equal(monitor.i, stream) and np.array_equal(np.round(monitor.t / ms), step)


def test_rules_learn_of_a_source():
    net = network(streams=4)
    rule = fa.Plasticity("dW = s_pre * v_post")
    for kind, make in KINDS.items():
        delay = 2 * ms if kind == "given" else None
        fa.Projection(net, make(net.clock), "h1", W, plasticity=rule, delay=delay, learn_bias=False)
    v = seen_by(net, "v", "h1", 15)
    sent = {kind: seen_by(net, "s", f"{kind}_source", 15) for kind in KINDS}
    net.run_steps(15)
    for kind, late in {"given": 2, "noise": 0, "oscillators": 1}.items():
        arrives = np.concatenate([np.zeros((late, 3, 4)), sent[kind]()])[:15]
        change = np.einsum("tik,tjk->ij", arrives, v())
        assert abs(change).max() > 1
        np.testing.assert_allclose(net[f"{kind}_source_to_h1"].W, W + change, rtol=1e-12)


def test_traces_of_a_source():
    net = network(streams=2)
    fa.Source(net, generator(net.clock), equations="dx/dt = -x / (20*ms) : 1", emit="x = x + s")
    fa.Projection(net, "given_source", "h1", W, plasticity=fa.Plasticity("dW = 0.1 * x_pre * s_post"))
    seen = outputs(net, "given_source", 8)
    expected = sum(spikes * (1 - 1 / 20) ** (7 - n) for n, spikes in enumerate(seen))
    np.testing.assert_allclose(net["given_source"].view("x"), expected, rtol=1e-12)


def test_parts_of_groups_and_populations():
    net = network(streams=2)
    group = noise(net.clock)
    fa.Layer(net, "h2", 1, LIF, threshold="v > 1", reset="v = 0")
    rule = fa.Plasticity("dW = v_pre**2 * v_post")
    of_group = fa.Projection(net, group[1:3], "h1", 4 * W[1:])
    of_layer = fa.Projection(net, net["h1"][2:4], "h2", [[2.0]], plasticity=rule, learn_bias=False)
    assert (of_group.name, of_layer.name) == ("noise_source_1_3_to_h1", "h1_1_2_to_h2")
    weight = 2.0
    for _ in range(9):
        net.run_steps(1)
        np.testing.assert_allclose(net["h1"].view("I"), 4 * W[1:].T @ net["noise_source"].view("s")[1:], rtol=1e-14)
        np.testing.assert_allclose(net["h2"].view("I")[0], weight * net["h1"].view("s")[1], rtol=1e-12)
        weight += (net["h1"].view("v")[1] ** 2 * net["h2"].view("v")[0]).sum()
    assert weight > 2.1 and np.isclose(of_layer.W[0, 0], weight, rtol=1e-12)
    assert len(net.parts("source")) == 1
    for part, message in [
        (net["h1"][1:4], r"neurons of 'h1' must be those of whole units, of 2 streams each, .*, got \[1:4\]"),
        (noise(net.clock)[1:3], "Projection: pre must be of a group that a variable of yours holds, got 'noise_sub"),
        (fa.Layer(fa.Network(), "other", 4, LIF, emit="s = 0")[0:2], "pre must be one of the network's populations"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            fa.Projection(net, part, "h2", [[2.0]])


def everything(rates=300 * Hz):
    """All kinds of sources, with delays, a rule, and a task."""
    net = network(streams=2)
    fa.Input(net, "image", 4)
    groups = [generator(net.clock), oscillators(net.clock), noise(net.clock, rates)]
    rule = fa.Plasticity("dW = 0.01 * s_pre * v_post")
    fa.Projection(net, "image", "h1", np.full((4, 2), 3.0))
    for group in groups:
        fa.Projection(net, group, "h1", W / 10, plasticity=rule, delay=3 * ms)
    fa.classification_task(net, 10, 2)
    net.stimulus.show_images(np.full((20, 4), 0.3), np.arange(20) % 2)
    return net, groups


def whole_state(net):
    return {name: array.copy() for name, array in (net.state() | net.parameters()).items()}


def assert_same(one, other):
    assert [name for name in one if not np.array_equal(one[name], other[name])] == []


def test_resumed_and_restored_to_the_bit(tmp_path):
    """In the middle of the generator's period, and without a word of Brian2's."""
    net, _ = everything()
    require_repeatable(net)
    net.run_steps(20)
    checkpoint.save(tmp_path / "c.h5", net, {})
    net.store()
    net.run_steps(24)
    expected = whole_state(net)
    other, _ = everything()
    checkpoint.load(tmp_path / "c.h5", other)
    with catch_logs() as logs:
        other.run_steps(24)
    assert not logs
    assert_same(expected, whole_state(other))
    net.restore()
    net.run_steps(24)
    assert_same(expected, whole_state(net))


def test_evaluations_start_anew_and_leave_no_trace():
    net, groups = everything()
    fresh = fa.summed_outputs(net, np.full((2, 4), 0.3), 10)
    net.run_steps(14)
    net.learns = False
    weights = {p.name: p.W.copy() for p in net.projections}
    other, _ = everything()
    other.run_steps(14)
    again = fa.summed_outputs(net, np.full((2, 4), 0.3), 10)
    with sandboxed(net, "recording"):
        net.run_steps(1)
        assert net["given_source"].view("s")[:, 0].tolist() == [1, 0, 0]  # the first spike of all
    assert not groups[0].active and all(np.array_equal(p.W, weights[p.name]) for p in net.projections)
    net.learns = True
    net.run_steps(14)
    other.run_steps(14)
    assert_same(whole_state(net), whole_state(other))
    assert fresh.any() and again.any()


def test_unseeded_draws_are_refused_in_a_run():
    net, groups = everything()
    groups[2].run_regularly("rates = rates * rand()")
    with pytest.raises(ArgumentError, match="'noise_run_regularly' draws random numbers that do not follow"):
        require_repeatable(net)


def with_threshold(clock, **options):
    options = {"threshold": "w > 1", "reset": "w = 0", "method": "euler", "clock": clock, "name": "cells", **options}
    return NeuronGroup(3, options.pop("model", "dw/dt = 1 / (10*ms) : 1"), **options)


BAD = [
    (
        lambda c: generator(brian2.Clock(dt=0.1 * ms)),
        "must have the network's dt, 1. ms, got 100. us; make it with clo",
    ),
    (lambda c: with_threshold(c, threshold=None, reset=None), "Source 'cells_source': 'cells' needs a threshold"),
    (
        lambda c: with_threshold(c, threshold="rand() < 0.1"),
        "'cells' draws random numbers that do not follow .* 'rand'",
    ),
    (lambda c: with_threshold(c, model="dw/dt = xi / ms**.5 : 1"), "'cells' draws random numbers .* 'xi'; state the"),
    (lambda c: generator(c, 10.5 * ms), "the period of 'given' must be a multiple of dt, 1. ms, got 10.5 ms"),
    (
        lambda c: SpikeGeneratorGroup(1, [0, 0], [1, 1.2] * ms, clock=c, name="twice"),
        "Source 'twice_source': 'twice' must not spike more than once in a step of 1. ms",
    ),
    (lambda c: noise(c, "rand() * 10*Hz"), "the rates of 'noise' must not draw random numbers, .*, got 'rand'"),
    (lambda c: brian2.PoissonInput(oscillators(c), "x", 1, 1 * Hz, 1), "pre must be one of the network's populations"),
    (lambda c: 3, r"pre must be one of the network's populations \['h1'\], got 3"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_what_cannot_be_a_source_is_refused_and_leaves_nothing(make, message):
    net = network(streams=2)
    before = set(net.objects)
    with pytest.raises(ArgumentError, match=message):
        fa.Projection(net, make(net.clock), "h1", W)
    assert net.objects == before


def test_sources_that_are_there_or_elsewhere():
    net = network(streams=2)
    group = oscillators(net.clock)
    fa.Projection(net, group, "h1", W)
    with pytest.raises(ArgumentError, match="Source of NeuronGroup 'oscillators': the network has this source already"):
        fa.Source(net, group)
    net.run_steps(1)
    with pytest.raises(ArgumentError, match="Source of NeuronGroup 'oscillators': must be of no other network"):
        fa.Projection(network(), group, "h1", W)
    with pytest.raises(ArgumentError, match="Source: group must be a PoissonGroup, SpikeGeneratorGroup or NeuronGroup"):
        fa.Source(net, net["h1"])
    with pytest.raises(ArgumentError, match="'given' must have units x streams neurons, a multiple of 2, got 3"):
        fa.Source(net, generator(net.clock), each="neuron")


def test_names_do_not_depend_on_what_the_process_has_made():
    names = set()
    for _ in range(2):
        net = network()
        kept = [SpikeGeneratorGroup(3, *SPIKES, clock=net.clock) for _ in range(2)]
        names.add(tuple(fa.Projection(net, group, "h1", W).name for group in kept))
        net.run_steps(1)
    assert names == {("spikegeneratorgroup_source_to_h1", "spikegeneratorgroup_source_1_to_h1")}


def test_dependent_projections_carry_sources():
    net = network(streams=2)
    group = generator(net.clock)
    fa.Projection(net, group, "h1", W, into="ge")
    fa.TiedProjection(net, group, "h1", "given_source_to_h1_ge", delay=2 * ms)
    current = StateMonitor(net["h1"], "I", record=True, when="end", codeobj_class=NumpyCodeObject)
    net.add(current)
    seen = np.concatenate([np.zeros((2, 3, 2)), outputs(net, "given_source", 12)])[:12]
    got = current.I.T.reshape(12, 2, 2)
    assert got.any()
    np.testing.assert_allclose(got, np.einsum("ij,tik->tjk", W, seen), rtol=0, atol=1e-15)


def test_stated_again_for_stock_synapses(digits):
    net = fa.Network(streams=1, dtype="float64", target="numpy", seed=3)
    fa.Input(net, "image", 64)
    fa.Layer(net, "h1", 10, LIF, threshold="v > 0.4", reset="v = 0")
    rule = fa.Plasticity("dW = 0.01 * s_pre * (0.3 - v_post)")
    fa.Projection(net, "image", "h1", fa.uniform(0.3), plasticity=rule)
    weights = np.random.default_rng(0).normal(size=(3, 10))
    groups = generator(net.clock), noise(net.clock, "i * 100*Hz"), oscillators(net.clock)
    fa.Projection(net, groups[0], "h1", weights, plasticity=rule)
    fa.Projection(net, groups[1], "h1", weights, plasticity=rule, delay=2 * ms)
    fa.classification_task(net, 7, 10)
    compare(net, digits)
    with pytest.raises(ArgumentError, match="Brian2Reference: Projection 'image_0_3->h1' must be from a whole popul"):
        fa.Projection(net, net["image"][:3], "h1", weights)
        fa.Brian2Reference(net)
