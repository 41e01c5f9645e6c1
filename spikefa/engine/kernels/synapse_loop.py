"""Rules that are no sum of outer products: one fused loop over all synapses, made from the expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from brian2.parsing.rendering import NumpyNodeRenderer

from spikefa.engine.generated import load_kernel
from spikefa.engine.kernels import loop_functions
from spikefa.engine.kernels.loop_functions import LOOP_FUNCTIONS

# Names of functions here do not begin with an underscore: those of a rule's variables do.
_HEADER = """
from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.loop_functions import LOOP_FUNCTIONS
from spikefa.engine.kernels.tasks import share

globals().update(LOOP_FUNCTIONS)
"""

_TEMPLATE = """

@compiled(nogil=True, error_model="numpy")
def one(j, W, lr, {arguments}):
    n_pre = len(W)
    streams = {streams}
    number = W.dtype.type
    for i in range(n_pre):
        w = W[i, j]
        total = number(0)
        for k in range(streams):
            total += {summed}
        W[i, j] = w + number(lr) * total + {local}


@compiled(nogil=True, error_model="numpy")
def kernel(W, lr, {arguments}):
    share(one, W.shape[1], (W, lr, {arguments}))
"""

_STATES_TEMPLATE = """

@compiled(nogil=True, error_model="numpy")
def one(i, {arguments}):
    _, n_post, streams = {first}.shape
    number = {first}.dtype.type
    for j in range(n_post):
        for k in range(streams):
            {statements}


@compiled(nogil=True, error_model="numpy")
def kernel({arguments}):
    share(one, len({first}), ({arguments},))
"""

# The same with arrays: a row of synapses at a time, so that no temporary array is large.
_NUMPY_TEMPLATE = """
def loop(W, lr, {arguments}):
    number = W.dtype.type
    for i in range(len(W)):
        w = W[i][:, None]
        total = zeros((W.shape[1], {streams}), W.dtype)
        total += {summed}
        W[i] += number(lr) * total.sum(axis=1) + ({local} + 0 * w)[:, 0]
"""

_NUMPY_STATES_TEMPLATE = """
def loop({arguments}):
    number = {first}.dtype.type
    for i in range(len({first})):
        {statements}
"""


def _exprel_of_array(x):
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(x == 0, 1.0, np.expm1(x) / x)


_NUMPY_FUNCTIONS = {
    **{n: getattr(np, n) for n in LOOP_FUNCTIONS if hasattr(np, n)},
    "int": lambda x: np.asarray(x).astype(np.int64),
    "exprel": _exprel_of_array,
    **{n: getattr(np, n) for n in ("zeros", "logical_and", "logical_or", "logical_not")},
}


def compile_loop(
    summed: str,
    local: str,
    pre: Sequence[str],
    post: Sequence[str],
    constants: Sequence[str],
    states: Sequence[str] = (),
    with_numpy: bool = False,
) -> Callable:
    """Compile ``W += lr * sum over streams of summed + local``.

    Parameters
    ----------
    summed, local : str
        Python expressions; `summed` may use all names, `local` only ``W`` and the constants.
    pre, post : sequence of str
        Names with their suffix, such as ``s_pre``; each becomes an array ``(units, streams)``.
    constants : sequence of str
    states : sequence of str
        Names of arrays ``(n_pre, n_post, streams)``.
    with_numpy : bool
        Whether numpy runs it instead of numba.

    Returns
    -------
    function
        ``loop(W, lr, *pre arrays, *post arrays, *states, *constants)`` with W ``(n_pre, n_post)``, in place.
    """
    arrays, arguments = _arguments(pre, post, states, constants)
    names = _names(pre, post, constants, with_numpy) | {"W": "w"}
    names |= {name: f"_{name}[i]" if with_numpy else f"_{name}[i, j, k]" for name in states}
    rendered = _numpy_text if with_numpy else str
    source = (_NUMPY_TEMPLATE if with_numpy else _TEMPLATE).format(
        arguments=", ".join(arguments),
        streams=f"{arrays[0]}.shape[-1]" if arrays else "0",
        summed=_renamed(rendered(summed), names),
        local=_renamed(rendered(local), names),
    )
    return _compiled(source, with_numpy)


def compile_states(
    statements: Sequence[tuple[str, str]],
    pre: Sequence[str],
    post: Sequence[str],
    constants: Sequence[str],
    states: Sequence[str],
    with_numpy: bool = False,
) -> Callable:
    """Compile what one step does to the states of each synapse in each stream: decay, then statements.

    Parameters
    ----------
    statements : sequence of (str, str)
        A state's name and the Python expression of its new value, in their order.
    pre, post, constants, states, with_numpy
        As in `compile_loop`.

    Returns
    -------
    function
        ``loop(*pre arrays, *post arrays, *states, *constants, *factors)``, in place, with a factor for each state,
        which it decays by.
    """
    _, arguments = _arguments(pre, post, states, constants)
    names = _names(pre, post, constants, with_numpy) | {name: f"_now_{name}" for name in states}
    place = "[i]" if with_numpy else "[i, j, k]"
    lines = [f"_now_{name} = number(_factor_{name}) * _{name}{place}" for name in states]
    rendered, cast = (_numpy_text, "") if with_numpy else (str, "number")
    lines += [f"_now_{name} = {cast}({_renamed(rendered(value), names)})" for name, value in statements]
    lines += [f"_{name}{place} = _now_{name}" for name in states]
    source = (_NUMPY_STATES_TEMPLATE if with_numpy else _STATES_TEMPLATE).format(
        arguments=", ".join([*arguments, *(f"_factor_{name}" for name in states)]),
        first=f"_{states[0]}",
        statements=("\n" + " " * (8 if with_numpy else 12)).join(lines),
    )
    return _compiled(source, with_numpy)


def _arguments(
    pre: Sequence[str], post: Sequence[str], states: Sequence[str], constants: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the names of the arrays, and of all arguments."""
    arrays = [f"_{name}" for name in (*pre, *post, *states)]
    return arrays, [*arrays, *(f"_constant_{name}" for name in constants)]  # a constant may have any name


def _names(pre: Sequence[str], post: Sequence[str], constants: Sequence[str], with_numpy: bool) -> dict[str, str]:
    # The time is of double precision in a loop of floats, too.
    names = {name: f"_constant_{name}" if name == "t" else f"number(_constant_{name})" for name in constants}
    for some, index in ((pre, "i"), (post, "" if with_numpy else "j")):
        names |= {name: f"_{name}[{index or ':'}]" if with_numpy else f"_{name}[{index}, k]" for name in some}
    return names


def _numpy_text(expression: str) -> str:
    return NumpyNodeRenderer().render_expr(expression)


def _compiled(source: str, with_numpy: bool) -> Callable:
    if not with_numpy:
        return load_kernel(_HEADER + source, (loop_functions,))
    namespace = dict(_NUMPY_FUNCTIONS)
    exec(source, namespace)
    return np.errstate(all="ignore")(namespace["loop"])


def _renamed(expression: str, names: Mapping[str, str]) -> str:
    return re.sub(r"(?<![\w.])[A-Za-z_]\w*\b(?!\()", lambda found: names.get(found[0], found[0]), expression)
