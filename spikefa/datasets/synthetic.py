"""Functions to approximate (Lillicrap et al. 2016, Figs 2, 3 and 5), as data sets made from a seed.

By name they are those of seed 0; of xor, each pattern 250 times.

Everything is float64; a task of the same seed is the same task, whatever the number of examples.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from spikefa.datasets.dataset import Dataset, regression
from spikefa.datasets.registry import datasets


def linear_map(inputs: int = 30, outputs: int = 10, seed: int = 0) -> np.ndarray:
    """Return the matrix T (outputs, inputs) of `linear` and `identity`, uniform in [-1, 1]."""
    return _random(seed, "weights").uniform(-1, 1, (outputs, inputs))


def linear(inputs: int = 30, outputs: int = 10, seed: int = 0, train: int = 5000, test: int = 1000) -> Dataset:
    """Return the task ``y = T x`` with x ~ N(0, 1) and T of `linear_map` (Fig. 2).

    Parameters
    ----------
    inputs, outputs : int
    seed : int
    train, test : int
        Number of examples.
    """
    T = linear_map(inputs, outputs, seed)
    return _task("linear", lambda rng, n: rng.standard_normal((n, inputs)), lambda x: x @ T.T, seed, train, test)


def identity(inputs: int = 30, outputs: int = 10, seed: int = 0) -> Dataset:
    """Return the map of `linear`, with the rows of the identity matrix as the only examples.

    Shown together, in as many streams as there are inputs, their summed update is exactly the expected update
    of one white input of `linear`, since the mean of x x^T is the identity.
    """
    x, y = np.eye(inputs), linear_map(inputs, outputs, seed).T
    return regression("identity", x, y, x, y)


def teacher_weights(
    sizes: tuple[int, ...] = (30, 20, 10, 10), weight_range: float = 0.5, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return W (n_pre, n_post) and b (n_post,) of each layer of the network of `teacher`."""
    rng = _random(seed, "weights")
    return [
        (rng.uniform(-weight_range, weight_range, shape), rng.uniform(-weight_range, weight_range, shape[1]))
        for shape in pairwise(sizes)
    ]


def teacher(
    sizes: tuple[int, ...] = (30, 20, 10, 10),
    weight_range: float = 0.5,
    seed: int = 0,
    train: int = 5000,
    test: int = 1000,
) -> Dataset:
    """Return the answers of a random network of tanh layers and a linear output to x ~ N(0, 1) (Fig. 3d).

    Parameters
    ----------
    sizes : tuple of int
        Units of each layer, input first.
    weight_range : float
        Weights and biases are uniform in +- this.
    seed : int
    train, test : int
        Number of examples.
    """
    *hidden, (last, bias) = teacher_weights(sizes, weight_range, seed)

    def answer(x: np.ndarray) -> np.ndarray:
        for W, b in hidden:
            x = np.tanh(x @ W + b)
        return x @ last + bias

    return _task("teacher", lambda rng, n: rng.standard_normal((n, sizes[0])), answer, seed, train, test)


def quadratic_forms(inputs: int = 20, outputs: int = 20, seed: int = 0) -> np.ndarray:
    """Return the matrices Q (outputs, inputs, inputs) of `quadratic`, uniform in [-0.5, 0.5]."""
    return _random(seed, "weights").uniform(-0.5, 0.5, (outputs, inputs, inputs))


def quadratic(inputs: int = 20, outputs: int = 20, seed: int = 0, train: int = 5000, test: int = 1000) -> Dataset:
    """Return the task ``y_k = x^T Q_k x`` with x uniform in [-2, 2] (Fig. 5).

    Parameters
    ----------
    inputs, outputs : int
    seed : int
    train, test : int
        Number of examples.
    """
    forms = quadratic_forms(inputs, outputs, seed).reshape(outputs, -1)

    def answer(x: np.ndarray) -> np.ndarray:
        products = x[:, :, None] * x[:, None, :]
        return products.reshape(len(x), -1) @ forms.T

    return _task("quadratic", lambda rng, n: rng.uniform(-2, 2, (n, inputs)), answer, seed, train, test)


def xor(low: float = 0.0, high: float = 1.0, repeats: int = 1) -> Dataset:
    """Return the four patterns of exclusive or, of two inputs and one output (Supp. Fig. 7); tested on the same.

    Parameters
    ----------
    low, high : float
        What false and true are, in inputs and targets.
    repeats : int
        How often a pass over the training examples shows each.
    """
    patterns = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    x, y = (np.where(bits, float(high), float(low)) for bits in (patterns, patterns.sum(axis=1, keepdims=True) == 1))
    return regression("xor", *(np.tile(values, (repeats, 1)) for values in (x, y)), x, y)


@datasets.register("linear")
def _load_linear(data_dir: str | os.PathLike | None = None) -> Dataset:
    return linear()


@datasets.register("teacher")
def _load_teacher(data_dir: str | os.PathLike | None = None) -> Dataset:
    return teacher()


@datasets.register("quadratic")
def _load_quadratic(data_dir: str | os.PathLike | None = None) -> Dataset:
    return quadratic()


@datasets.register("xor")
def _load_xor(data_dir: str | os.PathLike | None = None) -> Dataset:
    return xor(repeats=250)


def _random(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, ["weights", "train", "test"].index(purpose)])


def _task(
    name: str,
    sample: Callable[[np.random.Generator, int], np.ndarray],
    answer: Callable[[np.ndarray], np.ndarray],
    seed: int,
    train: int,
    test: int,
) -> Dataset:
    x, held_out = sample(_random(seed, "train"), train), sample(_random(seed, "test"), test)
    return regression(name, x, answer(x), held_out, answer(held_out))
