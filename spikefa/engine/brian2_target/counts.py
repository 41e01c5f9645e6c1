"""Random counts of a given mean, made of uniform random numbers: ``poisson(mean)`` and ``binomial(n, p)``."""

from collections.abc import Callable
from itertools import count

import numpy as np
from brian2.core.functions import DEFAULT_FUNCTIONS, Function
from brian2.input.binomial import BinomialFunction

from spikefa.errors import ArgumentError

#: Largest mean and number whose counts fit the integers of Brian2, int32.
_MOST = 1e9
#: Largest mean for which probabilities are added up: there, SciPy is up to a hundred times slower.
_FEW = 8


def _poisson(uniform: np.ndarray, mean: np.ndarray) -> np.ndarray:
    if not np.all((np.asarray(mean) >= 0) & np.isfinite(mean)):
        raise ArgumentError(f"poisson: the mean must be a finite number of at least 0, got {_worst(mean, 0, np.inf)}")
    if np.any(np.asarray(mean) > _MOST):
        raise ArgumentError(f"poisson: the mean must be at most {_MOST:g}, got {np.max(mean):g}")
    if np.max(mean, initial=0) <= _FEW:
        return _few(np.asarray(uniform), np.asarray(mean, float))
    from scipy.stats import poisson  # takes a second to import

    return np.maximum(poisson.ppf(uniform, mean), 0).astype(np.int32)


def _few(uniform: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return for each uniform number the least count up to which the probabilities add up to it."""
    counts = np.zeros(np.broadcast_shapes(uniform.shape, mean.shape), np.int32)
    probability = below = np.exp(-mean)
    for number in count(1):
        probability = probability * mean / number
        more = (uniform > below) & (below + probability > below)  # a sum that grows no more may stay below a number
        if not more.any():
            return counts
        counts += more
        below = below + probability


def _binomial(uniform: np.ndarray, n: np.ndarray, p: np.ndarray) -> np.ndarray:
    if not np.all((np.asarray(n) >= 0) & np.equal(np.mod(n, 1), 0)):
        raise ArgumentError(f"binomial: n must be a whole number of at least 0, got {_worst(n, 0, np.inf)}")
    if not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        raise ArgumentError(f"binomial: p must be a probability, got {_worst(p, 0, 1)}")
    if np.any(np.asarray(n) > _MOST):
        raise ArgumentError(f"binomial: n must be at most {_MOST:g}, got {np.max(n):g}")
    from scipy.stats import binom  # takes a second to import

    return np.maximum(binom.ppf(uniform, n, p), 0).astype(np.int32)


def _worst(values: np.ndarray, low: float, high: float) -> float:
    values = np.ravel(np.asarray(values, float))
    bad = values[~((values >= low) & (values <= high) & np.isfinite(values))]
    return float((bad if bad.size else values)[0])


def _function(code: Callable[..., np.ndarray], arguments: int) -> Function:
    function = Function(code, arg_units=[1] * arguments, return_unit=1, return_type="integer")
    # Brian2 would write every array that it returns as text, for a message about units that is not needed.
    function.implementations.add_implementation("numpy", code)
    return function


#: By the name in a population's strings: the name and the function in their place, whose first argument is uniform.
COUNTS = {
    name: (f"{name}_of_seed", _function(code, arguments))
    for name, code, arguments in (("poisson", _poisson, 2), ("binomial", _binomial, 3))
}
_STOCK = [DEFAULT_FUNCTIONS[name] for name in ("rand", "randn", "poisson")]


def draws_from_elsewhere(function: object) -> bool:
    """Whether a function draws numbers from Brian2's own generator, which a network's seed does not set."""
    return isinstance(function, BinomialFunction) or any(function is stock for stock in _STOCK)
