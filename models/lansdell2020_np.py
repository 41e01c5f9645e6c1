"""Feedback weights that learn by node perturbation, beside feedback alignment and backpropagation.

Lansdell, Prakash & Kording (2020). Learning to solve the credit assignment problem. International Conference on
Learning Representations. https://doi.org/10.48550/arXiv.1906.00889

Reproduces: the network of Fig. 2, 784-50-20-10, logistic units and linear outputs, on MNIST. Noise on the outputs of
the hidden units changes the loss of each image; the feedback weights learn to predict that change from the errors of
the layer above, and the forward weights learn by what the feedback weights say of the images without noise:

* noisy: ``y~_l = f(y~_below @ W + b) + xi_l``, xi of standard deviation c, on all hidden layers at once;
* feedback: ``d_output = y - target``, ``d_l = (d_above @ B) * f'``, ``B -= eta_feedback * d_above^T (d_above @ B -
  xi_l (L~ - L) / c^2)``, with the loss L of each image;
* forward: ``W -= eta * y_below^T d``. All updates are summed over the images of a batch, which are the streams.

With ``feedback_rule="least_squares"`` the feedback weights are the ridge regression of all images seen,
``B = (ridge I + sum d_above^T d_above)^-1 sum d_above^T xi_l (L~ - L) / c^2``, of which the code's tables are. It
counts the images of long ago, when W was another, as much as the last ones. What the paper compares is a pathway, too:
``alignment``, ``backprop``, its synthetic gradients (SG), whose feedback weights learn from the true gradient,
``synthetic_gradients``, and its "matched", whose feedback weights learn by the forward weights' updates with the same
decay: ``kolen_pollack``.

The preset ``autoencoder`` is the network of Fig. 3, 784-200-2-200-784 with tanh, linear, tanh and rectified units,
whose targets are the images. Table 2 compares it with noise on the activations or on the input while it learns, and
with Adam: `activation_noise`, `input_noise` and `optimizer`.

Deviations from the paper and its code (https://github.com/benlansdell/synthfeedback):

* L is each image's own loss, as the paper states; versions of the code take the change of the batch's loss for all its
  images.
* Biases start at 0, and weights are normal; the code draws biases as weights, and cuts normals off in some networks.
* Evaluations have no noise; the code measures rows with noise on the activations with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

import spikefa as fa

INPUT = "y : 1   # what is shown"
NOISY_INPUT = """
x : 1                                              # what is shown
spread : 1 (shared)                                # standard deviation of the noise; 0 in evaluations
y : 1
"""
LAYER = """
v = I : 1                                          # potential
I : 1                                              # y_below @ W + b
y : 1                                              # rate
psi = {derivative} : 1                             # dy/dv
warm = int(t_in_timesteps >= warm_up) : 1          # 0 while only feedback weights learn
"""
#: Of units with noise on the output.
NOISY = """
r : 1                                              # rate without the noise
spread : 1 (shared)                                # standard deviation of the noise; 0 in evaluations
"""
#: Units -> rate {r} of the potential v, and its derivative.
UNITS = {
    "linear": ("v", "1"),
    "tanh": ("tanh(v)", "1 - {r}**2"),
    "logistic": ("1 / (1 + exp(-v))", "{r} * (1 - {r})"),
    "rectifier": ("v * int(v > 0)", "int(v > 0)"),
}
ERROR = """
target : 1
delta : 1
"""
FEEDBACK = """
J : 1                                              # delta_above @ B
delta : 1
"""
ERROR_SENT = "delta = (layer_y - target) * layer_psi"
MODULATION = "delta = J * layer_psi"
LOSS = "(layer_y - target)**2 / 2"
RULE = "dW = -eta * warm_post * delta_post * y_pre"
DECAY = " - decay * W"


@dataclass(frozen=True)
class Params(fa.Params):
    """Parameters, with the values of Fig. 2."""

    sizes: tuple[Annotated[int, fa.Range(1)], ...] = (784, 50, 20, 10)
    """Units of each layer: input, hidden layers, output."""
    units: tuple[Literal["linear", "tanh", "logistic", "rectifier"], ...] = ("logistic", "logistic", "linear")
    """Units of each layer but the input."""
    pathway: Annotated[
        Literal["node_perturbation_feedback", "alignment", "backprop", "kolen_pollack", "synthetic_gradients"],
        fa.OrRegistered("spikefa.pathways"),
    ] = "node_perturbation_feedback"
    """Feedback weights that are learned by node perturbation, fixed (alignment), the transposed forward weights, or
    learned by the forward weights' updates (kolen_pollack, the paper's "matched") or from the true gradient
    (synthetic_gradients, the paper's SG)."""
    feedback_rule: Literal["sgd", "least_squares"] = "sgd"
    """How node perturbation's feedback weights learn: by stochastic gradient descent, or as the least-squares solution
    of all images so far."""
    classes: Annotated[int, fa.Range(1)] | None = 10
    """Number of classes; none for a regression, whose targets are the data's, or the images where they have none."""
    eta: Annotated[float, fa.Range(0)] = 4e-4
    """Learning rate of forward weights and biases, for the update summed over the images."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """How forward weights and biases move: by the update itself, or by Adam with the rate `eta`."""
    eta_feedback: Annotated[float, fa.Range(0)] = 5e-4
    """Learning rate of the feedback weights, for the update summed over the images."""
    ridge: Annotated[float, fa.Range(0, open_low=True)] = 0.1
    """Ridge of the least squares, the paper's gamma."""
    decay: Annotated[float, fa.Range(0, 1, open_high=True)] = 0.0
    """Fraction of the forward weights, and with kolen_pollack of the feedback weights, that a batch takes away; also
    in the warm-up."""
    noise: Annotated[float, fa.Range(0, open_low=True)] = 1e-2
    """Standard deviation c of the noise on the hidden units' outputs."""
    activation_noise: Annotated[float, fa.Range(0, open_low=True)] | None = None
    """Standard deviation of noise on the hidden units' outputs while they learn, with any pathway; none by default."""
    input_noise: Annotated[float, fa.Range(0, open_low=True)] | None = None
    """Standard deviation of noise on the input while the network learns, as in a denoising autoencoder."""
    warm_up: Annotated[int, fa.Range(0)] = 1000
    """Batches during which the feedback weights alone learn; with other pathways, nothing does."""
    steps_per_image: Annotated[int, fa.Range(1)] = 1
    """Steps for which a batch is shown; there are no dynamics, so that one is enough."""
    test_steps: Annotated[int, fa.Range(1)] = 1
    """Steps for which an example is shown in a test."""
    streams: Annotated[int, fa.Range(1)] = 32
    """Images shown at once, a batch, unless the command line says how many."""
    epochs: Annotated[int, fa.Range(0)] = 20
    """Passes over the training images, unless the command line says how many."""
    dtype: Literal["float32", "float64"] = "float32"
    """Float type of states and weights."""
    target: Literal["numba", "numpy", "cython"] = "numba"
    """Brian2 code-generation target of the equations."""

    def validate(self) -> None:
        """Refuse parameters that do not fit each other."""
        if len(self.sizes) < 3:
            self.refuse("sizes", "name an input, a hidden layer and an output, at least")
        if len(self.units) != len(self.sizes) - 1:
            self.refuse("units", f"name {len(self.sizes) - 1} layers' units, those of sizes but the input")
        if self.pathway == "kolen_pollack" and not self.decay:
            self.refuse("decay", "be above 0 with kolen_pollack, whose weights do not approach each other without it")
        if self.optimizer == "adam" and self.decay:
            self.refuse("decay", "be 0 with adam, by which it would be as large as an update")
        if self.feedback_rule != "sgd" and self.pathway != "node_perturbation_feedback":
            self.refuse("feedback_rule", "be sgd, unless the pathway is node_perturbation_feedback,")


PRESETS = {
    # The forward weights stay, and the feedback weights become their transpose (Fig. 4).
    "fixed": {"eta": 0.0},
    # Fig. 3 and Table 2.
    "autoencoder": {
        "sizes": (784, 200, 2, 200, 784),
        "units": ("tanh", "linear", "tanh", "rectifier"),
        "classes": None,
        "eta": 1e-4,
        "eta_feedback": 8e-6,
        "noise": 0.0189,
        "warm_up": 0,
    },
}


def _add_pathway(net: fa.Network, params: Params, rule: fa.Plasticity) -> None:
    def B(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        return fa.normal(np.sqrt(2 / shape[1]))(rng, shape)  # of the forward weights' size

    exact = params.feedback_rule == "least_squares"
    learning = {"ridge": params.ridge} if exact else {"eta": params.eta_feedback}
    fa.add_pathway(
        net,
        params.pathway,
        error=ERROR,
        emit_error=ERROR_SENT,
        feedback=FEEDBACK,
        emit=MODULATION,
        B=B,
        loss=LOSS,
        noise=params.noise,
        rule=rule,
        namespace={"warm_up": params.warm_up},
        **learning,
    )


def sizes(params: Params, dataset: fa.datasets.Dataset) -> dict:
    """Parameters that follow from the data: the input, the output, and the number of classes, if there are any."""
    if params.classes and dataset.classes:
        return {
            "sizes": (dataset.train_images.shape[1], *params.sizes[1:-1], dataset.classes),
            "classes": dataset.classes,
        }
    pixels = dataset.train_images.shape[1]
    last = pixels if dataset.train_targets is None else dataset.train_targets.shape[1]
    return {"sizes": (pixels, *params.sizes[1:-1], last)}


def prepare(params: Params, dataset: fa.datasets.Dataset) -> fa.datasets.Dataset:
    """Make the images targets in a regression, if the data have none."""
    return dataset if params.classes or dataset.train_targets is not None else fa.datasets.autoencoder(dataset)


def build(params: Params = Params(), streams: int = 1, seed: int = 0) -> fa.Network:
    """Build the network."""
    net = fa.Network(streams=streams, seed=seed, dtype=params.dtype, target=params.target)
    first, *above = params.sizes
    limits = (0, 1) if params.classes else None
    noisy = params.input_noise is not None
    equations, emit, shown = (NOISY_INPUT, "y = x + spread * randn()", "x") if noisy else (INPUT, "", "y")
    below = fa.Input(
        net, "image", first, equations, emit=emit, stimulus_variable=shown, output="y", threshold=None, limits=limits
    )
    names = [*(f"h{number}" for number in range(1, len(above))), "output"]
    for name, units, kind in zip(names, above, params.units, strict=True):
        _layer(net, name, units, kind, params, noisy=params.activation_noise is not None and name != "output")
    text, constants = (RULE + DECAY, {"decay": params.decay}) if params.decay else (RULE, {})
    if params.optimizer == "adam":  # whose move is the rate, whatever the size of the update
        rule = fa.Plasticity(text, constants | {"eta": 1.0}, fa.Adam(), params.eta)
    else:
        rule = fa.Plasticity(text, constants | {"eta": params.eta})
    _add_pathway(net, params, rule)
    for layer in net.layers:
        fa.Projection(net, below, layer, fa.normal(np.sqrt(2 / below.units)), plasticity=rule)
        below = layer
    if params.classes:
        fa.classification_task(net, params.steps_per_image, params.classes)
    else:
        fa.regression_task(net, params.steps_per_image)
    spreads = dict.fromkeys(net.hidden, params.activation_noise) | {net.input: params.input_noise}
    for population, spread in spreads.items():
        if spread is not None:
            population.spread = spread
            population.set_in_evaluations(spread=0)
    return net


def _layer(net: fa.Network, name: str, units: int, kind: str, params: Params, noisy: bool) -> None:
    rate, derivative = UNITS[kind]
    equations = LAYER.format(derivative=derivative.format(r="r" if noisy else "y"))
    fa.Layer(
        net,
        name,
        units,
        equations + NOISY if noisy else equations,
        emit=f"r = {rate}\ny = r + spread * randn()" if noisy else f"y = {rate}",
        output="y",
        threshold=None,
        namespace={"warm_up": params.warm_up},
    )
