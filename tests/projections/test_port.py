"""Ports: what projections write, what arrives where several do, and what else may write there."""

import numpy as np
import pytest
from brian2 import BrianLogger, Hz, NetworkOperation, NeuronGroup, PoissonInput, StateMonitor, Synapses, ms
from brian2 import Network as StockNetwork
from test_brian2_reference import compare

import spikefa as fa
from spikefa.errors import ArgumentError, SpikefaError

BrianLogger.suppress_hierarchy("brian2.synapses")

UNITS = "I : 1\nge : 1\ny : 1"


def network(streams=2, units=UNITS, **options):
    """Populations `a` and `b` with outputs that stay, and `c`, which receives."""
    net = fa.Network(streams=streams, seed=0, dtype="float64", target="numpy", **options)
    for name, n in (("a", 3), ("b", 4), ("c", 2)):
        fa.Population(net, name, n, units, output="y", threshold=None)
        net[name].view("y")[...] = np.random.default_rng(n).normal(size=(n, streams))
    return net


def product(projection):
    return projection.W.T @ projection.pre.view("y") + projection.b[:, None]


KINDS = {
    "plain": lambda net: fa.Projection(net, "a", "c", fa.uniform(1), bias=[0.5, 0.25]),
    "tied": lambda net: fa.TiedProjection(
        net, "a", "c", fa.Projection(net, "a", "c", fa.uniform(1), into="ge"), name="t"
    ),
    "derived": lambda net: fa.DerivedProjection(
        net, "a", "c", fa.Projection(net, "a", "c", fa.uniform(1), into="ge"), lambda W: 2 * W, name="t"
    ),
    "shuffled": lambda net: fa.ShuffledProjection(net, "a", "c", fa.uniform(1)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("streams", [1, 3, 40])
def test_an_inactive_projection_brings_no_current(kind, streams):
    """Alone or as the first of two, from the start or between runs."""
    net = network(streams)
    first = KINDS[kind](net)
    net.run_steps(1)
    assert net["c"].view("I").all()
    first.active = False
    net.run_steps(1)
    assert not net["c"].view("I").any()
    second = fa.Projection(net, "b", "c", fa.uniform(1))
    for _ in range(2):
        net.run_steps(1)
        np.testing.assert_allclose(net["c"].view("I"), product(second), rtol=0, atol=1e-12)
    first.active, second.active = True, False
    net.run_steps(1)
    alone = net["c"].view("I").copy()
    assert alone.all()
    second.active = True
    net.run_steps(2)
    if kind != "shuffled":  # whose order is another in every step
        np.testing.assert_allclose(net["c"].view("I"), alone + product(second), rtol=0, atol=1e-12)


def test_an_inactive_projection_goes_on_learning():
    """Unless its learning is switched off, too."""
    net = network()
    projection = fa.Projection(net, "a", "c", np.ones((3, 2)), plasticity=fa.Plasticity("dW = y_pre * y_post"))
    projection.active = False
    net.run_steps(1)
    change = net["a"].view("y") @ net["c"].view("y").T
    np.testing.assert_allclose(projection.W, 1 + change, rtol=0, atol=1e-12)
    projection.learning.active = False
    net.run_steps(1)
    np.testing.assert_allclose(projection.W, 1 + change, rtol=0, atol=1e-12)


def test_each_port_is_overwritten_by_its_own_projections():
    net = network()
    projections = [
        fa.Projection(net, "a", "c", fa.uniform(1), bias=[1, 2]),
        fa.Projection(net, "a", "c", fa.uniform(1), into="ge"),
        fa.Projection(net, "b", "c", fa.uniform(1), into="ge", bias=[3, 4]),
        fa.Projection(net, "a", "c", fa.uniform(1), name="a_to_c_again"),
    ]
    assert [p.name for p in projections] == ["a_to_c", "a_to_c_ge", "b_to_c_ge", "a_to_c_again"]
    assert not np.array_equal(projections[0].W, projections[3].W)  # drawn by the name
    for _ in range(2):
        net.run_steps(1)
        for port, those in (("I", (0, 3)), ("ge", (1, 2))):
            expected = sum(product(projections[number]) for number in those)
            np.testing.assert_allclose(net["c"].view(port), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"into": "gx"},
            r"Projection 'a->c.gx': into must be a state variable of 'c', which has \['I', 'ge', 'y'\], got",
        ),
        ({"into": 3}, "Projection: into must be a name of letters, digits and _ .*, got 3"),
        ({"into": "n"}, "Projection 'a->c.n': the port 'n' of 'c' must be a state variable of type float64, .* int32"),
        ({"into": "p"}, "Projection 'a->c.p': into must be a state variable of 'c', .* got 'p'"),
        ({"into": "k"}, "Projection 'a->c.k': the port 'k' of 'c' must be variable, got a constant"),
        ({"name": "two words"}, "Projection 'a->c': name must be a name of letters, digits and _ .*, got 'two words'"),
        ({"name": "é"}, "Projection 'a->c': name must be a name of letters"),
        ({"name": ""}, "Projection 'a->c': name must be a name of letters"),
        ({"name": 3}, "Projection 'a->c': name must be a name of letters"),
        ({"name": "b"}, "Projection 'a->c': the network already has an object called 'b'"),
    ],
)
def test_bad_ports_and_names_are_refused(options, message):
    net = network(units=UNITS + "\nn : integer\np = 2 * I : 1\nk : 1 (constant)")
    with pytest.raises(ArgumentError, match=message):
        fa.Projection(net, "a", "c", fa.uniform(1), **options)
    assert not net.projections and not net.parts("port")
    net.run_steps(1)


def test_a_second_projection_to_a_port_needs_a_name():
    net = network()
    fa.Projection(net, "a", "c", 1.0 * np.ones((3, 2)))
    with pytest.raises(ArgumentError, match="already has an object called 'a_to_c'; give this one another by name="):
        fa.Projection(net, "a", "c", fa.uniform(1))


SYNAPSE = """
dv/dt = (g - v) / (10*ms) : 1 (unless refractory)
dg/dt = -g / (5*ms) : 1
y : 1
"""
SOURCE = "dv/dt = (1.2 + 0.1*i - v) / (7*ms) : 1\ny : 1"


@pytest.mark.parametrize("port", ["g", "v"])
@pytest.mark.parametrize("method", ["euler", "exact"])
def test_a_port_with_an_equation_is_brian2s_synapse(port, method):
    """To the bit: a chain and a recurrent projection, thresholds, resets and refractory periods; in every stream."""
    weights, recurrent = np.array([[0.9, 2.3], [1.7, 0.0], [0.4, 3.1]]), np.array([[0.0, 0.7], [1.3, 0.0]])
    fires = dict(threshold="v > 1", reset="v = 0", method=method)
    slow = dict(fires, refractory=3 * ms)

    first = NeuronGroup(3, SOURCE, **fires)
    second = NeuronGroup(2, SYNAPSE, **slow)
    parts = []
    for pre, post, W in ((first, second, weights), (second, second, recurrent)):
        synapses = Synapses(pre, post, "w : 1", on_pre=f"{port}_post += w")
        synapses.connect()
        synapses.w = W[synapses.i[:], synapses.j[:]]
        parts.append(synapses)
    stock = [StateMonitor(second, ["v", "g"], record=True, when="end")]
    for obj in (first, second, *parts):
        obj.clock.dt = 0.1 * ms
    StockNetwork(first, second, *parts, *stock).run(60 * ms)

    net = fa.Network(streams=2, dt=0.1 * ms, dtype="float64", target="numpy")
    fires["output"] = slow["output"] = "y"
    fa.Population(net, "a", 3, SOURCE.replace("*i", "*(i // 2)"), **fires)
    fa.Population(net, "b", 2, SYNAPSE, **slow)
    fa.Projection(net, "a", "b", weights, into=port)
    fa.Projection(net, "b", "b", recurrent, into=port)
    ours = StateMonitor(net["b"], ["v", "g"], record=True, when="end")
    net.add(ours)
    net.run(60 * ms)
    for name in ("v", "g"):
        got, expected = getattr(ours, name), getattr(stock[0], name)
        assert np.ptp(expected) > 0 or (name, port) == ("g", "v")
        for stream in range(2):
            np.testing.assert_array_equal(got[stream::2], expected)
    assert (np.diff(stock[0].v) < -0.5).any()  # it spiked


def spiking(eta=0.0, more="", **options):
    net = fa.Network(seed=0, target="numpy", dtype="float64", **options)
    fa.Input(net, "image", 4)
    layer = "dv/dt = (I - v) / (2*ms) : 1\nI : 1\ns : 1\n" + more
    fa.Layer(net, "h", 3, layer, emit="s = int(rand() < 1 / (1 + exp(-v)))")
    rule = fa.Plasticity("dW = eta * s_pre * s_post", {"eta": eta}) if eta else None
    fa.Projection(net, "image", "h", fa.uniform(0.5), plasticity=rule)
    net["image"].view("x")[...] = 0.5
    return net


def potentials(part, run=lambda net: net.run_steps(8), **options):
    net = spiking(**options)
    if part is not None:
        net.add(part(net))
    monitor = StateMonitor(net["h"], "v", record=True, when="end", clock=net.clock)
    net.add(monitor)
    run(net)
    return np.array(monitor.v)


def synapses(code, **options):
    def make(net):
        made = Synapses(net["image"], net["h"], "w : 1", on_pre=code, clock=net.clock, **options)
        made.connect()
        made.w = 5
        return made

    return make


ADDED = {
    "Poisson input": lambda net: PoissonInput(net["h"], "I", 100, 100 * Hz, 50),
    "Poisson input of some units": lambda net: PoissonInput(net["h"][1:], "I", 100, 100 * Hz, 50),
    "synapses": synapses("I_post += w"),
    "synapses, spelt out": synapses("I_post = I_post + w"),
    "synapses of several statements": synapses("w += 1; I_post += w"),
    "synapses with a delay": synapses("I_post += w", delay=2 * ms),
    "a repeated statement": lambda net: net["h"].run_regularly("I += 5"),
    "a repeated statement, seldom": lambda net: net["h"].run_regularly("I += 5", dt=3 * ms),
}


@pytest.mark.parametrize("name", ADDED)
def test_what_brian2_adds_to_a_current_is_felt(name):
    assert not np.array_equal(potentials(ADDED[name]), potentials(None))


def test_what_brian2_adds_to_a_current_is_added_once_to_what_arrives():
    """A statement of the population's own that does the same gives the same potentials."""
    net = spiking(more="extra : 1")
    net["h"].run_regularly("I += 5")
    net.run_steps(3)
    np.testing.assert_array_equal(net["h"].view("I"), product_of(net) + 5)


def product_of(net):
    return net["image_to_h"].W.T @ net["image"].view("s")


def test_a_postsynaptic_pathway_that_adds_is_felt():
    def after_own_spikes(net):
        made = Synapses(net["h"], net["h"], on_post="I_post -= 5", clock=net.clock)
        made.connect(j="i")
        return made

    assert not np.array_equal(potentials(after_own_spikes), potentials(None))


def summed(net):
    made = Synapses(net["image"], net["h"], "I_post = 5 * x_pre : 1 (summed)", clock=net.clock)
    made.connect()
    return made


OVERWRITTEN = {
    "a summed variable": (summed, r"must add to 'I', which the projection 'image_to_h' writes in every step, or write"),
    "synapses that set": (synapses("I_post = w"), "must add to 'I', .* got 'I_post = w'"),
    "a statement that sets": (lambda net: net["h"].run_regularly("I = 5"), "must add to 'I', .* got 'I = 5'"),
    "another clock": (
        lambda net: net["h"].run_regularly("I += 5", dt=0.1 * ms),
        "must have the network's dt, 1. ms, to add to 'I', got 100. us",
    ),
}


@pytest.mark.parametrize("name", OVERWRITTEN)
def test_what_would_overwrite_a_current_is_refused(name):
    part, message = OVERWRITTEN[name]
    with pytest.raises(ArgumentError, match=f"^Layer 'h': '.*' {message}"):
        potentials(part)


def test_what_writes_a_variable_of_its_own_or_in_time_is_left_alone():
    for part in (
        lambda net: PoissonInput(net["h"], "extra", 100, 100 * Hz, 50),
        synapses("v_post += w"),
        lambda net: net["h"].run_regularly("I = 5", when="forward", order=net["h"].place + 2),
    ):
        net = spiking(more="extra : 1")
        made = part(net)
        net.add(made)
        before = {obj.name: (obj.when, obj.order) for obj in net.sorted_objects}
        net.run_steps(2)
        assert before == {obj.name: (obj.when, obj.order) for obj in net.sorted_objects}


def test_the_reference_has_ports_too(digits):
    """Plain and integrated ones, two projections to each, one of them inactive."""
    net = fa.Network(dtype="float64", seed=1)
    fa.Input(net, "image", 64)
    layer = "dv/dt = (I + g - v) / (5*ms) : 1\nI : 1\ndg/dt = -g / (3*ms) : 1\ns : 1"
    units = "dv/dt = (g / (nA/mV) - v) / (5*ms) : volt\nI : 1\ndg/dt = -g / (3*ms) : amp\nlow : amp\ns : 1"
    fa.Layer(net, "side", 6, units, threshold="v > 1*mV", reset="v = 0*mV")
    for port in ("g", "low"):
        fa.Projection(net, "image", "side", fa.uniform(1e-9), bias=np.full(6, 1e-9), into=port)
    for name, units in (("h1", 25), ("output", 20)):
        fa.Layer(net, name, units, layer, threshold="v > 1", reset="v = 0", refractory=2 * ms)
    fa.feedback_alignment(
        net,
        error="du/dt = (layer_s - target - u) / (2*ms) : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / (2*ms) : 1\nJ : 1\ndelta : 1",
        B=fa.uniform(0.5),
    )
    rule = fa.Plasticity("dW = -eta * delta_post * s_pre", {"eta": 0.02})
    fa.Projection(net, "image", "h1", fa.uniform(0.5), bias=np.full(25, 0.5), plasticity=rule).active = False
    fa.Projection(net, "image", "h1", fa.uniform(0.5), bias=np.full(25, 0.5), plasticity=rule, name="more")
    fa.Projection(net, "image", "h1", fa.uniform(0.1), into="g", plasticity=rule)
    fa.Projection(net, "h1", "h1", fa.uniform(0.1), into="g")
    fa.Projection(net, "h1", "output", fa.uniform(2.0), bias=np.full(20, 0.6), plasticity=rule)
    fa.classification_task(net, 7, 10)
    compare(net, digits)
    assert not np.array_equal(net["h1_to_output"].W, 0)


@pytest.mark.parametrize(
    ("statements", "into"), [({"emit": "s = int(v > 1)\nx = v"}, "x"), ({"receive": "x = 1"}, "x")]
)
def test_a_port_that_statements_overwrite_is_refused(statements, into):
    net = fa.Network(target="numpy")
    fa.Input(net, "image", 2)
    options = {"emit": "s = int(v > 1)"} | statements
    fa.Layer(net, "h", 3, "dv/dt = (I - v) / (5*ms) : 1\nI : 1\nx : 1\ns : 1", **options)
    message = "'image->h.x': into must be a variable that emit and receive do not overwrite, got 'x'"
    with pytest.raises(ArgumentError, match=message):
        fa.Projection(net, "image", "h", np.ones((2, 3)), into=into)


def with_operation(change, **options):
    """A network with an operation that changes the layer, and the values that the layer receives in a step."""
    net = fa.Network(streams=2, target="numpy")
    fa.Input(net, "image", 2, emit="s = 1")
    layer = fa.Layer(net, "h", 3, "dv/dt = (I - v) / (5*ms) : 1\nI : 1\ns : 1", emit="s = v")
    fa.Projection(net, "image", "h", np.ones((2, 3)))
    options = {name: value(layer) for name, value in options.items()}
    net.add(NetworkOperation(lambda: change(layer), clock=net.clock, **options))
    return net, layer


@pytest.mark.parametrize("when", ["start", "end"])
def test_an_operation_whose_current_would_be_overwritten_is_refused(when):
    def add(layer):
        layer.I += 5

    net, _ = with_operation(add, when=lambda layer: when)
    with pytest.raises(
        SpikefaError, match=r"Layer 'h': 'I' must not be changed by an operation before the projections"
    ):
        net.run_steps(3)


def test_an_operation_adds_in_its_place_and_reads_anywhere():
    def add(layer):
        layer.I += 5

    net, layer = with_operation(add, when=lambda layer: layer.slot, order=lambda layer: layer.place + 1)
    net.add(NetworkOperation(lambda: layer.I[:], clock=net.clock))
    net.run_steps(3)
    assert np.array_equal(layer.I, np.full(6, 7.0))
    layer.I = 3  # between two runs, as anybody may
    net.run_steps(3)
    assert np.array_equal(layer.I, np.full(6, 7.0))
