"""A GPU that does everything as late as it may, in numba's simulator: a wait that is missing gives wrong numbers.

`test_cuda.py` runs this file in a process in which CUDA kernels run in the simulator, where all is done at once. Here,
kernels and copies wait in a queue until the host waits for the stream or for an event. Copies from memory that is not
pinned read it at once, and those to such memory are waited for, as CUDA does.
"""

from collections import deque

import numpy as np
import pytest
from brian2 import NeuronGroup, linked_var
from numba import cuda
from numba.core import config

import spikefa as fa
from spikefa.engine.cuda import fusion, products
from spikefa.errors import ArgumentError, SpikefaError
from spikefa.executors.cuda import executor
from spikefa.experiments import model_file

if not config.ENABLE_CUDASIM:
    pytest.skip("test_cuda.py runs this file in numba's simulator", allow_module_level=True)

from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
from numba.cuda.simulator.kernel import FakeCUDAKernel

MODEL = model_file.load("lillicrap2016_spiking")
SIZES = {
    "pixels": 12,
    "hidden": (6,),
    "outputs": 4,
    "classes": 2,
    "eta": 0.1,
    "weight_range": 0.6,
    "steps_per_image": 2,
}
RNG = np.random.default_rng(5)
IMAGES, LABELS = RNG.random((18, 12)), RNG.integers(0, 2, 18)


class Queue:
    """What the device has still to do."""

    def __init__(self):
        self.work = deque()

    def put(self, work):
        self.work.append(work)

    def run(self, until=None):
        """Do it up to something in the queue, or all."""
        while self.work and (until is None or until in self.work):
            self.work.popleft()()


@pytest.fixture
def late(monkeypatch):
    """The queue of a device that does everything as late as it may."""
    queue, pinned = Queue(), []
    launch, to_host, to_device = FakeCUDAKernel.__call__, FakeCUDAArray.copy_to_host, FakeCUDAArray.copy_to_device
    multiplied, pinned_array = products._numpy_product, cuda.pinned_array

    def is_pinned(array):
        return any(array is own for own in pinned)

    def pin(*arguments):
        pinned.append(pinned_array(*arguments))
        pinned[-1].view(np.uint8)[...] = 0xA5  # whatever is there
        return pinned[-1]

    def call(kernel, *arguments):
        return launch(kernel, *arguments) if kernel._device else queue.put(lambda: launch(kernel, *arguments))

    def copy_to_host(array, to=None, stream=0):
        if is_pinned(to):
            return queue.put(lambda: to_host(array, to))
        queue.run()
        return to_host(array, to)

    def copy_to_device(array, source, stream=0):
        source = source if is_pinned(source) else source.copy()
        queue.put(lambda: to_device(array, source))

    def product(*arguments):
        run = multiplied(*arguments)
        return lambda beta: queue.put(lambda: run(beta))

    def record(event, stream=0):
        event.mark = lambda: None
        queue.put(event.mark)

    def synchronize(event):
        if hasattr(event, "mark"):
            queue.run(event.mark)

    monkeypatch.setattr(cuda, "pinned_array", pin)
    monkeypatch.setattr(cuda.event, "record", record)
    monkeypatch.setattr(cuda.event, "synchronize", synchronize)
    monkeypatch.setattr(cuda.stream, "synchronize", lambda stream: queue.run())
    monkeypatch.setattr(FakeCUDAKernel, "__call__", call)
    monkeypatch.setattr(FakeCUDAArray, "copy_to_host", copy_to_host)
    monkeypatch.setattr(FakeCUDAArray, "copy_to_device", copy_to_device)
    monkeypatch.setattr(products, "_numpy_product", product)
    return queue


def build(device="cuda", show=True, **changes):
    net = MODEL.build(MODEL.params(SIZES | {"dtype": "float64"} | changes), 3, 7, lambda: IMAGES)
    net.device = device
    if show:
        net.stimulus.show_images(IMAGES, LABELS)
    net.readout.summed_outputs = []
    return net


def wait_each(net):
    """Let something be called at each presentation's end, for which the device has to wait."""
    net.readout.on_presentation = lambda: None


def found(net):
    outputs = {f"outputs {number}": summed for number, summed in enumerate(net.readout.summed_outputs)}
    return {**net.state(), **net.parameters(), **net.readout.progress, **outputs, "step": net.step}


def equal(one, other):
    one, other = found(one), found(other)
    return one.keys() == other.keys() and all(np.array_equal(value, other[name]) for name, value in one.items())


@pytest.fixture
def at_once():
    """A network after its run on a device that does everything at once and waits for each presentation's score."""
    net = build(averaging_images=6)
    wait_each(net)
    net.run_steps(12)
    return net


@pytest.mark.parametrize("waits", [False, True])
def test_the_same_bits_however_late_it_is(at_once, late, waits):
    net = build(averaging_images=6)
    if waits:
        wait_each(net)
    net.run_steps(12)
    assert equal(net, at_once) and net.readout.shown == 18 and len(net.readout.summed_outputs) == 6
    for steps in (3, 8, 1):  # runs that begin and end within a presentation
        net = build(averaging_images=6) if steps == 3 else net
        net.run_steps(steps)
    assert equal(net, at_once)


@pytest.mark.parametrize("event", ["_uploaded", "_arrived"])
def test_a_wait_that_is_missing_is_found(at_once, late, event):
    net = build(averaging_images=6)
    net.run_steps(2)
    getattr(net.executor.memory, event).synchronize = lambda: None
    net.run_steps(10)
    assert not equal(net, at_once)


def order(net, steps, **options):
    """In which order presentations were shown (+) and scored (-), numbered from 1."""
    finish, told, shown = net.readout.finish, [], iter(range(6))

    def source():
        k = next(shown)
        told.append(k + 1)
        return IMAGES[3 * k : 3 * k + 3], LABELS[3 * k : 3 * k + 3]

    def watched(*arguments):
        finish(*arguments)
        told.append(-net.readout.shown // 3)

    net.readout.finish = watched
    net.stimulus.show(source, **options)
    net.run_steps(steps)
    return told


def test_a_presentation_is_scored_while_the_next_one_runs(late):
    assert order(build(show=False), 8, ahead=True) == [1, 2, -1, 3, -2, 4, -3, -4]
    assert order(build(show=False), 7, ahead=True) == [1, 2, -1, 3, -2, -3, 4]  # of the last there is one step alone


def test_it_is_scored_at_once_where_something_is_called_before_the_next(late):
    in_turn = [1, -1, 2, -2, 3, -3, 4, -4]
    assert order(build(show=False), 8) == in_turn  # a source that may look at the network
    net = build(show=False)
    wait_each(net)
    assert order(net, 8, ahead=True) == in_turn
    net = build(show=False, pathway="shuffled_feedback")  # some of each step is done on the host
    assert order(net, 8, ahead=True) == in_turn


def test_what_was_shown_is_scored_when_the_images_end_too_early(at_once, late):
    net = build(averaging_images=6)
    with pytest.raises(SpikefaError, match="all 18 images have been shown"):
        net.run_steps(16)
    assert net.readout.shown == 18
    assert net.readout.wrong == at_once.readout.wrong and len(net.readout.summed_outputs) == 6


def test_a_watcher_of_scores_may_stop_the_run_and_none_is_lost(late):
    net, errors = build(), []

    def stop():
        errors.append(net.readout.error)
        if len(errors) == 2:
            net.stop()

    net.readout.on_scored = stop
    net.run_steps(12)
    whole = build()
    wait_each(whole)
    whole.run_steps(6)
    assert net.step == 6 and len(errors) == 3 and equal(net, whole)  # it had begun with the third


def test_after_a_watcher_that_raises_the_next_presentations_are_scored_as_ever(at_once, late):
    net = build(averaging_images=6)

    def refuse():
        raise KeyError("watcher")

    net.readout.on_scored = refuse
    with pytest.raises(KeyError, match="watcher"):
        net.run_steps(12)
    net.readout.on_scored = None
    assert net.step == 3 and net.readout.shown == 3  # in the last step of the second one, which is not scored
    net.step = 4
    net.run_steps(8)
    whole = at_once.readout.summed_outputs
    assert np.array_equal(net.readout.summed_outputs, [whole[0], *whole[2:]]) and net.readout.shown == 15


def test_images_in_phase_are_learned_from_ahead_and_others_are_refused(late):
    """The next presentation is fetched while the device does the last one; its phase is that of its own beginning."""
    ar = model_file.load("millidge2020_ar")
    sizes = {"sizes": (12, 5, 4, 2), "classes": 2, "relaxation": 4, "dtype": "float64"}
    nets = []
    for device in ("cpu", "cuda"):
        net = ar.build(ar.params(sizes), streams=3, seed=1)
        net.device, batches = device, iter(np.arange(18).reshape(6, 3))
        net.stimulus.show(lambda batches=batches: (IMAGES[now := next(batches)], LABELS[now]), ahead=True)
        net.run_steps(5 * 6)
        nets.append(net)
        net.step = 31
        net.stimulus.show_images(IMAGES, LABELS)
        with pytest.raises(ArgumentError, match=r"begin at a multiple of 5 steps .*, got step 31 and 5 steps"):
            net.run_steps(5)
    for one, other in zip(nets[0].projections, nets[1].projections, strict=True):
        np.testing.assert_allclose(other.W, one.W, rtol=0, atol=1e-12, err_msg=one.name)


def test_integers_are_those_of_a_device_that_does_all_at_once(late):
    nets = [build(device, feedback_precision="int8", dtype="float32") for device in ("cpu", "cuda")]
    for net in nets:
        net.run_steps(4)
    for name, array in nets[0].state().items():
        np.testing.assert_allclose(array, nets[1].state()[name], 1e-5, 1e-5)


# Small kernels that are launched together.


def launches_of(monkeypatch, most, **changes):
    """A network after its run with at most so many arguments a launch, and the launches of a run."""
    monkeypatch.setattr(fusion, "MOST_ARGUMENTS", most)
    counted, call = [], FakeCUDAKernel.__call__

    def counting(kernel, *arguments):
        counted.append(None if kernel._device else kernel)
        return call(kernel, *arguments)

    net = build(**changes)
    with monkeypatch.context() as patched:
        patched.setattr(FakeCUDAKernel, "__call__", counting)
        net.run_steps(4)
    return net, sum(kernel is not None for kernel in counted)


@pytest.mark.parametrize("changes", [{}, {"dtype": "float32", "feedback_precision": "int8"}], ids=["plain", "int8"])
def test_fewer_launches_and_the_same_bits(monkeypatch, changes):
    (alone, many), (joined, few) = (launches_of(monkeypatch, most, **changes) for most in (0, 64))
    assert equal(alone, joined) and few < 0.65 * many


@cuda.jit
def add_one(to):
    for i in range(cuda.grid(1), to.size, cuda.gridsize(1)):
        to[i] += 1


@cuda.jit
def reverse(source, to):
    for i in range(cuda.grid(1), to.size, cuda.gridsize(1)):
        to[i] = source[source.size - 1 - i]


def test_loops_that_read_what_others_write_elsewhere_are_launched_apart():
    x, y, z = (cuda.to_device(np.arange(4.0)) for _ in range(3))
    one = fusion.Loop(add_one, 4, (x,), written=(x,))
    back = fusion.Loop(reverse, 4, (x, y), written=(y,))
    other = fusion.Loop(add_one, 4, (y,), written=(y,))
    third = fusion.Loop(add_one, 4, (z,), written=(z,))
    for loops, count in [
        ([one, third], 1),
        ([one, back], 2),
        ([back, one], 2),
        ([back, other], 1),
        ([one, back, one], 3),
    ]:
        assert len(fusion.launches(loops)) == count
    for launch in fusion.launches([one, one, back, other, third]):
        launch()
    assert x.copy_to_host().tolist() == [2, 3, 4, 5] and y.copy_to_host().tolist() == [6, 5, 4, 3]
    assert z.copy_to_host().tolist() == [1, 2, 3, 4]


def test_an_empty_list_has_no_launch_and_a_launch_takes_no_more_arguments_than_it_may(monkeypatch):
    arrays = [cuda.to_device(np.zeros(3)) for _ in range(5)]
    monkeypatch.setattr(fusion, "MOST_ARGUMENTS", 2)
    assert fusion.launches([]) == []
    assert len(fusion.launches([fusion.Loop(add_one, 3, (x,), written=(x,)) for x in arrays])) == 3


def linked(device):
    """A group that reads another's units in another order."""
    net = fa.Network(dtype="float64", device=device)
    options = {"clock": net.clock, "method": "euler", "codeobj_class": net.codeobj_class}
    one = NeuronGroup(3, "dx/dt = (k - x) / (2*ms) : 1\nk : 1", name="one", **options)
    other = NeuronGroup(3, "dy/dt = (x - y) / (2*ms) : 1\nx : 1 (linked)", name="other", **options)
    one.k, other.x = [1, 2, 4], linked_var(one, "x", index=[1, 0, 2])
    net.add(one, other)
    net.run_steps(4)
    return other.y[:]


def test_equations_that_read_other_units_are_launched_apart(monkeypatch):
    groups, launches = [], fusion.launches

    def watched(loops):
        groups.append((len(loops), len(launches(loops))))
        return launches(loops)

    monkeypatch.setattr(executor, "launches", watched)
    np.testing.assert_allclose(linked("cuda"), linked("cpu"), 1e-13)
    assert groups[0] == (2, 2)
