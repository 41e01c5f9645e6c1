"""Rules that are no sum of outer products: one fused loop over all synapses, made from the expression."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numba
import numpy as np

_TEMPLATE = """
def loop(W, lr, {arguments}):
    n_pre, n_post = W.shape
    streams = {streams}
    number = W.dtype.type
    for j in prange(n_post):
        for i in range(n_pre):
            w = W[i, j]
            total = number(0)
            for k in range(streams):
                total += {summed}
            W[i, j] = w + number(lr) * total + {local}
"""


@numba.njit
def _sign(x):
    return np.sign(x)


@numba.njit
def _clip(x, low, high):
    return min(max(x, low), high)


@numba.njit
def _exprel(x):
    return math.expm1(x) / x if x != 0 else 1.0


#: Name in a rule -> function in the loop.
LOOP_FUNCTIONS = {
    **{n: getattr(math, n) for n in ("exp", "log", "log10", "expm1", "log1p", "sqrt", "sin", "cos", "tan")},
    **{n: getattr(math, n) for n in ("sinh", "cosh", "tanh", "floor", "ceil")},
    "abs": abs,
    "int": int,
    "sign": _sign,
    "clip": _clip,
    "exprel": _exprel,
    **{f"arc{n}": getattr(math, f"a{n}") for n in ("sin", "cos", "tan")},
}


def compile_loop(
    summed: str, local: str, pre: Sequence[str], post: Sequence[str], constants: Sequence[str]
) -> Callable:
    """Compile ``W += lr * sum over streams of summed + local``.

    Parameters
    ----------
    summed, local : str
        Python expressions; `summed` may use all names, `local` only ``W`` and the constants.
    pre, post : sequence of str
        Names with their suffix, such as ``s_pre``; each becomes an array ``(units, streams)``.
    constants : sequence of str

    Returns
    -------
    function
        ``loop(W, lr, *pre arrays, *post arrays, *constants)`` with W ``(n_pre, n_post)``, in place.
    """
    arrays = [f"_{name}" for name in (*pre, *post)]
    arguments = [f"_constant_{name}" for name in constants]  # which may be called as the template's own names are
    names = {name: f"number(_constant_{name})" for name in constants} | {"W": "w"}
    for some, index in ((pre, "i"), (post, "j")):
        names |= {name: f"_{name}[{index}, k]" for name in some}
    source = _TEMPLATE.format(
        arguments=", ".join([*arrays, *arguments]),
        streams=f"{arrays[0]}.shape[1]" if arrays else "0",
        summed=_renamed(summed, names),
        local=_renamed(local, names),
    )
    namespace = {**LOOP_FUNCTIONS, "prange": numba.prange}
    exec(source, namespace)
    return numba.njit(parallel=True, nogil=True, error_model="numpy")(namespace["loop"])


def _renamed(expression: str, names: Mapping[str, str]) -> str:
    return re.sub(r"(?<![\w.])[A-Za-z_]\w*\b(?!\()", lambda found: names.get(found[0], found[0]), expression)
