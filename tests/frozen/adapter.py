"""Every name of spikefa that the frozen digests use; where the package renames something, it is changed here alone.

The rest of this directory knows networks by the names below, and keywords and parameters by the names that they had
when the digests were recorded: `KEYWORDS`, `FIELDS` and `VALUES` say which of them are called something else now.
"""

import csv
import signal

import numpy as np
from brian2 import SpikeMonitor, StateMonitor, prefs

import spikefa as fa
from spikefa import datasets
from spikefa.core.sandbox import sandboxed
from spikefa.datasets import synthetic
from spikefa.diagnostics import evaluation
from spikefa.experiments import checkpoint, model_file, run
from spikefa.projections.pooling import Pooling

#: A keyword of the package's functions as recorded -> as it is now.
KEYWORDS: dict[str, str] = {
    "rate": "stimulus_variable",
    "display": "record_activity",
    "display_steps": "recording_steps",
}
#: A field of ``Params`` as recorded -> as it is now, of all models or of one.
FIELDS: dict[str | tuple[str, str], str] = {
    "a": "dt_over_tau",
    "max_rate": "max_spike_probability",
    "release": "release_probability",
    "mean_steps": "rate_average_steps",
    "drop_after": "lr_milestones",
    "drop_by": "lr_divisor",
    ("lillicrap2016_spiking", "field"): "receptive_field_pixels",
    ("lillicrap2016_rate", "field"): "receptive_field_side",
    "eta_first": "eta_factor_first",
    "eta_output": "eta_factor_output",
    "keep_weights": "connection_probability",
    "keep_feedback": "feedback_connection_probability",
    "kappa": "nudging_strength",
    "average": "averaging_images",
    "shared_draw": "shared_random_number",
}
#: A text that is the value of a parameter, as recorded -> as it is now, of all models or of one.
VALUES: dict[str | tuple[str, str], str] = {
    "transpose": "backprop",
    "shallow": "output_only",
    "reshuffled": "shuffled_feedback",
    "sign": "sign_symmetric",
    "squares": "squared_error",
    ("lansdell2020_np", "learned"): "node_perturbation_feedback",
}
#: Fields that were off by 0 when the digests were recorded, and are None now.
OFF_BY_NONE = {"averaging_images", "classes", "momentum", "rate_average_steps", "rmsprop"}
#: A pathway as recorded -> the name of its function now.
PATHWAYS = {
    "transpose": "backprop",
    "shallow": "output_only",
    "reshuffled_alignment": "shuffled_feedback",
    "learned_feedback": "node_perturbation_feedback",
}
#: Model -> the field that says by what pathway or rule it learns, if it is not "pathway".
PATHWAY_FIELDS = {"differential_stdp": "hidden_rule"}


def package_file():
    return fa.__file__


def renamed(names, given):
    return {names.get(name, name): value for name, value in given.items()}


def changes(model, pathway=None, **fields):
    """Fields of a model's ``Params``, as they are called now."""
    chosen = {FIELDS.get((model, name), FIELDS.get(name, name)): value for name, value in fields.items()}
    if pathway is not None:
        chosen[PATHWAY_FIELDS.get(model, "pathway")] = pathway
    for name, value in chosen.items():
        if isinstance(value, str):
            chosen[name] = VALUES.get((model, value), VALUES.get(value, value))
        elif name in OFF_BY_NONE and value == 0:
            chosen[name] = None
    return chosen


def model_network(model, streams, seed, images=None, pathway=None, **fields):
    loaded = model_file.load(model)
    return loaded.build(loaded.params(changes(model, pathway, **fields)), streams, seed, lambda: images)


def network(**options):
    return fa.Network(**renamed(KEYWORDS, options))


def source(net, name, units, *equations, **options):
    return fa.Input(net, name, units, *equations, **renamed(KEYWORDS, options))


def layer(net, name, units, equations, **options):
    return fa.Layer(net, name, units, equations, **renamed(KEYWORDS, options))


def population(net, name, units, equations, **options):
    return fa.Population(net, name, units, equations, **renamed(KEYWORDS, options))


def project(net, pre, post, limit, rule=None, constants=None, mask=None, bias=None, learn_bias=True, **learning):
    """A projection of uniform weights, with a rule and what `learning` says of it."""
    plasticity = None if rule is None else fa.Plasticity(rule, constants or {}, **optimized(**learning))
    options = {"bias": bias, "mask": mask, "plasticity": plasticity, "learn_bias": learn_bias}
    return fa.Projection(net, pre, post, fa.uniform(limit), **renamed(KEYWORDS, options))


def optimized(momentum=0.0, rmsprop=0.0, rate=1.0):
    optimizer = fa.RMSprop(rmsprop) if rmsprop else fa.Momentum(momentum) if momentum else fa.SGD()
    return {"optimizer": optimizer, "lr": rate}


def share(net, pre, post, source, **options):
    return fa.TiedProjection(net, pre, post, source, **renamed(KEYWORDS, options))


def follow(net, pre, post, source, function, **options):
    return fa.DerivedProjection(net, pre, post, source, function, **renamed(KEYWORDS, options))


def reshuffle(net, pre, post, limit, **options):
    return fa.ShuffledProjection(net, pre, post, fa.uniform(limit), **renamed(KEYWORDS, options))


def pathway(net, name, limit=None, **options):
    """Add the pathway of that name, with uniform feedback weights where a limit is given."""
    weights = {} if limit is None else {"B": fa.uniform(limit)}
    return getattr(fa, PATHWAYS.get(name, name))(net, **renamed(KEYWORDS, weights | options))


def softmax(net, layer, **options):
    return fa.Softmax(net, layer, **renamed(KEYWORDS, options))


def average(net, images, **options):
    return fa.WeightAverage(net, images, **renamed(KEYWORDS, options))


def error_monitor(net, **options):
    """A monitor of training errors; return a function that gives them."""
    monitor = fa.ErrorMonitor(net, **renamed(KEYWORDS, options))
    return lambda: [np.asarray(monitor.error)]


def update_alignment(net, **options):
    """A monitor of each rule's updates; return a function that gives what it measured."""
    monitor = fa.GradientAlignment(net, **renamed(KEYWORDS, options))
    return lambda: [np.asarray(a) for of in (monitor.angle, monitor.norm_ratio, monitor.sign) for a in of.values()]


def random_mask(fraction):
    return fa.random_connectivity(fraction)


def local_patches(*sizes):
    return fa.local_receptive_fields(*sizes)


def layers_of(net):
    return [layer.name for layer in net.layers]


def units_of_ends(net):
    """Units of the input and of the last layer, and the number of classes or None."""
    return net.input.units, net.layers[-1].units, net.readout.classes


def input_limits(net):
    return net.input.limits


def present(net, steps, classes=None):
    if classes is None:
        fa.regression_task(net, steps)
    else:
        fa.classification_task(net, steps, classes)


def show(net, images, targets):
    net.stimulus.show_images(images, targets)


def steps_per_image(net):
    return net.stimulus.steps_per_image


def run_steps(net, steps):
    net.run_steps(steps)


def streams_of(net):
    return net.streams


def set_text(net, population, variable, text):
    """Set a variable by a text, whose random numbers are of the network's seed."""
    setattr(net[population], variable, text)


def record(net, population, variables, spikes):
    """Monitors of Brian2 on a population; return a function that gives what they recorded."""
    states = StateMonitor(net[population], list(variables), record=True)
    net.add(states)
    events = SpikeMonitor(net[population]) if spikes else None
    if spikes:
        net.add(events)
    return lambda: [
        *(np.asarray(getattr(states, name)) for name in variables),
        *((np.asarray(events.i[:]), np.asarray(events.t_[:])) if spikes else ()),
    ]


def set_factor(net, projection, factor):
    net[projection].learning.lr_factor = factor


def move_to(net, device):
    net.device = device


def guesses(net, images, steps):
    with net.averaged():
        return evaluation.predict(net, images, steps)


def responses(net, images, steps):
    return evaluation.summed_outputs(net, images, steps)


def keep_initial_state(net):
    """Let evaluations start from the present state."""
    net.save_initial_state()


def look_aside(net, images, targets, steps):
    """Show something that leaves no trace; return the activity in the end."""
    with sandboxed(net, "recording"):
        show(net, images, targets)
        run_steps(net, steps)
        return [np.array(array) for array in net.state().values()]


def angles(net):
    return [np.asarray(angle) for angle in evaluation.alignment(net).values()]


def save_and_load(net, again, path):
    """Write a checkpoint of one network and read it into another."""
    checkpoint.save(path, net, net.readout.progress, "")
    again.readout.progress = checkpoint.load(path, again)


def learners(net):
    """Weights of each projection that learns, by its name; copies."""
    return {p.name: np.array(p.W) for p in net.projections if p.learning is not None}


def state(net):
    """The whole state, as names that no renaming touches and arrays.

    Returns
    -------
    int
        Number of steps done.
    list of (str, str, ndarray)
        What networks name themselves: a population and one of its variables, or a projection and W or b.
    list of (str, list of ndarray)
        What the package names: arrays that populations were given, what rules, averages and readouts remember.
    """
    named, nameless = [], []
    for population in net.populations:
        stated = {*population.equations.names, "lastspike", "not_refractory"}
        arrays = population.state_arrays()
        if "lastspike" in arrays:  # was of the network's type when the digests were recorded
            arrays["lastspike"] = arrays["lastspike"].astype(net.dtype)
        named += [(population.name, name, array) for name, array in arrays.items() if name in stated]
        nameless.append((population.name, [array for name, array in arrays.items() if name not in stated]))
    for projection in net.projections:
        if _pools(projection):
            continue  # winners are the population's
        named += [(projection.name, "W", projection.W), (projection.name, "b", projection.b)]
        if projection.learning is not None:
            nameless.append((projection.name, list(projection.learning.state_arrays().values())))
    if net.weight_average is not None:
        nameless.append(("average", list(net.weight_average.state_arrays().values())))
    if net.readout is not None:
        read = [np.asarray(value) for value in net.readout.progress.values()]
        nameless.append(("readout", [*read, net.stimulus.targets]))
    return net.step, named, nameless


def _pools(projection):
    return isinstance(getattr(projection, "source", projection), Pooling)


def digits():
    return datasets.load("digits")


def task(name, *arguments, **options):
    """Arrays of a task: training and test inputs and targets."""
    made = getattr(synthetic, name)(*arguments, **options)
    return [made.train_images, made.train_targets, made.test_images, made.test_targets]


def dataset_arrays(data):
    return [data.train_images, data.train_labels, data.test_images, data.test_labels]


def train(directory, model, interrupt=False, pathway=None, fields=None, **options):
    """Train a run on the digits, interrupted in the first epoch and gone on with if asked.

    Returns
    -------
    network, rows of ``metrics.csv`` without the seconds, arrays of the display recordings
    """
    stated = changes(model, pathway, **(fields or {}))

    def one():
        return run.new_run(directory, model, stated, data="digits", **renamed(KEYWORDS, options))

    def watch(row):
        if row["epoch"] > 0.2:
            signal.raise_signal(signal.SIGINT)

    if interrupt:
        try:
            one().train(watch)
        except KeyboardInterrupt:
            pass
        else:
            raise RuntimeError("the run was not interrupted")
    one().train()
    opened = run.open_run(directory)
    trainer = opened.trainer()
    trainer.resume()
    with open(directory / "metrics.csv", newline="", encoding="utf-8") as file:
        rows = [[value for name, value in row.items() if name != "seconds"] for row in csv.DictReader(file)]
    shown = opened.recordings() if options.get("display") else []
    arrays = [
        (f"{name} {key}", array)
        for display in shown
        for name in ("spikes", "v", "delta")
        for key, array in getattr(display, name).items()
    ]
    return trainer.network, rows, arrays


def prepare(cython_folder):
    """Have Brian2 compile as on every other machine, and keep what it compiles in a folder."""
    prefs.codegen.target = "numpy"  # of monitors and of texts that set variables
    prefs.codegen.runtime.cython.cache_dir = cython_folder
    prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O1", "-ffp-contract=off", "-std=c++11"]
