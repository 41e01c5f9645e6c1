"""What is tested is what was trained: evaluations run the whole network, from its initial state, without a trace."""

import brian2
import numpy as np
import pytest
from brian2 import (
    BrianLogger,
    Hz,
    NetworkOperation,
    NeuronGroup,
    PoissonInput,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    TimedArray,
    ms,
)

import spikefa as fa
from spikefa.diagnostics import evaluation
from spikefa.errors import ArgumentError

IMAGES = np.ones((4, 6), "f4")
LIF = "dv/dt = (I - v) / (20*ms) : 1\nI : 1\ns : 1"


@pytest.fixture(autouse=True)
def few_words():
    BrianLogger.suppress_hierarchy("brian2.synapses")


def network(streams=4, equations=LIF, target="numpy", **options):
    """Six inputs that always spike and four output units in two classes."""
    net = fa.Network(streams=streams, target=target)
    fa.Input(net, "image", 6, emit="s = x")
    options = {"emit": "s = int(v > 1)", **options}
    fa.Layer(net, "out", 4, equations, **options)
    fa.Projection(net, "image", "out", np.full((6, 4), 1.0))
    fa.classification_task(net, 20, 2)
    return net


def spikes_in_a_run(net):
    """Return the spikes of each class, (images, classes), in a run of the same images."""
    monitor = SpikeMonitor(net["out"])
    net.add(monitor)
    net.stimulus.show_images(IMAGES)
    net.run_steps(20)
    return monitor.count[:].reshape(2, 2, 4).sum(axis=1).T


def nothing(net):
    pass


def lateral_inhibition(net, delay=0 * ms):
    synapses = Synapses(net["out"], net["out"], on_pre="v_post -= 0.3", delay=delay, dt=1 * ms)
    synapses.connect(condition="i != j")
    net.add(synapses)


def delayed_inhibition(net):
    lateral_inhibition(net, 3 * ms)


def short_term_depression(net):
    synapses = Synapses(net["out"], net["out"], "x : 1", on_pre="v_post -= 0.3 * x\nx *= 0.7", dt=1 * ms)
    synapses.connect(condition="i != j")
    synapses.x = 1
    net.add(synapses)


def leak(net):
    net["out"].run_regularly("v = 0.8 * v", when="groups")


def slow_leak(net):
    net["out"].run_regularly("v = 0.5 * v", dt=3 * ms, when="end")


def operation(net):
    net.add(NetworkOperation(lambda: net["out"].view("v").__imul__(0.9), clock=net.clock))


def loop_through_a_neuron_group(net):
    cells = NeuronGroup(3, "dw/dt = -w / (5*ms) : 1", threshold="w > 1", reset="w = 0", clock=net.clock, name="cells")
    there = Synapses(net["out"], cells, on_pre="w_post += 0.4", dt=1 * ms, name="there")
    back = Synapses(cells, net["out"], on_pre="v_post -= 0.4", dt=1 * ms, name="back")
    there.connect()
    back.connect()
    net.add(cells, there, back)


def loop_through_a_population(net):
    fa.Population(net, "inhibitory", 2, "J : 1\ns : 1", emit="s = J > 0", current="J", slot="feedback")
    fa.Projection(net, "out", "inhibitory", np.ones((4, 2)))
    fa.Projection(net, "inhibitory", "out", np.full((2, 4), -3.0))


def spikes_given(net):
    given = SpikeGeneratorGroup(2, [0, 1, 0], [2, 3, 9] * ms, clock=net.clock)
    synapses = Synapses(given, net["out"], on_pre="v_post -= 0.4", dt=1 * ms)
    synapses.connect()
    net.add(given, synapses)


def background(net):
    net.add(PoissonInput(net["out"], "v", 20, 50 * Hz, 0.2))


PARTS = [
    nothing,
    lateral_inhibition,
    delayed_inhibition,
    short_term_depression,
    leak,
    slow_leak,
    operation,
    loop_through_a_neuron_group,
    loop_through_a_population,
    spikes_given,
    background,
]


@pytest.mark.parametrize("add", PARTS, ids=lambda add: add.__name__)
def test_all_that_is_in_the_network_takes_part(add):
    net = network()
    add(net)
    brian2.seed(1)
    tested = evaluation.summed_outputs(net, IMAGES, 20)
    ran = spikes_in_a_run(net)
    assert np.array_equal(tested, ran) and tested.any()
    if add not in (nothing, slow_leak):
        assert not np.array_equal(tested, evaluation.summed_outputs(network(), IMAGES, 20))
    brian2.seed(1)  # also after a run, from the initial state
    again = evaluation.summed_outputs(net, IMAGES, 20)
    assert np.array_equal(again, tested) or add is short_term_depression  # synapses start as they are


@pytest.mark.parametrize("add", PARTS, ids=lambda add: add.__name__)
def test_an_evaluation_leaves_no_trace(add):
    ends = []
    for evaluated in (False, True):
        brian2.seed(1)
        net = network()
        add(net)
        net.stimulus.show_images(np.concatenate([IMAGES] * 3))
        net.run_steps(27)
        if evaluated:
            evaluation.summed_outputs(net, IMAGES, 5)
        net.run_steps(33)
        ends.append([array.copy() for array in net.state().values()])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "options",
    [
        {"emit": "", "threshold": "v > 1", "reset": "v = 0"},
        {"reset": "v = 0", "threshold": "v > 1"},
        {"emit": "s = int(v > 1 and not_refractory)", "refractory": 3 * ms},
        {"equations": LIF + "\nwaves = pulses(t) : 1", "emit": "s = int(v * waves > 1)"},
    ],
    ids=["threshold", "emit and reset", "emit and refractory", "timed array"],
)
@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_resets_refractoriness_and_time_count(options, target):
    space = {"pulses": TimedArray([0, 2, 0, 1], dt=2 * ms)}
    net = network(target=target, namespace=space, **options)
    assert np.array_equal(evaluation.summed_outputs(net, IMAGES, 20), spikes_in_a_run(net))
    again = evaluation.summed_outputs(net, IMAGES, 20)
    assert again.any() and np.array_equal(again, spikes_in_a_run(network(target=target, namespace=space, **options)))


def test_parameters_have_their_present_values_and_state_its_first():
    net = network(equations=LIF + "\nalive : 1\ngain : 1", emit="s = int(v > 1) * alive")
    net["out"].alive = 1
    intact = evaluation.summed_outputs(net, IMAGES, 20)
    net["out"].alive = 0
    assert not evaluation.summed_outputs(net, IMAGES, 20).any()
    net["out"].alive = 1
    net["out"].v = 0.5  # before the first run: an initial value
    sooner = evaluation.summed_outputs(net, IMAGES, 20)
    assert np.array_equal(sooner, spikes_in_a_run(net))
    net["out"].v = -3  # afterwards: the state of the moment
    assert np.array_equal(evaluation.summed_outputs(net, IMAGES, 20), sooner)
    assert (net["out"].view("v") == -3).all()
    net["out"].alive = 0
    assert not evaluation.summed_outputs(net, IMAGES, 20).any() and intact.any()


def test_an_inactive_part_stays_inactive():
    net = network()
    lateral_inhibition(net)
    inhibited = evaluation.summed_outputs(net, IMAGES, 20)
    next(obj for obj in net.objects if isinstance(obj, Synapses)).active = False
    assert np.array_equal(evaluation.summed_outputs(net, IMAGES, 20), evaluation.summed_outputs(network(), IMAGES, 20))
    assert not np.array_equal(inhibited, evaluation.summed_outputs(net, IMAGES, 20))


def test_values_for_evaluations_and_kept_states_are_named():
    adapting = LIF + "\ntheta : 1\ndrop : 1 (shared)"
    net = network(equations=adapting, emit="s = int(v > 1 + theta) * int(drop == 0)", reset="theta += 0.1")
    net["out"].drop = 1
    assert not evaluation.summed_outputs(net, IMAGES, 20).any()
    net["out"].set_in_evaluations(drop=0)
    fresh = evaluation.summed_outputs(net, IMAGES, 20)
    assert fresh.any() and net["out"].drop == 1
    net["out"].drop = 0
    spikes_in_a_run(net)
    theta = net["out"].view("theta").copy()
    assert theta.all() and np.array_equal(evaluation.summed_outputs(net, IMAGES, 20), fresh)
    net["out"].keep_in_evaluations("theta")
    assert evaluation.summed_outputs(net, IMAGES, 20).sum() < fresh.sum()
    assert np.array_equal(net["out"].view("theta"), theta)


def test_objects_can_be_left_out():
    net, seen = network(), []
    collect = NetworkOperation(lambda: seen.append(net.step), clock=net.clock)
    net.add(collect)
    net.leave_out_of_evaluations(collect)
    evaluation.summed_outputs(net, IMAGES, 5)
    assert not seen
    spikes_in_a_run(net)
    assert seen == list(range(20))


def test_weights_that_an_operation_changes_go_back():
    net = network()
    net.add(NetworkOperation(lambda: net["image_to_out"].W.__imul__(0.5), clock=net.clock))
    before = net["image_to_out"].W.copy()
    evaluation.summed_outputs(net, IMAGES, 5)
    assert np.array_equal(net["image_to_out"].W, before)


def test_monitors_do_not_record():
    net = network()
    monitor = SpikeMonitor(net["out"])
    net.add(monitor)
    evaluation.summed_outputs(net, IMAGES, 20)
    assert monitor.num_spikes == 0


@pytest.mark.parametrize(
    "name, message",
    [
        ("set", r"Layer 'out': set_in_evaluations must name state variables, \['I', 's', 'v'\], got 'vv'"),
        ("keep", r"Layer 'out': keep_in_evaluations must name state variables, \['I', 's', 'v'\], got 'vv'"),
        ("shape", r"Layer 'out': v in evaluations must be a number or an array \(4, 4\), got \(3,?\)|\(3, 1\)"),
        ("nan", r"Layer 'out': v in evaluations must be finite"),
        ("object", r"Network: leave_out_of_evaluations must name objects of the network, got "),
    ],
)
def test_what_cannot_be_named_is_refused(name, message):
    net = network()
    calls = {
        "set": lambda: net["out"].set_in_evaluations(vv=0),
        "keep": lambda: net["out"].keep_in_evaluations("vv"),
        "shape": lambda: net["out"].set_in_evaluations(v=[1, 2, 3]),
        "nan": lambda: net["out"].set_in_evaluations(v=np.nan),
        "object": lambda: net.leave_out_of_evaluations(NetworkOperation(lambda: None, clock=net.clock)),
    }
    with pytest.raises(ArgumentError, match=message):
        calls[name]()


@pytest.mark.parametrize("streams", [1, 3])
def test_learned_weights_of_brian2_synapses_are_tested_and_their_traces_begin_anew(streams):
    net = network(streams=streams)
    traced = "w : 1\nda/dt = -a / (20*ms) : 1 (event-driven)"
    synapses = Synapses(net["image"], net["out"], traced, on_pre="v_post += w\na += 1\nw += 0.01 * a", dt=1 * ms)
    synapses.connect()
    net.add(synapses)
    net.stimulus.show_images(np.ones((streams * 3, 6)))
    net.run_steps(60)
    w, a = np.array(synapses.w), np.array(synapses.a)
    net["image_to_out"].W = np.zeros((6, 4))
    seen = []
    net.add(look := NetworkOperation(lambda: seen.append((synapses.w[0], synapses.a[0])), when="start"))
    fa.summed_outputs(net, np.ones((streams, 6)), 20)
    net.remove(look)
    assert seen[0] == (w[0], 0) and w[0] > 0.1
    assert np.array_equal(synapses.w, w) and np.array_equal(synapses.a, a)


def test_a_clamp_that_is_on_is_on_in_an_evaluation():
    net = network()
    whole = fa.summed_outputs(net, IMAGES, 20)
    fa.Clamp(net, "out", "s", np.arange(4), 0, start=10 * ms, stop=25 * ms)
    assert np.array_equal(fa.summed_outputs(net, IMAGES, 20), whole)
    net.stimulus.show_images(np.ones((8, 6)))
    net.run_steps(15)
    assert not fa.summed_outputs(net, IMAGES, 20).any()
    net.run_steps(15)
    assert np.array_equal(fa.summed_outputs(net, IMAGES, 20), whole)


def test_parts_that_come_later_have_an_initial_state_too():
    net = network()
    net.stimulus.show_images(np.ones((4, 6)))
    net.run_steps(20)
    group = NeuronGroup(2, "dw/dt = -w / (10*ms) : 1", method="euler", clock=net.clock)
    group.w = 1
    net.add(group)
    seen = []
    net.add(NetworkOperation(lambda: seen.append(group.w[0]), when="start"))
    net.stimulus.show_images(np.ones((4, 6)))
    net.run_steps(20)
    seen.clear()
    fa.summed_outputs(net, IMAGES, 20)
    assert seen[0] == 1 and group.w[0] < 0.2


def test_an_evaluation_draws_other_random_numbers_than_learning():
    net = fa.Network(streams=1, seed=0, target="numpy")
    fa.Input(net, "image", 50)
    fa.Layer(net, "output", 50, "v = I : 1\nI : 1\ns : 1", emit="s = v")
    fa.Projection(net, "image", "output", np.eye(50))
    fa.classification_task(net, 1, 50)
    images = np.full((1, 50), 0.5)
    evaluated = fa.summed_outputs(net, images, 1)[0]
    net.stimulus.show_images(images)
    net.run_steps(1)
    learned = net["output"].view("s")[:, 0]
    assert 0 < learned.sum() < 50 and not np.array_equal(evaluated, learned)
