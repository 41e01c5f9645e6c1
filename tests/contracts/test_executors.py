"""Every registered executor through the same checks: on its device a network does what it does on the processor.

Devices that this machine lacks are left out. `tests/executors/test_cuda.py` runs this file once more, in a process in
which CUDA kernels run in numba's simulator.
"""

import math
import os

import numba.cuda
import numpy as np
import pytest
from brian2 import (
    Clock,
    Hz,
    NetworkOperation,
    NeuronGroup,
    PoissonGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    ms,
)

import spikefa as fa
from spikefa import datasets
from spikefa.core.executor import executors
from spikefa.core.sandbox import sandboxed
from spikefa.diagnostics import evaluation
from spikefa.engine import threads
from spikefa.engine.cuda.graphs import Graphs
from spikefa.errors import ArgumentError, DivergenceError
from spikefa.executors.cuda import parts
from spikefa.experiments import checkpoint, model_file
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import TrainingConfig
from spikefa.plasticity.optimizers import optimizers

MODEL = model_file.load("lillicrap2016_spiking")
SIZES = {
    "pixels": 12,
    "hidden": (6, 5),
    "outputs": 4,
    "classes": 2,
    "eta": 4e-2,
    "weight_range": 0.6,
    "feedback_range": 0.5,
    "steps_per_image": 3,
}
RNG = np.random.default_rng(5)
IMAGES, LABELS = RNG.random((60, 12)), RNG.integers(0, 2, 60)


def lack(device):
    """Why a device is not here; None if it is."""
    try:
        fa.Network(device=device)
    except ArgumentError as error:
        return str(error)
    return None


HERE = [device for device in executors if lack(device) is None]
if not HERE:
    pytest.skip("; ".join(map(lack, executors)), allow_module_level=True)


@pytest.fixture(params=HERE)
def device(request):
    return request.param


def build(where, streams=3, **changes):
    net = MODEL.build(MODEL.params(SIZES | changes), streams, 7, lambda: IMAGES)
    net.device = where
    show(net)
    return net


def show(net, skip=0):
    whole = skip + (len(IMAGES) - skip) // net.streams * net.streams
    net.stimulus.show_images(IMAGES[skip:whole], LABELS[skip:whole])


def assert_equal(one, other, rtol=1e-12):
    """Equal spikes; potentials, weights and all else that is saved to rounding."""
    assert one.step == other.step
    for layer in one.layers:
        if layer.output_variable == "s":
            assert np.array_equal(layer.view("s"), other[layer.name].view("s"))
    ours, theirs = (net.state() | net.parameters() for net in (one, other))
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol, rtol, err_msg=name)
    for name, value in one.readout.progress.items():
        np.testing.assert_allclose(value, other.readout.progress[name], 1e-12, err_msg=name)


def both(device, run=lambda net: net.run_steps(12), **changes):
    nets = build("cpu", **changes), build(device, **changes)
    for net in nets:
        run(net)
    return nets


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "float64", "gamma": 1e-3},
        {"gamma": 1e-6},  # falls due every fourth step
        {"momentum": 0.5, "gamma": 1e-3, "rate_average_steps": 10.0, "averaging_images": 20},
        {"streams": 1},  # weights that lie the other way round
        {"pathway": "backprop"},
        {"receptive_field_pixels": 2, "momentum": 0.5, "gamma": 1e-3, "averaging_images": 20},
        {"pathway": "direct", "feedback_pairs": True, "dtype": "float64"},
        {"pathway": "shuffled_feedback"},  # runs on the host
        {"pathway": "product", "gamma": 1e-3, "product_units": 6},  # feedback that learns
        {"pathway": "reinforce_feedback", "baseline_steps": 3.0},
        {"pathway": "relaxation"},
        {"steps_per_image": 1},
    ],
    ids=str,
)
def test_same_spikes_and_weights_as_the_processor(device, changes):
    one, other = both(device, **changes)
    start = build("cpu", **changes)
    assert_equal(one, other, 1e-12 if one.dtype == np.float64 else 2e-5)
    assert not np.allclose(one["image_to_h1"].W, start["image_to_h1"].W, rtol=1e-2)


def ports_and_bounds(device, sparse, delay=None):
    """Two projections into one port, one of them inactive, one into a conductance; learned weights within bounds."""
    net = fa.Network(streams=3, dtype="float64", seed=3)
    fa.Input(net, "image", 12)
    layer = "dv/dt = (I + g - v) / (2*ms) : 1\nI : 1\ndg/dt = -g / (3*ms) : 1\np = 1 / (1 + exp(-v)) : 1\ns : 1"
    fa.Layer(net, "h", 6, layer, emit="s = int(rand() < p)")
    fa.Layer(net, "output", 4, layer, emit="s = int(rand() < p)")
    rule, low = fa.Plasticity("dW = 0.1 * s_pre * (s_post - p_post)", optimizer=fa.Momentum(0.5)), fa.uniform(0.1, 0.4)
    mask = fa.random_connectivity(0.15 if sparse else 0.8)
    learns = dict(plasticity=rule, bounds=(0.1, 0.4), mask=mask)
    fa.Projection(net, "image", "h", low, name="off").active = False
    fa.Projection(net, "image", "h", low, delay=delay, **learns)
    fa.Projection(net, "image", "h", low, into="g", **learns)
    fa.Projection(net, "h", "output", low, into="g", **learns)
    fa.Projection(net, "h", "output", low).active = False
    fa.classification_task(net, 3, 2)
    net.device = device
    show(net)
    return net


@pytest.mark.parametrize("sparse", [False, True])
def test_ports_and_bounds_are_as_on_the_processor(device, sparse):
    one, other = ports_and_bounds("cpu", sparse), ports_and_bounds(device, sparse)
    for net in (one, other):
        net.run_steps(9)
    assert_equal(one, other)
    W = other["image_to_h"].W[other["image_to_h"].synapses()]
    assert {0.1, 0.4} & set(W) and W.min() == 0.1 and W.max() <= 0.4
    assert not other["output"].view("I").any() and other["output"].view("g").any()


def test_sources_and_several_inputs_are_as_on_the_processor(device):
    nets = []
    for where in ("cpu", device):
        net = fa.Network(streams=2, seed=0, dtype="float64")
        for name in ("image", "sound"):
            fa.Input(net, name, 2)
        fa.Layer(net, "h1", 2, "v = I : 1\nI : 1\ns : 1", emit="s = int(rand() < v)")
        groups = [
            SpikeGeneratorGroup(2, [0, 1], [0, 2] * ms, clock=net.clock, period=3 * ms, name="given"),
            PoissonGroup(2, 500 * Hz, clock=net.clock, name="noise"),
            NeuronGroup(2, "dx/dt = 0.7 / ms : 1", threshold="x > 1", reset="x = 0", clock=net.clock, name="cells"),
        ]
        for pre in ("image", "sound", *groups):
            fa.Projection(net, pre, "h1", fa.uniform(0, 0.5), plasticity=fa.Plasticity("dW = 0.01 * s_pre * s_post"))
        fa.classification_task(net, 2, 2)
        net.device = where
        net.stimulus.show_images({name: np.full((6, 2), 0.7) for name in ("image", "sound")}, np.arange(6) % 2)
        net.run_steps(6)
        nets.append(net)
    assert_equal(*nets)
    assert all(population.view("s").any() for population in nets[0].parts("source"))
    fa.Projection(net, net["image"][:2], "h1", np.ones((1, 2)))
    with pytest.raises(ArgumentError, match=r"projections must be from whole populations, got Projection 'image_0_1"):
        net.run_steps(1)


def test_delays_are_refused(device):
    net = ports_and_bounds(device, False, 2 * ms)
    with pytest.raises(
        ArgumentError, match=r"device 'cuda' no projection can have a delay, got Projection 'image->h'$"
    ):
        net.run_steps(1)
    net.device = "cpu"
    net.run_steps(1)


def convolutions(device, ways):
    """Convolutions with stride and padding, both poolings, and a transposed convolution; rectifiers that learn."""
    net = fa.Network(streams=3, dtype="float64", seed=3)
    graded = {"output": "y", "threshold": None}
    rectifier = {"equations": "v = I : 1\nI : 1\ny : 1\npsi = int(v > 0) : 1", "emit": "y = v * int(v > 0)"}
    linear = {"equations": "v = I : 1\nI : 1\ny : 1\npsi = 1 : 1", "emit": "y = v"}
    fa.Input(net, "image", (2, 6, 5), "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    for name, units, kind in [
        ("h1", (3, 6, 5), rectifier),
        ("p1", (3, 3, 2), linear),
        ("h2", (2, 2, 2), rectifier),
        ("h3", (2, 3, 3), rectifier),
        ("p3", (2, 2, 2), linear),
        ("output", 2, linear),
    ]:
        fa.Layer(net, name, units, **kind, **graded)
    error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}
    feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J * layer_psi"}
    ways(net, **error, **feedback)
    rule = fa.Plasticity("dW = -eta * delta_post * y_pre - 1e-3 * W", {"eta": 0.1}, optimizer=fa.Momentum(0.5))
    fa.convolution(net, "image", "h1", fa.uniform(0.5), maps=3, field=3, padding=1, plasticity=rule)
    fa.pooling(net, "h1", "p1", "max", field=2, stride=2)
    fa.convolution(net, "p1", "h2", fa.uniform(0.9), maps=2, field=2, stride=2, padding=1, plasticity=rule)
    fa.convolution(net, "h2", "h3", fa.uniform(0.9), maps=2, field=3, stride=2, padding=1, transposed=True)
    fa.pooling(net, "h3", "p3", "mean", field=2, stride=1)
    fa.Projection(net, "p3", "output", fa.uniform(0.9), bias=[0.1, 0.2], plasticity=rule)
    fa.classification_task(net, 2, 2)
    net.device = device
    rng = np.random.default_rng(0)
    net.stimulus.show_images(rng.random((12, 60)), rng.integers(0, 2, 12))
    return net


@pytest.mark.parametrize(
    "ways",
    [
        lambda net, **strings: fa.backprop(net, **strings),
        lambda net, **strings: fa.feedback_alignment(net, **strings, B=fa.uniform(0.5), connectivity="forward"),
    ],
    ids=["backprop", "alignment"],
)
def test_convolutions_and_pooling_are_the_processors(device, ways):
    one, other = (convolutions(where, ways) for where in ("cpu", device))
    before = {projection.name: projection.W.copy() for projection in one.projections if projection.learning}
    for net in (one, other):
        net.run_steps(5)
    assert_equal(one, other, 1e-12)
    assert all(not np.allclose(one[name].W, W, atol=1e-4) for name, W in before.items())


def rounded_products(device, precision):
    """Two projections into one port; a stream is silent, one faint, one has no number. Weights change between runs."""
    net = fa.Network(streams=4, seed=2, device=device)
    fa.Input(net, "x", 40, "x : 1\ny : 1", emit="y = 2 * x", output="y", threshold=None, limits=None)
    fa.Layer(net, "h", 7, "I : 1\ny : 1", emit="y = I", output="y", threshold=None)
    for name in ("first", "second"):
        bias = np.linspace(-1, 1, 7)
        fa.Projection(net, "x", "h", fa.uniform(0.5), bias=bias, precision=precision, name=name)
    rng, currents = np.random.default_rng(0), []
    for factor in (1, 0.7):
        net["x"].view("x")[...] = rng.normal(size=(40, 4)) * np.exp(rng.normal(size=(40, 4))) * [1, 0, 1e-3, 1]
        net["x"].view("x")[3, 3] = np.array(0x7FFFFFFF, np.uint32).view(np.float32)  # NaN whose last bits are not 0
        net["second"].W = factor * net["second"].W
        net.run_steps(2)
        currents.append(net["h"].view("I").copy())
    return currents


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
def test_a_precision_rounds_as_on_the_processor(device, precision):
    """Integers and their sums to the bit; of bfloat16, sums are float32's."""
    for ours, theirs in zip(rounded_products("cpu", precision), rounded_products(device, precision), strict=True):
        np.testing.assert_allclose(theirs, ours, 0 if precision == "int8" else 1e-5, 0 if precision == "int8" else 1e-5)
        assert np.isnan(ours[:, 3]).all() and np.isfinite(ours[:, :3]).all()
        assert ours[0, 1] == -2 and np.ptp(ours[:, 0]) > 1


@pytest.mark.parametrize("in_time", ["samples", "targets"])
def test_samples_and_targets_that_change_are_refused(device, in_time):
    net = fa.Network(streams=2, device=device)
    fa.Input(net, "image", 3, emit="s = x", limits=None)
    fa.Layer(net, "output", 2, "I : 1\ns : 1", emit="s = I")
    fa.signal_task(net, 4)
    samples, targets = (np.ones((2, 4, 3)), None) if in_time == "samples" else (np.ones((2, 3)), np.ones((2, 4, 2)))
    net.stimulus.show_samples(samples, targets)
    with pytest.raises(ArgumentError, match="device 'cuda' shows images that stay, got samples or targets that change"):
        net.run_steps(4)


def test_runs_that_begin_and_end_within_a_presentation(device):
    def run(net):
        for steps in (4, 1, 9, 4):
            net.run_steps(steps)

    assert_equal(*both(device, run, dtype="float64"))


def test_evaluation_gives_the_same_predictions_and_leaves_no_trace(device):
    one, other = both(device, lambda net: net.run_steps(6), averaging_images=6)
    before = {name: array.copy() for name, array in (other.state() | other.parameters()).items()}
    predictions = []
    for net in (one, other):
        with net.averaged():
            predictions.append(evaluation.predict(net, IMAGES[:8], 4))
    assert np.array_equal(*predictions) and len(predictions[0]) == 8
    for name, array in (other.state() | other.parameters()).items():
        assert np.array_equal(array, before[name]), name
    for net in (one, other):
        with sandboxed(net, "recording"):
            show(net)
            net.run_steps(3)
        net.run_steps(6)
    assert_equal(one, other, 2e-5)


@pytest.mark.parametrize("begins_there", [False, True])
def test_a_checkpoint_of_one_device_goes_on_on_the_other(device, begins_there, tmp_path):
    first, then = (device, "cpu") if begins_there else ("cpu", device)
    changes = {"dtype": "float64", "momentum": 0.3}
    whole, begun, resumed = build("cpu", **changes), build(first, **changes), build(then, **changes)
    whole.run_steps(15)
    begun.run_steps(9)
    checkpoint.save(tmp_path / "c.h5", begun, begun.readout.progress, "")
    resumed.readout.progress = checkpoint.load(tmp_path / "c.h5", resumed)
    show(resumed, 9)
    resumed.run_steps(6)
    assert_equal(whole, resumed)


def trainer_of(where, folder, seconds=100, **options):
    images = (255 * IMAGES).astype(np.uint8)
    data = datasets.Dataset("tiny", images[:48], LABELS[:48], images[48:], LABELS[48:], (3, 4), 2)
    (folder / where).mkdir()
    config = TrainingConfig(
        epochs=2, test_steps=2, evaluate_every=0.5, checkpoint_seconds=seconds, record_activity=False
    )
    return Trainer(build(where, dtype="float64"), data, config, folder / where, **options)


def test_training_stops_for_checkpoints_and_shows_each_image_once(device, tmp_path):
    trainers = []
    for where, seconds in (("cpu", 100), (device, 1e-6)):  # where it is never due, and after every presentation
        trainers.append(trainer_of(where, tmp_path, seconds))
        trainers[-1].run()
    one, other = trainers
    assert_equal(one.network, other.network, 1e-9)
    for mine, theirs in zip(one.rows, other.rows, strict=True):
        assert mine["test_error"] == theirs["test_error"] and mine["train_error"] == theirs["train_error"]


class Watch(fa.Callback):
    """Stops a training after 15 images, of which it keeps what it was told."""

    def __init__(self):
        self.seen = []

    def on_presentation(self, trainer, progress):
        stimulus = trainer.network.stimulus
        self.seen.append((progress, trainer.network.step, trainer.network.readout.shown, stimulus.targets.tolist()))
        if progress.images_seen == 15:
            trainer.stop("it has seen enough")


def test_a_callback_sees_each_presentation_before_the_next_begins(device, tmp_path):
    trainers = [trainer_of(where, tmp_path) for where in ("cpu", device)]
    for trainer in trainers:
        trainer.set_callbacks([Watch()])
        trainer.run()
        assert trainer.stopped and trainer.images_seen == 15 and trainer.network.step == 15
    assert_equal(*(trainer.network for trainer in trainers), 1e-9)
    mine, theirs = (trainer.callbacks[0].seen for trainer in trainers)
    assert mine == theirs and len(mine) == 5


def test_images_that_are_changed_and_what_is_told_of_progress_are_the_processors(device, tmp_path):
    def augment(images, rng):
        return np.roll(images, rng.integers(1, 9), axis=1)

    told = []
    trainers = [trainer_of(where, tmp_path, augment=augment) for where in ("cpu", device)]
    for trainer in trainers:
        seen = []
        trainer.on_progress = seen.append
        trainer.run()
        told.append(seen)
    assert_equal(*(trainer.network for trainer in trainers), 1e-9)
    assert told[0] == told[1] and [now.images_seen for now in told[0]] == list(range(3, 99, 3))


def test_outputs_that_are_not_finite_are_told_with_their_step(device):
    said = []
    for where in ("cpu", device):
        net = fa.Network(streams=2, dtype="float64", device=where)
        fa.Input(net, "x", 3, emit="s = x", threshold=None)
        fa.Layer(net, "y", 2, "I : 1\nk : 1\ny : 1", emit="y = I + k", output="y", threshold=None)
        fa.Projection(net, "x", "y", np.ones((3, 2)))
        fa.regression_task(net, 3)
        net.stimulus.show_images(np.ones((10, 3)), np.zeros((10, 2)))
        net.run_steps(6)
        net["y"].view("k")[0, 1] = np.nan
        with pytest.raises(DivergenceError) as caught:
            net.run_steps(9)
        said.append((str(caught.value), net.readout.shown))
    assert said[0] == said[1] and "stream 1, at step 8" in said[0][0] and said[0][1] == 4


def test_one_network_moves_between_devices(device):
    def run(net):
        net.run_steps(6)
        net.device = "cpu"
        net.run_steps(3)
        net.device = device if net is moved else "cpu"
        net.run_steps(6)

    stays, moved = build("cpu", dtype="float64"), build(device, dtype="float64")
    for net in (stays, moved):
        run(net)
    assert_equal(stays, moved)


def test_monitors_and_operations(device):
    recorded = []

    def run(net):
        states = StateMonitor(net["h1"], ["v", "p"], record=True)
        spikes = SpikeMonitor(net["h2"])
        after = StateMonitor(net["h1"], "v", record=[0, 3], when="end", name="after")

        def disturb(t):
            net["h1"].view("v")[0, 0] = 0.25
            net["image_to_h1"].W[0, 0] += 0.01

        operation = NetworkOperation(disturb, clock=net.clock, when="end", order=90)
        net.add(states, spikes, after, operation)
        net.run_steps(9)
        recorded.append([states.t_, states.v, states.p, spikes.i[:], spikes.t_[:], after.v])

    assert_equal(*both(device, run, dtype="float64"))
    for one, other in zip(*recorded, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert len(recorded[0][3]) > 5 and np.ptp(recorded[0][1]) > 0


LIF = """
dv/dt = (I + 0.3 * sin(v) - v) / tau : 1 (unless refractory)
I : 1
s : 1
w = clip(v, 0, 1) * s + floor(abs(v)) : 1
"""


def own_network(where, mask=None, rule="dW = 0.01 * w_post * s_pre - 0.001 * W", softmax=0, optimizer="sgd"):
    """Thresholds, resets, refractoriness, noise, a regression; and by choice sparse weights, softmax, soft bounds."""
    net = fa.Network(streams=2, seed=3, dtype="float64", device=where)
    fa.Input(net, "x", 4)
    constants = {"tau": 3 * ms}
    fa.Layer(
        net,
        "h",
        5,
        LIF,
        receive="I = I + 0.2 * randn()",
        threshold="v > 0.4",
        reset="v = 0",
        refractory=2 * ms,
        namespace=constants,
    )
    out = fa.Layer(
        net,
        "y",
        4,
        "dv/dt = (I - v)/tau : 1\nI : 1\nr : 1",
        emit="" if softmax else "r = v",
        output="r",
        threshold=None,
        namespace=constants,
    )
    if softmax:
        fa.Softmax(net, out, groups=softmax)
    rule = fa.Plasticity(rule, optimizer=optimizers[optimizer](), lr=0.1 if optimizer in ("rmsprop", "adam") else 1.0)
    fa.Projection(net, "x", "h", fa.uniform(2), mask=mask, plasticity=rule)
    fa.Projection(net, "h", "y", fa.uniform(1))
    fa.regression_task(net, 4)
    net.stimulus.show_images(IMAGES[:10, :4], IMAGES[:10, :4])
    net.run_steps(16)
    return net


def mask(kept):
    drawn = np.random.default_rng(0).random((4, 5)) < kept
    drawn[0, 0], drawn[1, 1] = True, False
    return drawn


@pytest.mark.parametrize(
    "options",
    [
        {"softmax": 1},
        {"softmax": 2},
        {"mask": mask(0.7)},
        {"mask": mask(0.0)},  # sparse: dense on the device
        {"rule": "dW = 0.01 * w_post * s_pre * (1 - W)"},  # a loop over synapses: runs on the host
    ],
    ids=["softmax", "softmax in groups", "masked", "sparse", "soft bounds"],
)
def test_own_equations_and_what_runs_on_the_host(device, options):
    one, other = own_network("cpu", **options), own_network(device, **options)
    assert_equal(one, other)
    assert one.projections[0].W.std() > 0 and one["h"].view("v").std() > 0


@pytest.mark.parametrize("optimizer", optimizers)
@pytest.mark.parametrize("kept", [1.0, 0.0], ids=["dense", "sparse"])
def test_every_optimizer(device, optimizer, kept):
    """On the device where it has a lowering, else on the host: the same either way."""
    options = {"optimizer": optimizer, "mask": None if kept else mask(0.0)}
    one, other = own_network("cpu", **options), own_network(device, **options)
    assert_equal(one, other)
    start = own_network("cpu", **options, rule="dW = 0 * w_post * s_pre")
    assert not np.allclose(one.projections[0].W, start.projections[0].W, rtol=1e-3)


@pytest.mark.parametrize("streams", [1, 12])
def test_sparse_weights_that_are_shared(device, streams):
    def run(where):
        net = fa.Network(streams=streams, seed=3, dtype="float64", device=where)
        fa.Input(net, "x", 4)
        for name in ("h", "y"):
            equations = "dv/dt = (I - v) / (3 * ms) : 1\nI : 1\nr : 1"
            fa.Layer(net, name, 5, equations, emit="r = tanh(v)", output="r", threshold=None)
        present = np.eye(5, dtype=bool)[[1, 0, 2, 4, 3]]
        rule = fa.Plasticity("dW = 0.01 * r_post * r_pre")
        fa.Projection(net, "x", "h", fa.uniform(2))
        sparse = fa.Projection(net, "h", "y", fa.uniform(1), mask=present * (np.arange(5) < 4), plasticity=rule)
        assert sparse.weights.sparse or streams == 1
        fa.TiedProjection(net, "y", "h", sparse, transpose=True)
        fa.regression_task(net, 4)
        net.stimulus.show_images(np.tile(IMAGES[:12, :4], (5, 1)), np.zeros((60, 5)))
        net.run_steps(16)
        return net

    assert_equal(*(run(where) for where in ("cpu", device)))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tell")
def test_it_stays_on_no_processor_so_that_several_runs_share_a_machine(device):
    before, found = os.sched_getaffinity(0), []
    units = math.isqrt(threads.SMALL_WORK) + 1
    for where in ("cpu", device):
        net = fa.Network(device=where)
        fa.Layer(net, "h", units, "I : 1\ns : 1", emit="s = I", threshold=None)
        fa.Projection(net, "h", "h", np.zeros((units, units)))
        net.add(NetworkOperation(lambda: found.append(os.sched_getaffinity(0)), clock=net.clock))
        net.run_steps(1)
    assert found[1] == before == os.sched_getaffinity(0)
    processors = min(len(before), numba.config.NUMBA_NUM_THREADS)
    assert processors == 1 or found[0] < before  # as a run on the processor does, with threads for all of them


def test_another_clock_is_refused(device):
    net = build(device)
    net.add(StateMonitor(net["h1"], "v", record=True, clock=Clock(0.1 * ms, name="fast"), name="watcher"))
    with pytest.raises(ArgumentError, match="every object must have the network's clock, and 'watcher' has another"):
        net.run_steps(3)
    assert all(obj.active for obj in net.sorted_objects)


@pytest.mark.parametrize("rule", ["x += s_pre\ndW = eta * x * s_post", "x += s_pre * p_post\ndW = eta * x * s_post"])
def test_rules_with_states_are_as_on_the_processor(device, rule):
    """Traces of units, of which the bias has its own, and states of each synapse."""
    found = []
    for where in ("cpu", device):
        net = fa.Network(streams=3, seed=1, dtype="float64", device=where)
        fa.Input(net, "image", 12)
        units = "dv/dt = (I - v) / (5*ms) : 1\nI : 1\np = 1 / (1 + exp(-v)) : 1\ns : 1"
        fa.Layer(net, "h", 4, units, emit="s = int(rand() < p)")
        states = fa.Plasticity(f"dx/dt = -x / tau : 1 (synapse)\n{rule}", {"eta": 0.1, "tau": 5 * ms})
        fa.Projection(net, "image", "h", fa.uniform(1.0), plasticity=states)
        fa.classification_task(net, 4, 2)
        show(net)
        net.run_steps(8)
        found.append((net["image_to_h"].W.copy(), net["image_to_h"].b.copy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-12, 1e-12)
        assert np.abs(ours).max() > 1


# What only the CUDA executor has.

only_cuda = pytest.mark.parametrize("device", [device for device in HERE if device == "cuda"], indirect=True)


@only_cuda
def test_presentations_are_launched_whole_and_replayed_with_what_changes(device, monkeypatch):
    """Decay falls due in every fourth step, with 3 steps a presentation: replaying the first would be wrong."""
    changes = {"gamma": 1e-3, "streams": 1, "hidden": (4,), "dtype": "float64"}

    def run(net):
        for projection in net.projections:
            if projection.learning is not None:
                projection.learning.decay_quantum = 3e-3
        net.run_steps(24)

    keys, original = [], Graphs.run

    def watched(graphs, key, launch):
        keys.append(key)
        original(graphs, key, launch)

    monkeypatch.setattr(Graphs, "run", watched)
    assert_equal(*both(device, run, **changes))
    assert len(keys) == 8 and len(set(keys)) == 4
    monkeypatch.setattr(Graphs, "run", lambda graphs, key, launch: original(graphs, "one for all", launch))
    with pytest.raises(AssertionError):
        assert_equal(*both(device, run, **changes))


@only_cuda
def test_a_kernel_that_does_nothing_is_found(device, monkeypatch):
    monkeypatch.setattr(parts.kernels, "add_bias", numba.cuda.jit(lambda add, streams, bias, current: None))
    with pytest.raises(AssertionError):
        assert_equal(*both(device, dtype="float64"))


@only_cuda
def test_other_targets_have_no_device(device):
    with pytest.raises(ArgumentError, match="device 'cuda' needs the target 'numba', got 'numpy'"):
        fa.Network(target="numpy", device=device)
