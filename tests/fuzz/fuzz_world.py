"""A tiny network, and a valid value for each parameter of the public interface, by the parameter's name.

A new parameter joins by itself: one with a default keeps it, and one without needs a builder in `VALID`.
"""

import functools
from pathlib import Path

import numpy as np
from brian2 import BrianLogger, PoissonGroup, hertz

import spikefa as fa
from spikefa import datasets
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.diagnostics.record_outputs import OutputRecording

LAYER = "v = I : 1\nI : 1\npsi = 1 - v : 1\ns : 1"
ERROR = "u = layer_s - target : 1\ntarget : 1\ndelta : 1"
FEEDBACK = "u = J : 1\nJ : 1\ndelta : 1"
STAGES = ("empty", "units", "layers", "feedback", "task")


def network(stage="task", streams=2):
    """4 inputs, a map, -> 3 hidden -> 2 outputs, and 3 units aside; with feedback and a task if the stage says so."""
    net = fa.Network(streams=streams, dtype="float64", target="numpy")
    if stage == "empty":
        return net
    fa.Input(net, "image", (1, 2, 2), emit="s = x", threshold=None)
    for name, units in (("h1", 3), ("output", 2)):
        fa.Layer(net, name, units, LAYER, emit="s = v", threshold=None)
    fa.Population(net, "side", 3, "v : 1\nI : 1\ns : 1", emit="s = I", threshold=None)
    if stage == "units":  # without projections
        return net
    learns = stage in ("feedback", "task")
    if learns:
        fa.feedback_alignment(net, error=ERROR, feedback=FEEDBACK, B=np.ones((2, 3)))
    rule = fa.Plasticity("dW = -eta * delta_post * s_pre", {"eta": 0.01}) if learns else None
    fa.Projection(net, "image", "h1", np.ones((4, 3)), plasticity=rule)
    fa.Projection(net, "h1", "output", np.ones((3, 2)), plasticity=rule)
    if stage == "task":
        fa.classification_task(net, 2, 2)
    return net


@functools.cache
def foreign():
    """Parts of another network."""
    net = network()
    return {"network": net, "layer": net["h1"], "projection": net["image_to_h1"]}


class World:
    """What the arguments of one call have in common."""

    def __init__(self, stage="task"):
        self.stage = stage

    @functools.cached_property
    def network(self):
        return network(self.stage)


@functools.cache
def data():
    rng = np.random.default_rng(0)
    images = rng.random((6, 4))
    return datasets.Dataset("tiny", images, np.arange(6) % 2, images[:4], np.arange(4) % 2, (2, 2), 2)


@functools.cache
def recording():
    spikes = {"h1": np.ones((4, 3), bool), "output": np.ones((4, 2), bool)}
    trace = {"h1": np.zeros(4)}
    return ActivityRecording(
        "tiny", 0, np.zeros((2, 2, 2)), np.arange(2), 2, 1.0, spikes, np.arange(2), v=trace, delta=trace
    )


@functools.cache
def outputs():
    course = {"h1": np.ones((4, 3)), "output": np.ones((4, 2))}
    return OutputRecording("tiny", np.zeros((2, 2, 2)), np.arange(2), 2, 1.0, course, course, np.arange(2))


def layer_for_softmax(world):
    """A layer whose output nothing else writes."""
    fa.Layer(world.network, "soft", 3, "v : 1\nI : 1\ny : 1", output="y", threshold=None)
    return "soft"


def units_of(world, units):
    """A population of more units than the network's others, or of maps."""
    fa.Population(world.network, "others", units, "v : 1\nI : 1\ns : 1", emit="s = I", threshold=None)
    return "others"


def poisson_group(net):
    """A group; Brian2 says nothing if a refusal leaves it in no network."""
    BrianLogger.suppress_name("unused_brian_object")
    return PoissonGroup(3, 10 * hertz, clock=net.clock)


#: A model and settings of runs that train within a second.
MODEL = Path(__file__).parents[1] / "rate_model.py"
RUN = {"changes": {"sizes": (64, 5, 10), "classes": 10}, "data": "digits", "streams": 479, "epochs": 0}

IMAGES = np.eye(4)
METRICS = {"images_seen": [0, 6], "test_error": [0.5, 0.4], "weight_angle_deg_h1": [90.0, 80.0]}

#: Parameter, or callable and parameter -> function of a `World` that makes a valid value.
VALID = {
    "network": lambda world: world.network,
    "name": lambda world: "new",
    "units": lambda world: 3,
    "equations": lambda world: LAYER,
    "FeedbackPopulation.equations": lambda world: FEEDBACK,
    "ErrorPopulation.equations": lambda world: ERROR,
    "Input.equations": lambda world: "x : 1\ns : 1",
    "layer": lambda world: "h1",
    "Softmax.layer": layer_for_softmax,
    "Brian2Reference.network": lambda world: network(streams=1),
    "group": lambda world: poisson_group(world.network),
    "Source.equations": lambda world: "y : 1",
    "pre": lambda world: "image",
    "post": lambda world: "side",
    "W": lambda world: np.ones((4, 3)),
    "convolution.post": lambda world: units_of(world, (3, 1, 1)),
    "convolution.W": lambda world: np.ones((1, 2, 2, 3)),
    "pooling.post": lambda world: units_of(world, (1, 1, 1)),
    "field": lambda world: 2,
    "map_units.units": lambda world: (1, 2, 2),
    "ReciprocalProjection.pre": lambda world: "side",
    "ReciprocalProjection.post": lambda world: units_of(world, 4),
    "ReciprocalProjection.W": lambda world: np.ones((3, 4)),
    "B": lambda world: np.ones((2, 3)),
    "source": lambda world: "image_to_h1",
    "function": lambda world: lambda W: 2 * W,
    "noise": lambda world: 0.1,
    "rule": lambda world: "dW = eta * s_pre",
    "Plasticity.constants": lambda world: {"eta": 0.1},
    "kolen_pollack.rule": lambda world: fa.Plasticity("dW = -0.1 * delta_post * s_pre"),
    "product_feedback_alignment.rule": lambda world: fa.Plasticity("dW = -0.1 * delta_post * s_pre"),
    "product_feedback_alignment.B": lambda world: np.ones((3, 3)),
    "nonlinearity": lambda world: "cos(layer_v)",
    "score": lambda world: "layer_s - layer_psi",
    "derivative": lambda world: "layer_psi",
    "relaxation.step": lambda world: 0.5,
    "error": lambda world: ERROR,
    "feedback": lambda world: FEEDBACK,
    "loss": lambda world: "(layer_s - target)**2 / 2",
    "eta": lambda world: 0.1,
    "scale": lambda world: 0.5,
    "normalized_squared_error.error": lambda world: [0.1, 0.2],
    "target": lambda world: [1.0, 2.0],
    "LeastSquaresProjection.target": lambda world: "side",
    "node_perturbation_feedback.eta": lambda world: 0.1,
    "classification_task.steps_per_image": lambda world: 2,
    "classification_task.classes": lambda world: 2,
    "regression_task.steps_per_image": lambda world: 2,
    "signal_task.steps_per_image": lambda world: 2,
    "unit": lambda world: [0, 1],
    "time": lambda world: [0.1, 0.2],
    "sample": lambda world: [0, 1],
    "samples": lambda world: 2,
    "SpikeTrains.duration": lambda world: 1.0,
    "camera_trains.samples": lambda world: [np.array([(0, 0, 10, 1)], datasets.event_camera.EVENT)],
    "activity": lambda world: recording().activity(),
    "load_weights.path": lambda world: "weights.npz",
    "trains_from_nwb.path": lambda world: "a.nwb",
    "read_aer.path": lambda world: "a.bin",
    "read_spikes_hdf5.path": lambda world: "a.h5",
    "read_spikes_hdf5.duration": lambda world: 1.0,
    "segments": lambda world: recording().to_neo(),
    "Activity.dt": lambda world: 1e-3,
    "Activity.spikes": lambda world: {"h1": np.ones((4, 3), bool)},
    "camera_trains.duration": lambda world: 1.0,
    "projection": lambda world: "image_to_h1",
    "synapses": lambda world: [(0, 0), (1, 2)],
    "population": lambda world: "h1",
    "variable": lambda world: "s",
    "Clamp.units": lambda world: [0, 1],
    "value": lambda world: 0.5,
    "Dataset.classes": lambda world: 2,
    "images": lambda world: IMAGES,
    "WeightAverage.images": lambda world: 4,
    "targets": lambda world: np.arange(4) % 2,
    "steps": lambda world: 2,
    "purpose": lambda world: "evaluation",
    "epoch": lambda world: 1,
    "milestones": lambda world: (1, 2),
    "divisor": lambda world: 2.0,
    "fraction": lambda world: 0.5,
    "limit": lambda world: 0.5,
    "sd": lambda world: 0.5,
    "height": lambda world: 4,
    "width": lambda world: 4,
    "side": lambda world: 2,
    "stride": lambda world: 1,
    "maps": lambda world: 1,
    "correlated_receptive_fields.pixels": lambda world: 2,
    "package": lambda world: "spikefa.pathways",
    "a": lambda world: np.ones((3, 2)),
    "b": lambda world: np.eye(3)[:, :2],
    "axis": lambda world: 0,
    "dataset": lambda world: data(),
    "load.name": lambda world: "digits",
    "add_pathway.name": lambda world: "alignment",
    "train_images": lambda world: IMAGES,
    "train_labels": lambda world: np.arange(4) % 2,
    "test_images": lambda world: IMAGES,
    "test_labels": lambda world: np.arange(4) % 2,
    "train_targets": lambda world: IMAGES[:, :2],
    "test_targets": lambda world: IMAGES[:, :2],
    "Dataset.train_targets": lambda world: None,
    "Dataset.test_targets": lambda world: None,
    "shape": lambda world: (2, 2),
    "weights": lambda world: np.ones((4, 3)),
    "metrics": lambda world: METRICS,
    "plot_raster.t": lambda world: [0.0, 1.0],
    "labels": lambda world: np.arange(4) % 2,
    "predictions": lambda world: np.arange(4) % 2,
    "rates": lambda world: np.ones((4, 3)),
    "psth": lambda world: np.ones((2, 3)),
    "values": lambda world: {"a": [0.0, 1.0]},
    "train.progress": lambda world: False,
    "train.epochs": lambda world: 1,
    "t": lambda world: [0.0, 1.0],
    "i": lambda world: [0, 1],
    "v": lambda world: [0.0, 1.0],
    "delta": lambda world: [0.0, 1.0],
    "stages": lambda world: [recording()],
    "outputs_figure.stages": lambda world: [outputs()],
    "recording": lambda world: recording(),
    "new_run.directory": lambda world: "run",
    "model": lambda world: "lillicrap2016_spiking",
    "new_run.changes": lambda world: {"pixels": 64, "hidden": (5,), "outputs": 10},
    "new_run.data": lambda world: "digits",
    "new_run.streams": lambda world: 2,
    "open_run.directory": lambda world: ".",
    "open_study.directory": lambda world: ".",
    "Study.directory": lambda world: "study",
    "train.directory": lambda world: "training",
    "Run.train.self": lambda world: fa.new_run("run", MODEL, **RUN),
    "Study.run.self": lambda world: fa.Study("study", MODEL, **RUN),
    "Study.run.workers": lambda world: 0,
    "Study.run.progress": lambda world: False,
    "save_figure.run": lambda world: fa.new_run("run", MODEL, **RUN),
    "save_figure.name": lambda world: "learning",
    "save_weights.path": lambda world: "weights.npz",
    "write_activity.path": lambda world: "activity",
    "format": lambda world: "csv",
    "study": lambda world: fa.Study("study", "lillicrap2016_spiking"),
    "low": lambda world: 1e-3,
    "high": lambda world: 1e-2,
}

_JOINS = ("Population", "Layer", "FeedbackPopulation", "ErrorPopulation", "PerturbedCopy", "Softmax", "add_pathway")
_PROJECTIONS = tuple(f"{kind}Projection" for kind in ("", "Tied", "Derived", "Shuffled", "LeastSquares", "Reciprocal"))
_PROJECTIONS += ("convolution", "pooling")
#: Callable -> what its network has; else a task.
STAGE = dict.fromkeys((*_JOINS, *_PROJECTIONS, "Source"), "layers") | {"Input": "empty", "PerturbedCopy": "units"}
STAGE |= dict.fromkeys(("classification_task", "regression_task", "signal_task"), "feedback")
