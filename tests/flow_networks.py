"""Linear networks for the tests of the flow, and the wrong feedbacks planted in it."""

import importlib.util
import sys
from pathlib import Path

import numpy as np

PATH = Path(__file__).resolve().parents[1] / "examples" / "lillicrap2016" / "learning_flow.py"


def _loaded():
    """The module of the learning flow, which is part of the examples and not of the package."""
    spec = importlib.util.spec_from_file_location("learning_flow", PATH)
    sys.modules["learning_flow"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


learning_flow = sys.modules.get("learning_flow") or _loaded()


def wrong_sign(W, B):
    """A' = -B E."""
    return -B


def other_B(W, B):
    """Another matrix of the same size in the feedback."""
    return np.random.default_rng(99).uniform(-0.5, 0.5, B.shape)


def network(rng, sizes=(6, 8, 5), w=0.3, b=0.5):
    n_in, n_hidden, n_out = sizes
    T, B = rng.uniform(-1, 1, (n_out, n_in)), rng.uniform(-b, b, (n_hidden, n_out))
    return T, rng.uniform(-w, w, (n_out, n_hidden)), rng.uniform(-w, w, (n_hidden, n_in)), B
