"""The cases of the frozen digests: small networks that learn, by labels that stay what they are.

Everything that is spikefa's is called by way of `adapter`. A case returns what is hashed: a network, whose whole state
counts, or lists of arrays and numbers. Texts of equations, rules and names of populations are parts of the networks.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import adapter as a
import numpy as np
from brian2 import ms

STEPS = 20
CLASSES = 4
_SPIKING = {
    "pixels": 16,
    "hidden": (12, 10),
    "outputs": 8,
    "classes": CLASSES,
    "eta": 4e-2,
    "weight_range": 0.6,
    "feedback_range": 0.5,
    "gamma": 1e-3,
}
_RATE = {"sizes": (16, 12, 10, CLASSES), "eta": 0.05}
#: Model -> parameters of its small network, and the pathways, algorithms or rules it offers.
MODELS = {
    "lillicrap2016_spiking": (
        _SPIKING,
        ("alignment", "direct", "reshuffled", "transpose", "shallow"),
    ),
    "lillicrap2016_rate": (
        _RATE | {"classes": CLASSES, "weight_range": 0.5, "feedback_range": 1.0, "gamma": 1e-3, "gated": True},
        ("alignment", "transpose", "shallow", "node_perturbation", "pseudobackprop", "direct", "indirect", "sign"),
    ),
    "dargazany2019_itd": (
        _RATE,
        ("transpose", "alignment", "itd_dy", "itd_y", "itd_e", "itd_h", "itd_sub", "shallow"),
    ),
    "differential_stdp": (
        _SPIKING,
        ("none", "derivative", "rectified", "spikes", "potential", "nudged", "pairwise"),
    ),
    "lansdell2020_np": (
        _RATE | {"classes": CLASSES, "eta_feedback": 0.05, "noise": 0.1, "warm_up": 4},
        ("learned", "alignment", "transpose"),
    ),
    "millidge2020_ar": (
        _RATE | {"classes": CLASSES, "weight_sd": 0.5, "relaxation": 9, "eta": 0.1},
        ("relaxation", "learned", "fixed", "transpose"),
    ),
    "nokland2016_dfa": (
        {"pixels": 16, "hidden": (12, 10), "classes": CLASSES, "weights": "fan_in", "eta": 1e-2},
        ("transpose", "alignment", "direct", "indirect"),
    ),
    # Those whose cases are all in `VARIANTS`.
    "lansdell2020_cnn": ({"grid": (2, 8, 8), "maps": (3, 4), "hidden": (6,), "classes": CLASSES, "eta": 1e-2}, ()),
    "escape_lif": (
        {
            "pixels": 16,
            "hidden": (12, 10),
            "outputs": 8,
            "classes": CLASSES,
            "dt": "1 ms",
            "duration": "5 ms",
            "method": "euler",
            "weight_range": "9 mV",
            "feedback_range": 2.0,
            "eta": "2 mV",
        },
        (),
    ),
    "eprop": ({"pixels": 16, "hidden": 12, "classes": CLASSES, "duration_ms": 5.0, "readout_range": 0.5}, ()),
    "reward_stdp": ({"pixels": 16, "outputs": 8, "classes": CLASSES, "duration_ms": 5.0, "output_bias": 0.0}, ()),
    "apical_dendrites": (
        {"pixels": 16, "hidden": (12, 10), "outputs": 8, "classes": CLASSES, "modulators": 5, "eta": 4e-2},
        (),
    ),
    "biology": (
        {"pixels": 16, "hidden": (12, 10), "outputs": 8, "classes": CLASSES, "duration": 20.0, "feedback_scale": 1.0},
        (),
    ),
}
_SPIKING_VARIANTS = {
    "1 stream": {"streams": 1},
    "2 streams": {"streams": 2},
    "10 streams": {"streams": 10},
    "32 streams": {"streams": 32},
    "45 streams": {"streams": 45},
    "float64": {"dtype": "float64"},
    "float64, 1 stream": {"dtype": "float64", "streams": 1},
    "float64, 40 streams": {"dtype": "float64", "streams": 40},
    "slow decay": {"gamma": 1e-6},
    "one step an image": {"steps_per_image": 1},
    "momentum": {"momentum": 0.5},
    "momentum, 1 stream": {"momentum": 0.5, "streams": 1},
    "momentum, 40 streams": {"momentum": 0.5, "streams": 40},
    "everything of best": {
        "mean_steps": 10.0,
        "loss": "cross_entropy",
        "output_bias": -1.1,
        "release": 0.7,
        "eta_first": 3.0,
        "eta_output": 0.3,
        "average": 30,
    },
    "average, 40 streams": {"average": 200, "streams": 40, "steps_per_image": 1},
    "fields": {"field": 5, "weight_range_first": 0.8},
    "sparse fields": {"field": 2, "momentum": 0.5, "average": 20},
    "sparse fields, 1 stream": {"field": 1, "streams": 1},
    "sparse fields, 40 streams": {"field": 2, "streams": 40, "mean_steps": 10.0},
    "softmax": {"softmax": True, "loss": "cross_entropy"},
    "pairs": {"pathway": "direct", "feedback_pairs": True, "dtype": "float64"},
    "backpropagation of the cross-entropy": {"pathway": "transpose", "loss": "cross_entropy"},
    "backpropagation, 1 stream": {"pathway": "transpose", "streams": 1},
    "backpropagation, 40 streams": {"pathway": "transpose", "streams": 40},
    "reshuffled, 1 stream": {"pathway": "reshuffled", "streams": 1},
    "a rule of its own": {"rule": "dW = -eta * delta_post * psi_post * (s_pre - 0.5) - gamma * W"},
    "soft bounds": {"rule": "dW = -eta * delta_post * psi_post * s_pre * (1 - W) - gamma * W"},
    "augmented_direct": {"pathway": "augmented_direct"},
    "indirect": {"pathway": "indirect"},
    "sign": {"pathway": "sign", "feedback_every": 3},
    "pseudobackprop": {"pathway": "pseudobackprop", "feedback_every": 3, "pseudoinverse_cutoff": 0.3},
    "kolen_pollack": {"pathway": "kolen_pollack"},
    "kolen_pollack, cross-entropy, momentum": {
        "pathway": "kolen_pollack",
        "loss": "cross_entropy",
        "mean_steps": 10.0,
        "momentum": 0.5,
    },
    "product": {"pathway": "product", "product_units": 20},
    "relaxation": {"pathway": "relaxation"},
    "reinforce": {"pathway": "reinforce"},
    "reinforce, softmax": {"pathway": "reinforce", "loss": "cross_entropy", "softmax": True},
    "reinforce_feedback": {"pathway": "reinforce_feedback", "loss": "cross_entropy", "eta_feedback": 1e-2},
    "node_perturbation": {"pathway": "node_perturbation"},
    "node_perturbation_feedback": {"pathway": "node_perturbation_feedback", "eta_feedback": 1e-2},
}
_RATE_VARIANTS = {
    "1 stream": {"streams": 1},
    "2 streams": {"streams": 2},
    "40 streams": {"streams": 40},
    "backpropagation, 1 stream": {"pathway": "transpose", "streams": 1},
    "float64": {"dtype": "float64"},
    "tanh and linear": {"units": "tanh", "output_unit": "linear"},
    "leaky": {"units": "leaky", "derivative_sent": True, "eta": 1e-3},
    "linear regression": {"units": "linear", "output_unit": "linear", "classes": 0, "dtype": "float64", "eta": 1e-3},
    "direct, e sent with the derivative": {"pathway": "direct", "derivative_sent": True},
    "mean over streams, scaled": {"mean_over_streams": True, "scaled": True, "eta": 0.5},
    "momentum": {"momentum": 0.9},
    "half of the synapses": {"keep_weights": 0.5, "keep_feedback": 0.5},
    "few synapses": {"sizes": (60, 50, 40, CLASSES), "keep_weights": 0.1, "keep_feedback": 0.5},
    "few synapses, 1 stream": {"sizes": (60, 50, 40, CLASSES), "keep_weights": 0.08, "streams": 1},
    "few synapses, backpropagation, momentum": {
        "sizes": (60, 50, 40, CLASSES),
        "keep_weights": 0.1,
        "pathway": "transpose",
        "momentum": 0.5,
    },
    "local fields": {"sizes": (36, 32, 10, CLASSES), "maps": 2, "field": 3},
    "dropout": {"dropout": 0.5},
    "frozen": {"frozen": (2,)},
    "the published path down": {"gated": False},
    "the published path down, 1 stream": {"gated": False, "streams": 1},
    "the published path down, tanh, 40 streams": {"gated": False, "streams": 40, "units": "tanh"},
}
_FLOAT64 = {"dtype": "float64"}
#: Further parameters of a model, beside its small network's, and the number of streams if not 3.
VARIANTS = {
    "lillicrap2016_spiking": _SPIKING_VARIANTS,
    "lillicrap2016_rate": _RATE_VARIANTS,
    "differential_stdp": {
        "derivative, squares": {"pathway": "derivative", "loss": "squares"},
        "nudged by two draws": {"pathway": "nudged", "shared_draw": False, "kappa": 0.5},
        "pairwise, 1 stream": {"pathway": "pairwise", "streams": 1},
        "pairwise, 40 streams, averaged": {"pathway": "pairwise", "streams": 40, "average": 100},
        "exponential windows": {"pathway": "stdp", "window_steps": 1.5},
        "real nudge": {"pathway": "real_nudge", "settling_steps": 2},
        "itd_dy": {"pathway": "itd_dy"},
        "itd_y": {"pathway": "itd_y"},
        "itd_sub": {"pathway": "itd_sub"},
    },
    "dargazany2019_itd": {
        "itd_y, 1 stream": {"pathway": "itd_y", "streams": 1},
        "steps": {"pathway": "itd_dy", "units": "step", "rmsprop": 0.9, "mean_error": False},
        "steps, surrogate": {"pathway": "alignment", "units": "step", "psi": "surrogate"},
    },
    "lansdell2020_np": {
        "rectifiers, float64": {"pathway": "learned", "units": ("rectifier", "tanh", "logistic"), "dtype": "float64"},
        "1 stream": {"pathway": "learned", "streams": 1},
        "regression": {"pathway": "learned", "classes": 0},
    },
    "millidge2020_ar": {
        "without the derivative": {"pathway": "learned", "derivative": False},
        "tanh, 1 stream": {"pathway": "relaxation", "units": "tanh", "streams": 1},
        "convolution": {
            "pathway": "learned",
            "sizes": (64, 10, CLASSES),
            "convolutions": (3,),
            "grid": (1, 8, 8),
            "units": "tanh",
        },
    },
    "lansdell2020_cnn": {
        "learned": {"pathway": "node_perturbation_feedback"},
        "direct, float64": {"pathway": "direct", "dtype": "float64"},
        "1 stream": {"pathway": "backprop", "streams": 1},
    },
    "nokland2016_dfa": {
        "as published": {"weights": "zero"},
        "1 stream": {"pathway": "direct", "streams": 1},
        "dropout": {"dropout": 0.5, "dropout_input": 0.1},
        "softmax and logistic units": {
            "units": "logistic",
            "output_unit": "softmax",
            "weights": "truncated",
            "feedback": "truncated",
            "rmsprop": 0.0,
            "eta": 0.5,
        },
        "momentum": {"rmsprop": 0.0, "momentum": 0.5, "eta": 0.1},
        "subtracted": {"rmsprop": 0.0, "subtracted": 1e-3, "gamma": 1e-3, "eta": 0.1},
    },
    "escape_lif": {
        "spiking feedback": {"steps": 60},
        "0.25 ms": {"dt": "0.25 ms", "steps": 240},
        "float64, 1 stream": _FLOAT64 | {"streams": 1, "steps": 200},
    },
    "eprop": {"traces of units": {}, "states of synapses": {"filtered": True}, "no feedback": {"pathway": "none"}},
    "reward_stdp": {"spike less probability": {}, "pairs": {"window": "pairs", "hidden": (12,)}},
    "apical_dendrites": {
        "modulators": {},
        "direct": {"feedback": "direct"},
        "coupled, float64": _FLOAT64 | {"coupling": 0.1},
        "40 streams": {"streams": 40},
    },
    "biology": {
        "integrate and fire": {},
        "dale": {"dale": True, "weight_scale": 1.0},
        "spiking feedback": {"spiking_feedback": True, "feedback_delay": 2.0, "gap": 5.0},
        "float64, 1 stream": _FLOAT64 | {"streams": 1, "poisson": True, "tau_spread": 0.3},
    },
}


def images_and_answers(net, count, seed=11):
    pixels, outputs, classes = a.units_of_ends(net)
    rng = np.random.default_rng(seed)
    images = rng.random((count, pixels))
    return images, rng.normal(size=(count, outputs)) if classes is None else rng.integers(0, classes, count)


def learn(net, steps=STEPS, seed=11):
    """Show random images for that many steps."""
    presentations = -(-steps // a.steps_per_image(net))
    a.show(net, *images_and_answers(net, presentations * a.streams_of(net), seed))
    a.run_steps(net, steps)
    return net


def of_model(model, streams=3, seed=7, device="cpu", steps=STEPS, **fields):
    parameters = MODELS[model][0] | fields
    images = np.random.default_rng(3).random((60, parameters.get("pixels", 16)))
    net = a.model_network(model, streams, seed, images=images, **parameters)
    if device != "cpu":
        a.move_to(net, device)
    return learn(net, steps)


LIF = """
dv/dt = (I + 0.3 * sin(v) - v) / tau : 1 (unless refractory)
I : 1
s : 1
w = clip(v, 0, 1) * s + floor(abs(v)) : 1
"""
RATES = "dv/dt = (I - v) / tau : 1\nI : 1\nr : 1"
TAU = {"tau": 3 * ms}


def own(
    streams=2,
    rule="dW = 0.01 * w_post * s_pre - 0.001 * W",
    mask=None,
    softmax=0,
    dtype="float64",
    target="numba",
    average=0,
    device="cpu",
    sizes=(9, 11, 8),
    **learning,
):
    """Thresholds, resets, refractoriness, noise, a regression; and by choice other weights, rules, softmax."""
    net = a.network(streams=streams, seed=3, dtype=dtype, target=target, device=device)
    a.source(net, "x", sizes[0])
    a.layer(
        net,
        "h",
        sizes[1],
        LIF,
        receive="I = I + 0.2 * randn()",
        threshold="v > 0.4",
        reset="v = 0",
        refractory=2 * ms,
        namespace=TAU,
    )
    emit = "" if softmax else "r = v"
    out = a.layer(net, "y", sizes[2], RATES, emit=emit, output="r", threshold=None, namespace=TAU)
    if softmax:
        a.softmax(net, out, groups=softmax)
    a.project(net, "x", "h", 2, rule=rule, mask=mask, **learning)
    a.project(net, "h", "y", 1)
    if average:
        a.average(net, average, every=2)
    a.present(net, 4)
    return learn(net)


def spiking(streams=2, rule=None, mask=None, dtype="float32", target="numba", **learning):
    """An input and a layer of spikes; the rule is between them."""
    net = a.network(streams=streams, seed=4, dtype=dtype, target=target)
    a.source(net, "x", 21)
    a.layer(
        net,
        "h",
        19,
        "dv/dt = (I - v) / tau : 1\nI : 1\ns : 1\nd = v - 0.2 : 1",
        emit="s = int(rand() < 0.5 + v)",
        namespace=TAU,
    )
    a.layer(net, "y", 8, "dv/dt = (I - v) / tau : 1\nI : 1\ns : 1", emit="s = int(v > 0.1 * randn())", namespace=TAU)
    bias = np.linspace(-0.2, 0.2, 19)
    a.project(net, "x", "h", 0.5, rule=rule or RULES["product"], mask=mask, bias=bias, **learning)
    a.project(net, "h", "y", 0.5, rule="dW = 0.01 * s_post * s_pre - 0.01 * W", learn_bias=False)
    a.present(net, 5, 4)
    return learn(net)


def graded(streams=2, mask=None, dtype="float32", target="numba", **learning):
    """The same of graded outputs, with a recurrent projection, which adds to the first."""
    net = a.network(streams=streams, seed=5, dtype=dtype, target=target)
    a.source(net, "x", 13, "x : 1\nr : 1", emit="r = x", output="r", threshold=None, limits=None)
    a.layer(net, "h", 17, RATES, emit="r = tanh(v)", output="r", threshold=None, namespace=TAU)
    a.project(net, "x", "h", 0.5, rule="dW = 0.02 * (r_post - 0.1) * r_pre", mask=mask, **learning)
    a.project(net, "h", "h", 0.5)
    a.present(net, 5)
    return learn(net)


def dependent(kind, streams=2, mask=None, dtype="float32", target="numba"):
    """Projections whose weights are another's: shared both ways, followed, or in a new order in every step."""
    net = a.network(streams=streams, seed=6, dtype=dtype, target=target)
    a.source(net, "x", 14, "x : 1\nr : 1", emit="r = x", output="r", threshold=None)
    for name, units in (("h", 15), ("up", 15), ("down", 14), ("y", 15)):
        a.layer(net, name, units, RATES, emit="r = tanh(v)", output="r", threshold=None, namespace=TAU)
    a.project(net, "x", "h", 0.8, rule="dW = 0.02 * r_post * r_pre - 0.01 * W", mask=mask)
    if kind == "shared":
        a.share(net, "h", "down", "x_to_h", transpose=True)
        a.share(net, "down", "up", "x_to_h", bias=True)
        a.project(net, "up", "y", 0.5)
    elif kind == "following":
        a.follow(net, "h", "down", "x_to_h", lambda W: 2 * np.tanh(W).T, every=3)
        a.project(net, "down", "up", 0.5)
        a.project(net, "up", "y", 0.5)
    else:
        a.reshuffle(net, "h", "up", 0.7)
        a.reshuffle(net, "x", "up", 0.7)
        a.project(net, "up", "down", 0.5)
        a.project(net, "down", "y", 0.5)
    a.present(net, 5)
    return learn(net)


RATE = """
v = I : 1
I : 1
y : 1
psi = 1 - y**2 : 1
"""
STRINGS = {
    "error": "target : 1\ndelta : 1",
    "feedback": "J : 1\ndelta : 1",
    "emit": "delta = J * layer_psi",
    "emit_error": "delta = (layer_y - target) * layer_psi",
}
_LOSS = {"loss": "(layer_y - target)**2 / 2", "noise": 1e-2}
#: Pathway -> its own arguments, and which of `STRINGS` it takes if not all.
PATHWAYS = {
    "feedback_alignment": ({"limit": 0.5}, STRINGS),
    "transpose": ({}, STRINGS),
    "direct_feedback_alignment": ({"limit": 0.5}, STRINGS),
    "indirect_feedback_alignment": ({"limit": 0.5}, STRINGS),
    "shallow": ({}, ("error", "emit", "emit_error")),
    "pseudobackprop": ({"every": 3}, STRINGS),
    "sign_symmetric": ({"scale": 0.3}, STRINGS),
    "reshuffled_alignment": ({"limit": 0.5}, STRINGS),
    "learned_feedback": ({"limit": 0.5, "eta": 0.1} | _LOSS, STRINGS),
    "node_perturbation": (_LOSS, ()),
}


def pathway(name, streams=3, measured=False, dtype="float32", target="numba"):
    """A network of rates with a pathway; with monitors of errors and updates if asked, whose measurements count too."""
    net = a.network(streams=streams, seed=8, dtype=dtype, target=target)
    a.source(net, "image", 9, "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    names = ("h1", "h2", "output")
    for layer, units in zip(names, (8, 7, 6), strict=True):
        a.layer(net, layer, units, RATE, emit="y = tanh(v)", output="y", threshold=None)
    arguments, taken = PATHWAYS[name]
    a.pathway(net, name, **{key: STRINGS[key] for key in taken}, **arguments)
    learning = names[-1:] if name == "shallow" else names
    for below, above in zip(("image", *names), names, strict=False):
        rule = "dW = -eta * delta_post * y_pre" if above in learning else None
        a.project(net, below, above, 0.6, rule=rule, constants={"eta": 0.1} if rule else None)
    a.present(net, 2, 3)
    if not measured:
        return learn(net)
    monitors = [a.error_monitor(net, presentations=2), a.update_alignment(net)]
    learn(net)
    return [net, *(array for monitor in monitors for array in monitor()), *a.angles(net)]


def looked_at(streams):
    """Evaluations and displays within a run, monitors of Brian2, a text that sets a variable, rates of a schedule."""
    net = a.model_network("lillicrap2016_spiking", streams, 9, average=40, **_SPIKING)
    a.keep_initial_state(net)  # evaluations start from the state before the text
    a.set_text(net, "h1", "v", "0.1 * randn() + rand()")
    recorded = a.record(net, "h1", ["v", "p"], spikes=True)
    learn(net, 10)
    images, labels = images_and_answers(net, 12 * streams, seed=5)
    found = [a.guesses(net, images, 4), a.responses(net, images, 3), *a.look_aside(net, images, labels, 5)]
    a.set_factor(net, "image_to_h1", 0.5)
    a.set_factor(net, "h1_to_h2", 0.0)
    learn(net, 10, seed=6)
    return [net, *found, *recorded(), *a.angles(net)]


def through_a_checkpoint():
    """A network that goes on from the file that another one wrote."""
    build = partial(a.model_network, "lillicrap2016_spiking", 3, 9, average=40, momentum=0.5, **_SPIKING)
    first, second = build(), build()
    learn(first, 10)
    with tempfile.TemporaryDirectory() as folder:
        a.save_and_load(first, second, Path(folder, "c.h5"))
    return learn(second, 10, seed=6)


def trained(model, **options):
    with tempfile.TemporaryDirectory() as folder:
        net, rows, shown = a.train(Path(folder, "run"), model, **options)
    return [net, rows, *shown]


_ON_DIGITS = {"pixels": 64, "hidden": (30, 20), "outputs": 20, "eta": 1e-2, "weight_range": 0.2}
_TRAINED = {
    "spiking": {
        "model": "lillicrap2016_spiking",
        "streams": 20,
        "epochs": 2,
        "validation": 400,
        "display": False,
        "fields": _ON_DIGITS | {"momentum": 0.5, "drop_after": (1,), "average": 500},
    },
    "spiking, displayed and diagnosed": {
        "model": "lillicrap2016_spiking",
        "streams": 40,
        "epochs": 1,
        "display": True,
        "diagnostics": True,
        "fields": _ON_DIGITS,
    },
    "rates, distorted images": {
        "model": "lillicrap2016_rate",
        "streams": 20,
        "epochs": 1,
        "display": False,
        "validation": 100,
        "fields": {
            "sizes": (64, 30, 20, 10),
            "units": "tanh",
            "standardise": True,
            "distort": True,
            "distort_sigma": 2.0,
            "distort_alpha": 4.0,
            "turns": (1,),
            "gated": True,
            "weight_range": 0.2,
        },
    },
    "direct, rmsprop": {
        "model": "nokland2016_dfa",
        "streams": 30,
        "epochs": 2,
        "display": False,
        "fields": {"pixels": 64, "hidden": (30, 20), "eta": 1e-3, "drop_after": (1,)},
    },
}


def model_cases(target):
    cases = {}
    for model, (_, pathways) in MODELS.items():
        for name in pathways:
            cases[f"{model}/{name}/{target}"] = partial(of_model, model, pathway=name, target=target)
    return cases


def variant_cases():
    return {
        f"{model}: {variant}/numba": partial(of_model, model, **{"target": "numba", **fields})
        for model, variants in VARIANTS.items()
        for variant, fields in variants.items()
    }


#: Rules of the network `spiking`; the last ones are loops over synapses.
RULES = {
    "product": "dW = 0.02 * (s_post - 0.3) * s_pre",
    "product and decay": "dW = 0.02 * d_post * s_pre - 0.01 * W",
    "slow decay": "dW = 0.02 * d_post * s_pre - 1e-7 * W",
    "decay in every third step": "dW = 0.02 * d_post * s_pre - 1.5e-6 * W",
    "two products": "dW = 0.02 * (s_pre * v_post - x_pre * s_post)",
    "decay alone": "dW = -0.01 * W",
    "presynaptic alone": "dW = 0.01 * s_pre",
    "functions": "dW = 0.02 * d_post * int(x_pre > 0.5) * sqrt(x_pre)",
    "synapse loop": "dW = -0.02 * d_post * s_pre * W",
    "soft bounds": "dW = 0.05 * s_post * s_pre * (1 - W) - 0.01 * W",
    "not separable": "dW = 0.02 * tanh(x_pre - v_post)",
    "Oja": "dW = 2e-3 * (v_post * s_pre - v_post**2 * W)",
    "constant drift": "dW = 0.02 * s_pre * s_post - 0.003",
}
LOOPS = ("synapse loop", "soft bounds", "not separable")


def network_cases():
    cases = {}
    for name, rule in RULES.items():
        for streams in (1, 3, 40):
            if name in LOOPS and streams == 40:
                continue
            cases[f"rule {name}/{streams} streams"] = partial(spiking, streams, rule)
    few, most = a.random_mask(0.08), a.random_mask(0.7)
    for streams in (1, 2, 5, 40):
        for kind, mask in (("masked", most), ("sparse", few)):
            cases[f"spikes {kind}/{streams} streams"] = partial(spiking, streams, RULES["product and decay"], mask)
            cases[f"graded {kind}/{streams} streams"] = partial(graded, streams, mask=mask)
        cases[f"graded/{streams} streams"] = partial(graded, streams)
        cases[f"spikes momentum/{streams} streams"] = partial(
            spiking, streams, RULES["product and decay"], momentum=0.8
        )
        cases[f"graded rmsprop/{streams} streams"] = partial(graded, streams, rmsprop=0.9, rate=0.01)
        cases[f"graded float64/{streams} streams"] = partial(graded, streams, dtype="float64")
    for kind, mask in (("masked", most), ("sparse", few)):
        cases[f"spikes {kind} momentum"] = partial(spiking, 4, mask=mask, momentum=0.8)
        cases[f"spikes {kind} rmsprop"] = partial(spiking, 4, mask=mask, rmsprop=0.9, rate=0.01)
        cases[f"spikes {kind} soft bounds"] = partial(spiking, 4, RULES["soft bounds"], mask)
        cases[f"spikes {kind} soft bounds momentum"] = partial(spiking, 1, RULES["soft bounds"], mask, momentum=0.5)
        cases[f"spikes {kind} float64"] = partial(spiking, 2, mask=mask, dtype="float64")
    cases["spikes rate"] = partial(spiking, 4, rate=0.3)
    cases["spikes soft bounds momentum"] = partial(spiking, 4, RULES["soft bounds"], momentum=0.5)
    cases["spikes bias fixed"] = partial(spiking, 4, learn_bias=False)
    for kind in ("shared", "following", "reshuffled"):
        for streams in (1, 3, 40):
            cases[f"{kind}/{streams} streams"] = partial(dependent, kind, streams)
    cases["shared sparse/1 streams"] = partial(dependent, "shared", 1, few)
    cases["shared sparse/12 streams"] = partial(dependent, "shared", 12, few)
    cases["shared float64"] = partial(dependent, "shared", 3, dtype="float64")
    own_options = {
        "thresholds": {},
        "thresholds, 1 stream": {"streams": 1},
        "thresholds, 40 streams": {"streams": 40},
        "thresholds, float32": {"dtype": "float32"},
        "thresholds, averaged": {"average": 10},
        "softmax": {"softmax": 1},
        "softmax in groups": {"softmax": 2, "dtype": "float32"},
        "thresholds, rmsprop": {"rmsprop": 0.8, "rule": "dW = 0.01 * w_post * s_pre"},
    }
    for name, options in own_options.items():
        cases[f"own {name}"] = partial(own, **options)
        if "1 stream" not in name and "40" not in name:
            cases[f"own {name}/numpy"] = partial(own, target="numpy", **options)
    for name in PATHWAYS:
        cases[f"pathway {name}"] = partial(pathway, name)
        if name != "shallow":
            cases[f"pathway {name}, measured"] = partial(pathway, name, 2, True, "float64", "numpy")
    cases["looked at/3 streams"] = partial(looked_at, 3)
    cases["looked at/1 stream"] = partial(looked_at, 1)
    cases["through a checkpoint"] = through_a_checkpoint
    return cases


def run_cases():
    cases = {f"trained {name}": partial(trained, **options) for name, options in _TRAINED.items()}
    cases["trained spiking, interrupted and gone on with"] = partial(trained, interrupt=True, **_TRAINED["spiking"])
    cases["data digits"] = lambda: a.dataset_arrays(a.digits())
    for name in ("linear", "teacher", "quadratic"):
        cases[f"data {name}"] = partial(a.task, name, seed=1, train=50, test=20)
    cases["data xor"] = partial(a.task, "xor", -0.5, 0.5)
    return cases


def wide_cases():
    """With work for more than one thread."""
    spikes = {"pixels": 64, "hidden": (300, 300), "outputs": 40}
    model = "lillicrap2016_spiking"
    return {
        "wide spikes/1 stream": partial(of_model, model, 1, **spikes | {"hidden": (1500, 1500), "momentum": 0.5}),
        "wide spikes/10 streams": partial(of_model, model, 10, **spikes | {"hidden": (600, 450), "average": 30}),
        "wide spikes/40 streams": partial(of_model, model, 40, **spikes),
        "wide backpropagation/40 streams": partial(of_model, model, 40, pathway="transpose", **spikes),
        "wide sparse/40 streams": partial(of_model, model, 40, field=4, **spikes),
        "wide rates/20 streams": partial(
            of_model, "lillicrap2016_rate", 20, sizes=(256, 363, 300, CLASSES), maps=3, field=6
        ),
        "wide rates/1 stream": partial(
            of_model, "lillicrap2016_rate", 1, sizes=(64, 1600, 1500, CLASSES), pathway="transpose", weight_range=0.05
        ),
        "wide rmsprop/64 streams": partial(of_model, "nokland2016_dfa", 64, pixels=64, hidden=(300, 300)),
    }


def cuda_cases():
    """Few and small: numba's simulator runs each thread of a kernel in Python."""
    sizes = {"pixels": 8, "hidden": (5, 4), "outputs": 4, "classes": 2, "steps_per_image": 3}
    cases = {
        f"lillicrap2016_spiking: {name}/cuda": partial(
            of_model, "lillicrap2016_spiking", device="cuda", steps=7, **sizes | fields
        )
        for name, fields in {
            "alignment": {},
            "1 stream": {"streams": 1, "dtype": "float64"},
            "backpropagation": {"pathway": "transpose"},
            "momentum, means, averaged": {"momentum": 0.5, "mean_steps": 10.0, "average": 6, "dtype": "float64"},
            "fields, pairs": {"field": 2, "pathway": "direct", "feedback_pairs": True},
        }.items()
    }
    small = {"device": "cuda", "sizes": (4, 5, 4)}
    cases["own softmax in groups/cuda"] = partial(own, softmax=2, **small)
    cases["own rmsprop/cuda"] = partial(own, rmsprop=0.8, rule="dW = 0.01 * w_post * s_pre", **small)
    return cases


#: What the quick set has of these groups: labels that begin so. Of the others it has all.
QUICK = {
    "models, variants": (
        "lillicrap2016_spiking: momentum/",
        "lillicrap2016_spiking: fields/",
        "lillicrap2016_spiking: softmax/",
        "lillicrap2016_spiking: 45 streams/",
        "lillicrap2016_spiking: product/",
        "lillicrap2016_spiking: reinforce_feedback/",
        "lillicrap2016_rate: few synapses/",
        "lillicrap2016_rate: dropout/",
        "nokland2016_dfa: dropout/",
        "nokland2016_dfa: momentum/",
    ),
    "networks": (
        "rule product and decay",
        "rule soft bounds/1",
        "rule two products/3",
        "spikes masked/",
        "spikes sparse/",
        "spikes sparse rmsprop",
        "spikes sparse soft bounds momentum",
        "graded sparse/",
        "graded rmsprop/2",
        "shared/",
        "shared sparse/",
        "following/3",
        "reshuffled/1",
        "own softmax in groups",
        "through a checkpoint",
        "looked at/3 streams",
    ),
    "threads": ("wide spikes/10", "wide spikes/40", "wide sparse", "wide rates/20"),
}

GROUPS: dict[str, Callable[[], dict[str, Callable]]] = {
    "models, numba": lambda: model_cases("numba"),
    "models, numpy": lambda: model_cases("numpy"),
    "models, variants": variant_cases,
    "networks": network_cases,
    "runs": run_cases,
    "threads": wide_cases,
    "cuda simulator": cuda_cases,
    "models, cython": lambda: model_cases("cython"),
}
