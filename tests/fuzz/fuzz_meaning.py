"""What a value that looks bad means where it is accepted, by the parameter's annotation or by its name."""

_NUMBERS = {"0", "1.5", "2**62", "numpy 0-d"}
_REALS = _NUMBERS | {"minus 1", "huge", "1e308"}
_TEXTS = {"text", "empty text", "text with spaces", "text of a number", "text with a null", "text not ASCII"}
_TEXTS |= {"long text", "code", "power tower", "bomb", "nested"}
#: What is found to be bad once it is called, when the training has begun.
LATE = {"Run.train.watch": {"class", "function that raises", "function of nothing"}}
_EMPTY = {"list", "tuple", "dict", "no elements"}

#: Words of an annotation -> labels: a number within the parameter's range; nothing, where None or a collection may be.
ANNOTATIONS = {
    "None": {"none"},
    "float": _REALS,
    "int": _NUMBERS | {"minus 1"},
    "Quantity, ms": {"milliseconds"},
    "Quantity, mV": {"millivolts"},
    "bool": {"true"},
    "tuple": _EMPTY | {"numpy 0-d"},  # of one item, as on the command line
    "Mapping": {"dict"},
    "dict": {"dict"},
    "Collection": _EMPTY,
}

#: Function and parameter, or a parameter -> labels, where the annotation does not say it.
PARAMETERS = {
    "name": {"text"},  # of a new object
    "plot_psth.psth": {"nan array"},  # of classes without images
    "plot_raster.groups": {"text array"},  # names of groups
    "Dataset.name": _TEXTS,
    "regression.name": _TEXTS,
    "label": _TEXTS,
    "emit": {"empty text"},  # the output is written by something else
    "receive": {"empty text"},
    "Source.equations": {"empty text"},  # none beside its own
    "current": {"text"},  # a population that no projection reaches
    "random_numbers_of": {"text"},  # a name to number draws by
    "stimulus_variable": {"text"},  # the default
    "Input.limits": {"none"},
    "new_run.directory": _TEXTS | {"path"},
    "Study.directory": _TEXTS | {"path"},
    "data_dir": _TEXTS | {"path"},
    "train.directory": _TEXTS | {"path"},
    "write_activity.path": _TEXTS | {"path"},
    "train.lr_factor": {"class"},  # int is a function of the epoch
    "callbacks": _EMPTY,
    "watch": {"function to None"},
    "progress": {"none"},  # by whether somebody looks on
    "column": _TEXTS,
    "captions": _EMPTY,
    "title": _TEXTS,
    "plot_tuning.rates": {"array of amperes"},
    "OrRegistered.package": {"text", "long text"},
    "threshold": {"text"},  # nothing reads it where there is an emit
    "reset": {"empty text"},
    "emit_error": {"empty text"},
    "loss": {"text of a number"},  # a constant
    "derivative": {"text of a number"},
    "output_error": {"text of a number"},
    "refractory": {"milliseconds"},
    "dt": {"milliseconds"},
    "gap": {"milliseconds"},
    "SpikeTrains.duration": {"milliseconds", "1.5", "numpy 0-d"},  # seconds
    "camera_trains.duration": {"milliseconds", "1.5", "numpy 0-d"},
    "trains_from_neo.duration": {"milliseconds", "1.5", "numpy 0-d"},
    "Activity.name": _TEXTS,
    "Activity.description": _TEXTS,
    "delay": {"milliseconds"},
    "start": {"milliseconds"},
    "stop": {"milliseconds"},
    "Clamp.value": _REALS | {"true"},
    "milestones": {"set"},
    "new_run.epochs": {"none"},  # the model's own
    "new_run.test_steps": {"none"},
    "network": {"foreign network"},  # it is a network
    "boundaries": _REALS | _EMPTY | {"minus milliseconds", "milliseconds"},
    "pixels.images": _REALS
    | _EMPTY
    | {"nan", "inf", "nan array", "wrong shape", "array of amperes", "numpy nan"}
    | {"milliseconds", "minus milliseconds", "millivolts"},
    "plot_receptive_fields.weights": {"array of amperes", "nan array"},  # NaN is drawn blank
    "rule": _TEXTS,  # of a model's parameters: its build reads it
    "Plasticity.rule": set(),
}


def is_late(case):
    """Return whether a value can be refused only when something has been written."""
    return case.bad in LATE.get(f"{case.function}.{case.parameter}", ())


def is_meant(case, annotation):
    """Return whether a value may be accepted."""
    own = PARAMETERS.get(f"{case.function}.{case.parameter}")
    if own is None:
        own = PARAMETERS.get(case.parameter, set())
    words = annotation if isinstance(annotation, str) else str(annotation)
    return case.bad in own or any(case.bad in labels for word, labels in ANNOTATIONS.items() if word in words)
