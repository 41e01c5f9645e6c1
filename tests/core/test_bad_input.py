"""Mistakes in equations, networks, parts and images: one sentence that names whose they are and the mistake."""

import numpy as np
import pytest
from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, ms, mV
from brian2.core.base import BrianObjectException

import spikefa as fa
from spikefa.errors import ArgumentError, EquationError

LAYER = "dv/dt = (I - v) / tau : 1\nI : 1\ns : 1"


def build(equations=LAYER, emit="s = int(rand() < v)", **options):
    net = fa.Network(streams=2, seed=0)
    fa.Layer(net, "h1", 3, equations, emit=emit, namespace={"tau": net.clock.dt / 0.9}, **options)
    return net


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"equations": LAYER.replace("- v", "- w")}, "Layer 'h1': The identifier \"w\" could not be resolved."),
        ({"equations": LAYER + "\nq = r : 1"}, "Layer 'h1': The identifier \"r\" could not be resolved."),
        (
            {"equations": LAYER.replace(" / tau", "")},
            "Layer 'h1': Inconsistent units in differential equation defining "
            "variable 'v': Expression '(I - v)' does not have the expected unit hertz (unit is 1).",
        ),
        ({"equations": LAYER.replace("tau", "tau)")}, "Layer 'h1': unmatched ')' in '(I - v) / tau)'"),
        ({"equations": LAYER.replace("v)", "* v)")}, "Layer 'h1': invalid syntax"),
        ({"equations": "dv/dt = (I - v) / tau\ns : 1"}, "Layer 'h1': invalid syntax in '(I - v) / tau s'"),
        ({"emit": "s = int(rand() < q)"}, "Layer 'h1', emit: The identifier \"q\" could not be resolved."),
        ({"emit": "s = tanhh(v)"}, "Layer 'h1', emit: The identifier \"tanhh\" could not be resolved."),
        ({"emit": "s = t"}, "Layer 'h1', emit: "),
        ({"emit": "s = 1\nv"}, "Layer 'h1', emit: Parsing the statement failed: v ^"),
        ({"method": "eulr"}, "Layer 'h1', stateupdater: No state updater with the name"),
        ({"emit": "", "threshold": "v + 1"}, "Layer 'h1', spike_thresholder: Threshold condition 'v + 1' is not a"),
        ({"receive": "I = I + k"}, "Layer 'h1', receive: The identifier \"k\" could not be resolved."),
        ({"emit": "", "threshold": "v > theta"}, "Layer 'h1', spike_thresholder: The identifier \"theta\""),
        ({"emit": "", "threshold": "v > 1", "reset": "v = u"}, "Layer 'h1', spike_resetter: The identifier \"u\""),
    ],
)
def test_equations_that_cannot_run(change, message):
    with pytest.raises(EquationError) as refused:
        build(**change).run_steps(1)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emit": "S = int(rand() < v)"}, "Layer 'h1': emit must assign the output 's', got 'S = int(rand() < v)'"),
        ({"emit": "x = 1; S = 2"}, "Layer 'h1': emit must assign the output 's'"),
        ({"refractory": 3 * ms}, "Layer 'h1': with refractory, emit must heed it, as in 's = int(rand() < p and not_"),
    ],
)
def test_an_output_that_emit_forgets(change, message):
    with pytest.raises(ArgumentError) as refused:
        build(**change)
    assert str(refused.value).startswith(message)


def test_refractory_units_are_silent_for_projections_too():
    net = build(emit="s = int(rand() < 0.5 and not_refractory)", refractory=3 * ms)
    monitor = SpikeMonitor(net["h1"])
    net.add(monitor)
    sums = fa.Projection(net, "h1", fa.Layer(net, "sum", 1, "I : 1\ns : 1", emit="s = s"), np.ones((3, 1)))
    received = 0
    for _ in range(40):
        net.run_steps(1)
        received += sums.post.view("I").sum()
    assert received == monitor.num_spikes > 0


@pytest.mark.parametrize(
    ("equations", "options", "got"),
    [
        (LAYER.replace("s : 1", "s : integer"), {}, "the output 's' of 'h1' must be .*, got one of type int32"),
        (LAYER.replace("s : 1", "s : boolean"), {}, "the output 's' .*, got one of type bool"),
        (LAYER.replace("s : 1", "s : 1 (shared)"), {}, "the output 's' .*, got a shared variable"),
        (LAYER + "\np = v + 1 : 1", {"output": "p"}, "the output 'p' .*, got a subexpression"),
        (LAYER + "\nJ : integer", {"current": "J"}, "the current 'J' of 'h1' must be .*, got one of type int32"),
    ],
)
def test_what_kernels_cannot_read(equations, options, got):
    net = build(equations, **options)
    fa.Layer(net, "h2", 2, LAYER, emit="s = 0", namespace={"tau": net.clock.dt})
    pair = ("h2", "h1") if "current" in options else ("h1", "h2")
    with pytest.raises(ArgumentError, match=f"Projection '{pair[0]}->{pair[1]}': {got}"):
        fa.Projection(net, *pair, fa.uniform(0.1))


def test_what_is_not_of_the_equations_stays_what_it_is():
    net = build()
    net.run_steps(1)  # the untouched equations run
    monitor = StateMonitor(net["h1"], "v", record=[0])
    net.add(monitor)

    def before_run(namespace):
        raise RuntimeError("not the equations")

    monitor.before_run = before_run
    with pytest.raises(BrianObjectException):
        net.run_steps(1)


def test_a_unit_that_is_not_the_equations():
    net = fa.Network(streams=1, seed=0)
    fa.Layer(net, "h1", 1, LAYER, emit="s = v / E", namespace={"tau": net.clock.dt, "E": 3 * mV})
    with pytest.raises(EquationError, match="Layer 'h1', emit: .*\"s = v / E\" does not have the expected unit 1"):
        net.run_steps(1)


PLAIN = "dv/dt = (I - v) / (1*ms) : 1\nI : 1\ns : 1"


def valid(**changes):
    arguments = {"streams": 1, "seed": 0, "dtype": "float32", "target": "numba"} | changes
    return fa.Network(**arguments)


BAD_NETWORKS = [
    ({"streams": 0}, r"streams must be a positive whole number, got 0"),
    ({"streams": 2.5}, r"streams must be a positive whole number, got 2.5"),
    ({"seed": -1}, r"seed must be a whole number from 0 to 2\*\*32 - 1, got -1"),
    ({"dtype": "float16"}, r"dtype must be one of 'float32', 'float64', got 'float16'"),
    ({"dt": 0 * ms}, r"dt must be a time above 0, such as 1\*ms, got 0. . second"),
    ({"target": "fortran"}, r"target must be one of 'cython', 'numba', 'numpy', got 'fortran'"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_NETWORKS)
def test_bad_networks_are_refused(changes, message):
    with pytest.raises(ArgumentError, match=message):
        valid(**changes)


def build_with(what):
    net = valid()
    fa.Input(net, "image", 4)
    fa.Layer(net, "h", 3, PLAIN, emit="s = int(rand() < 0.5)")
    what(net)
    return net


BAD_PARTS = [
    (lambda n: fa.Layer(n, "x", 0, PLAIN), r"Layer 'x': units must be a positive whole number, got 0"),
    (lambda n: fa.Layer(n, "h", 3, PLAIN), r"Layer 'h': the network already has an object called 'h'"),
    (
        lambda n: fa.Layer(n, "x", 3, "v : 1"),
        r"Layer 'x': the equations must have the output 's'; they have \['v'\]",
    ),
    (lambda n: fa.Layer(n, "x", 3, PLAIN, threshold=None), r"needs emit or a threshold"),
    (
        lambda n: fa.Layer(n, "x", 3, PLAIN, emit="s = 1", threshold=None, reset="v = 0"),
        r"Layer 'x': reset and refractory need a threshold, got None",
    ),
    (lambda n: fa.Input(n, "y", 3), r"has the input 'image' already, got 'y'"),
    (
        lambda n: fa.Projection(n, "image", "h", np.zeros((3, 4))),
        r"Projection 'image->h': weights must be \(4, 3\), got \(3, 4\)",
    ),
    (
        lambda n: fa.Projection(n, "image", "h", np.full((4, 3), np.nan)),
        r"Projection 'image->h': weights must be finite, got 12 that are not",
    ),
    (
        lambda n: fa.Projection(n, "image", "h", np.zeros((4, 3)), bias=np.zeros(4)),
        r"Projection 'image->h': bias must be \(3,\), got \(4,\)",
    ),
    (lambda n: fa.Projection(n, "image", "h", np.full((4, 3), "a")), r"weights must be numbers, got <U1"),
    (lambda n: fa.uniform(-0.1), r"uniform: limit must be finite and at least 0, got -0.1"),
    (lambda n: fa.Projection(n, "h", "image", 0), r"the equations of 'image' must have the parameter 'I', which"),
    (
        lambda n: fa.Projection(n, NeuronGroup(4, "s : 1", name="stock"), "h", fa.uniform(0.1)),
        r"Projection: pre must be one of the network's populations \['image', 'h'\], got NeuronGroup 'stock'",
    ),
    (
        lambda n: fa.Projection(n, "image", "h7", fa.uniform(0.1)),
        r"Projection: post must be one of the network's populations \['image', 'h'\], got 'h7'",
    ),
    (
        lambda n: fa.Projection(fa.Network(streams=3), n["image"], n["h"], fa.uniform(0.1)),
        r"Projection: pre must be one of the network's populations \[\], got Input 'image'",
    ),
    (lambda n: n.run_steps(2.5), r"Network: steps must be a whole number, at least 0, got 2.5"),
    (lambda n: n.run_steps(-1), r"Network: steps must be a whole number, at least 0, got -1"),
    (lambda n: fa.classification_task(n, 0, 3), r"steps per image must be a positive whole number, got 0"),
    (
        lambda n: fa.classification_task(n, 5, 2),
        r"layer 'h' must have equal groups of units for 2 classes, got 3 units",
    ),
    (
        lambda n: fa.FeedbackPopulation(n, "f", "h", "u = layer_q : 1\ndelta : 1"),
        r"'layer_q' needs a variable 'q' of layer 'h', which has \['I', 'N'",
    ),
    (
        lambda n: fa.ErrorPopulation(n, "e", "h", "u : 1\ndelta : 1"),
        r"ErrorPopulation 'e': the equations must have the parameter 'target'",
    ),
]


@pytest.mark.parametrize(("what", "message"), BAD_PARTS)
def test_bad_parts_are_refused(what, message):
    with pytest.raises(ArgumentError, match=message):
        build_with(what)


BAD_IMAGES = [
    (np.zeros((4, 63)), None, r"images must be \(n, 64\) for input 'image', got \(4, 63\)"),
    (np.full((4, 64), np.nan), None, r"pixels must be in \[0, 1\], got nan at image 0, pixel 0"),
    (np.full((4, 64), 1.5), None, r"pixels must be in \[0, 1\], got 1.5"),
    (np.zeros((4, 64), int), None, r"images must be uint8 or floats in \[0, 1\], got int64"),
    (np.zeros((5, 64)), None, r"must be a multiple of 2 streams, got 5"),
    (np.zeros((4, 64)), np.array([0, 1, 2]), r"labels must be \(4,\), got \(3,\)"),
    (np.zeros((4, 64)), np.array([0, 1, 10, 2]), r"labels must be 0 to 9, got 10 at image 2"),
]


@pytest.mark.parametrize(("images", "labels", "message"), BAD_IMAGES)
def test_bad_images_are_refused(small, images, labels, message):
    with pytest.raises(ArgumentError, match=message):
        small(2).stimulus.show_images(images, labels)


@pytest.mark.parametrize("rule", ["dW = v_pre", fa.Plasticity("dW = trace_pre"), fa.Plasticity("dW = b")])
def test_a_projection_that_is_refused_leaves_the_network_as_it_was(rule):
    net = build_with(lambda n: None)
    with pytest.raises(ArgumentError, match="Projection 'image->h'"):
        fa.Projection(net, "image", "h", fa.uniform(0.1), plasticity=rule)
    assert not net.projections
    fa.Projection(net, "image", "h", fa.uniform(0.1), plasticity=fa.Plasticity("dW = v_post"))
    net.run_steps(1)
