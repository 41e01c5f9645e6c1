"""Counter-based random numbers as Brian2 functions, equal on the numpy, cython and numba targets.

A population writes ``rand()``; `number_draws` makes that ``rand_0()``, ``rand_1()`` ..., and each of these
names is a `counter_random` bound to the population's clock: its value is a function of seed, step,
population and unit only (see `spikefa.engine.kernels.philox`).
"""

import re
from collections.abc import Collection, Sequence

import numpy as np
from brian2.codegen.runtime.numpy_rt.numpy_rt import LazyArange
from brian2.core.clocks import Clock
from brian2.core.functions import Function

from spikefa.engine.brian2_target.counts import COUNTS
from spikefa.engine.kernels.philox import fill_normal, fill_uniform, object_id
from spikefa.errors import ArgumentError

__all__ = ["RandomStream", "counter_normal", "counter_random", "number_draws"]

_FILL = {"uniform": fill_uniform, "normal": fill_normal}
_KIND = {"rand": "uniform", "randn": "normal"}
_DRAW = re.compile(r"\b(?:(randn?)\s*\(\s*\)|(poisson|binomial)\s*\()")

#: Which numbers each dtype gets from a word `w` (the same as `philox`).
_CYTHON_VALUE = {
    ("uniform", "f4"): "(<double>(w >> 8)) * 5.9604644775390625e-08",
    ("uniform", "f8"): "(<double>w) * 2.3283064365386963e-10",
}
_CYTHON_PHILOX = """
cdef double {name}(int _idx):
    cdef uint64_t x0 = _idx // 4, x1 = {draw}, x2 = _namespace{step}[0], x3 = {obj}
    cdef uint64_t k0 = _namespace{seed}[0] & 0xFFFFFFFF, k1 = _namespace{seed}[0] >> 32
    cdef uint64_t p0, p1, w, v
    cdef int r
    for r in range(10):
        p0 = <uint64_t>0xD2511F53 * x0
        p1 = <uint64_t>0xCD9E8D57 * x2
        x0 = (p1 >> 32) ^ x1 ^ k0
        x1 = p1 & 0xFFFFFFFF
        x2 = (p0 >> 32) ^ x3 ^ k1
        x3 = p0 & 0xFFFFFFFF
        k0 = (k0 + <uint64_t>0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + <uint64_t>0xBB67AE85) & 0xFFFFFFFF
"""
_CYTHON_UNIFORM = """
    w = x0 if _idx % 4 == 0 else x1 if _idx % 4 == 1 else x2 if _idx % 4 == 2 else x3
    return {value}
"""
_CYTHON_NORMAL = """
    w = x0 if _idx % 4 < 2 else x2
    v = x1 if _idx % 4 < 2 else x3
    cdef double radius = sqrt(-2.0 * log((<double>w + 0.5) * 2.3283064365386963e-10))
    cdef double angle = (<double>(<int32_t>v) + 0.5) * 1.4629180792671596e-09
    return radius * (cos(angle) if _idx % 2 == 0 else sin(angle))
"""


class RandomStream:
    """The numbers of one draw of one object, one array a step.

    Parameters
    ----------
    kind : {'uniform', 'normal'}
    seed : array (1,), uint64
        Shared by reference, so that whoever holds it can change the seed between runs.
    obj : int
        See `spikefa.engine.kernels.philox.object_id`.
    draw : int
        Number of the draw within the object's step.
    step : array (1,), int64
        The clock's time step, read whenever numbers are drawn.
    dtype : dtype
        float32 or float64.
    """

    def __init__(self, kind: str, seed: np.ndarray, obj: int, draw: int, step: np.ndarray, dtype: np.dtype):
        self.kind, self.seed, self.obj, self.draw, self.step = kind, seed, obj, draw, step
        self.dtype = np.dtype(dtype)

    def fill(self, out: np.ndarray) -> None:
        """Fill `out` with the numbers of units 0, 1, ... in the present step."""
        _FILL[self.kind](out, self.seed[0], self.step[0], self.obj, self.draw)

    def __call__(self, vectorisation_idx) -> np.ndarray | float:
        """Numbers of the given units: the implementation for Brian2's numpy target."""
        lazy = isinstance(vectorisation_idx, LazyArange)
        if lazy and vectorisation_idx.start == 0 and vectorisation_idx.indices is None:
            out = np.empty(len(vectorisation_idx), self.dtype)
            self.fill(out)
            return out
        units = np.asarray(vectorisation_idx)
        out = np.empty(units.max(initial=-1) + 1, self.dtype)
        self.fill(out)
        return out[units]

    def cython_code(self, name: str) -> str:
        """Source of the same function for Brian2's cython target."""
        code = _CYTHON_PHILOX + (_CYTHON_NORMAL if self.kind == "normal" else _CYTHON_UNIFORM)
        return code.format(
            name=name,
            draw=self.draw,
            obj=self.obj,
            seed=f"{name}_seed",
            step=f"{name}_step",
            value=_CYTHON_VALUE.get((self.kind, self.dtype.str[1:])),
        )


def _counter_function(kind, seed_array, obj_name, draw, clock, dtype) -> Function:
    seed_array = np.asarray(seed_array)
    if seed_array.shape != (1,) or seed_array.dtype != np.uint64:
        raise ArgumentError(
            f"counter_random: seed_array must be a uint64 array of length 1, got {seed_array.dtype} "
            f"of shape {seed_array.shape}"
        )
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ArgumentError(f"counter_random: dtype must be float32 or float64, got {np.dtype(dtype)}")
    step = clock.variables["timestep"].get_value()
    stream = RandomStream(kind, seed_array, object_id(obj_name), draw, step, dtype)
    function = Function(stream, arg_units=[], return_unit=1, stateless=False, auto_vectorise=True)
    add = function.implementations.add_implementation
    add("numpy", code=stream)
    add("numba", code=stream)
    name = f"_{kind}_{stream.obj}_{draw}"
    namespace = {f"{name}_seed": seed_array, f"{name}_step": step}
    add("cython", code=stream.cython_code(name), name=name, namespace=namespace)
    return function


def counter_random(
    seed_array: np.ndarray, obj_name: str, draw: int, clock: Clock, dtype: np.dtype = np.float64
) -> Function:
    """Return a Brian2 function without arguments that gives each unit a uniform number in [0, 1).

    Parameters
    ----------
    seed_array : array (1,), uint64
        Key of the generator, kept by reference: writing another seed into it gives another stream
        of numbers from the next step on.
    obj_name : str
        Name of the population that draws.
    draw : int
        Number of the draw within the population's step (see `number_draws`).
    clock : Clock
        The clock whose time step is the counter.
    dtype : float32 or float64
        Precision of the numbers: 24 or 32 random bits.

    Returns
    -------
    brian2.core.functions.Function
        With implementations for the numpy, cython and numba targets, to be put into a namespace.

    Raises
    ------
    TypeError
        If `seed_array` or `dtype` is of another type.
    """
    return _counter_function("uniform", seed_array, obj_name, draw, clock, dtype)


def counter_normal(
    seed_array: np.ndarray, obj_name: str, draw: int, clock: Clock, dtype: np.dtype = np.float64
) -> Function:
    """Return a Brian2 function that gives each unit a standard normal number; see `counter_random`.

    The numpy and numba targets give equal bits; cython, compiled with its own logarithm and cosine,
    equal numbers to rounding.
    """
    return _counter_function("normal", seed_array, obj_name, draw, clock, dtype)


def number_draws(
    strings: Sequence[str], first: int = 0, taken: Collection[str] = ()
) -> tuple[list[str], list[tuple[str, str, int]]]:
    """Give each random draw in a population's strings its number.

    Parameters
    ----------
    strings : sequence of str
        Equations, thresholds and statements, in a fixed order.
    first : int
        Number of the first draw.
    taken : collection of str
        Names that mean something else than a function of Brian2 or of `COUNTS`.

    Returns
    -------
    strings : list of str
        The same with the ``rand()`` and ``randn()`` of all of them written ``rand_k()`` and ``randn_k()``, k from
        `first` on, and ``poisson(mean)`` and ``binomial(n, p)`` as functions of ``rand_k()`` and their arguments.
    draws : list of (name, kind, k)
        The new names, with kind 'uniform', 'normal' or, for counts, 'fine': uniform in double precision.
    """
    draws = []

    def number(match):
        kind = match[1] or match[2]
        if kind in taken:
            return match[0]
        draw = first + len(draws)
        if match[2]:
            draws.append((f"rand_{draw}", "fine", draw))
            return f"{COUNTS[kind][0]}(rand_{draw}(), "
        draws.append((f"{kind}_{draw}", _KIND[kind], draw))
        return f"{kind}_{draw}()"

    return [_DRAW.sub(number, string) for string in strings], draws
