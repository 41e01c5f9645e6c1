"""The public interface, found by its names and signatures, as cases of one bad argument each."""

import dataclasses
import functools
import inspect

import fuzz_values
import fuzz_world

import spikefa as fa
from spikefa import datasets, exchange, metrics, plotting
from spikefa.experiments import model_file, model_source
from spikefa.experiments.training_config import TrainingConfig
from spikefa.pathways import pathways

#: Public, and made by other functions or a mere base class: nothing to be given to them; or it needs ffmpeg.
LEFT_OUT = {"Run", "Params", "Optimizer", "SGD", "VARIABLE", "WEIGHT_FILES", "Signal", "save_animation"}
#: These read files that are not everywhere: their valid arguments do not suffice.
NEEDS_FILES = {
    "open_run",
    "open_study",
    "plot_study",
    "load_cifar10_jpeg",
    "load_svhn",
    "load_timit_stops",
    "mnist_background",
}
NEEDS_FILES |= {"load_nmnist", "load_shd", "load_weights", "read_aer", "read_spikes_hdf5", "trains_from_nwb"}
NEEDS_FILES |= {"save_figure", "save_study_figure"}


@dataclasses.dataclass(frozen=True)
class Case:
    """A call with one bad argument."""

    function: str
    parameter: str
    bad: str

    def __str__(self):
        return f"{self.function}({self.parameter}={self.bad})"


@functools.cache
def functions():
    """Everything public that takes arguments, by name."""
    found = {}
    for module in (fa, datasets, exchange, metrics, plotting):
        for name in module.__all__:
            thing = getattr(module, name)
            error = inspect.isclass(thing) and issubclass(thing, Exception)
            if callable(thing) and not error and name not in LEFT_OUT and not isinstance(thing, type(pathways)):
                found[name] = thing
    found |= {f"pathway {name}": pathways[name] for name in pathways if pathways[name] not in found.values()}
    for name in model_source.names():
        found[f"model {name}"] = model_file.load(name).module.Params
    found |= {"TrainingConfig": TrainingConfig, "Run.train": fa.Run.train, "Study.run": fa.Study.run}
    return found


def parameters(name):
    """Return the parameters of a public function, by name; those that `**options` stand for, too."""
    signature, found = inspect.signature(functions()[name]).parameters, {}
    for parameter in signature.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            found |= {n: p for n, p in OPTIONS.get(name, dict)().items() if n not in signature}
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name != "self":
            found[parameter.name] = parameter
    return found


#: What `**options` of a function are: a function that returns the parameters.
OPTIONS = {
    "Input": lambda: parameters("Population"),
    "FeedbackPopulation": lambda: {n: p for n, p in parameters("Population").items() if n != "units"},
    "ErrorPopulation": lambda: parameters("FeedbackPopulation"),
    "new_run": lambda: parameters("TrainingConfig"),
    "add_pathway": lambda: parameters("feedback_alignment"),
}


def valid(world, name, without=()):
    """Return valid arguments: those that have to be given, and those that `VALID` knows for this function."""
    own = fuzz_world.VALID.get(f"{name}.self")
    arguments = {} if own is None else {"self": own(world)}
    for parameter in parameters(name).values():
        builder = fuzz_world.VALID.get(f"{name}.{parameter.name}")
        if builder is None and parameter.default is parameter.empty:
            builder = fuzz_world.VALID.get(parameter.name)
            if builder is None:
                raise LookupError(
                    f"{name} has the new parameter {parameter.name!r} without a default: add a function that makes a "
                    "valid value to VALID of tests/fuzz/fuzz_world.py"
                )
        if builder is not None and parameter.name not in without:
            arguments[parameter.name] = builder(world)
    return arguments


@functools.cache
def cases():
    """Every function, each of its parameters, each bad value."""
    return tuple(
        Case(name, parameter, bad)
        for name in functions()
        for parameter in parameters(name)
        for bad in fuzz_values.BAD
        if not (bad == "none" and parameters(name)[parameter].default is None)
    )


def stage(name):
    """Return what the network has before the call."""
    adds_pathway = functions()[name] in [pathways[known] for known in pathways]
    return "layers" if adds_pathway else fuzz_world.STAGE.get(name, "task")
